// SPDX-License-Identifier: Apache-2.0

package banyan

import (
	"slices"
	"sync"
)

// nameTable holds the names registered on this node.
type nameTable struct {
	mu sync.RWMutex
	m  map[Atom]*Self
}

func (t *nameTable) get(name Atom) *Self {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.m[name]
}

// register takes a name for a process. The lock order is the table, then the process.
func (t *nameTable) register(name Atom, p *Self) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.m[name] != nil {
		return ErrNameTaken
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead.Load() {
		return ErrNoProcess
	}
	if t.m == nil {
		t.m = map[Atom]*Self{}
	}
	t.m[name] = p
	r := p.related()
	r.names = append(r.names, name)
	r.labels = nil
	return nil
}

func (t *nameTable) release(name Atom, p *Self) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.m[name] == p {
		delete(t.m, name)
	}
}

// Register gives a process of this node a name. ErrNameTaken if another process has it, ErrNoProcess if there is none.
// The name is free again when the process ends, before its links and monitors hear of it.
func (n *Node) Register(name Atom, pid PID) error {
	p := n.procs.get(pid)
	if p == nil {
		return &OpError{Op: "register", To: pid.String(), What: string(name), Err: ErrNoProcess}
	}
	if err := n.names.register(name, p); err != nil {
		return &OpError{Op: "register", To: pid.String(), What: string(name), Err: err}
	}
	if co, mine := p.mine(); mine { // else the profiler knows it by its kind until it runs long
		p.labelled = true
		if co != nil {
			co.Label = nil
			p.label(co)
		} else {
			p.labelPlain()
		}
	}
	return nil
}

// Unregister frees a name; it reports whether somebody had it.
func (n *Node) Unregister(name Atom) bool {
	p := n.names.get(name)
	if p == nil {
		return false
	}
	n.names.release(name, p)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ext != nil {
		p.ext.names = slices.DeleteFunc(p.ext.names, func(s Atom) bool { return s == name })
	}
	return true
}

// Whereis finds the process that has a name on this node.
func (n *Node) Whereis(name Atom) (PID, bool) {
	p := n.names.get(name)
	if p == nil {
		return PID{}, false
	}
	return p.pid, true
}

// Registered lists the names of this node, sorted.
func (n *Node) Registered() []Atom {
	n.names.mu.RLock()
	defer n.names.mu.RUnlock()
	names := make([]Atom, 0, len(n.names.m))
	for name := range n.names.m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// aliasTable holds the active aliases of this node's processes.
type aliasTable struct {
	mu sync.RWMutex
	m  map[Reference]*Self
}

func (t *aliasTable) get(ref Reference) *Self {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.m[ref]
}

func (t *aliasTable) add(ref Reference, p *Self) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.m == nil {
		t.m = map[Reference]*Self{}
	}
	t.m[ref] = p
}

func (t *aliasTable) remove(ref Reference) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.m, ref)
}

// Alias makes a new address of this process, for messages that may come late: Unalias makes it stop working.
func (p *Self) Alias() Reference {
	ref := p.node.newRef()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead.Load() {
		return ref
	}
	r := p.related()
	if r.aliases == nil {
		r.aliases = map[Reference]bool{}
	}
	r.aliases[ref] = false
	p.node.aliases.add(ref, p)
	return ref
}

// Unalias ends an alias: messages to it are dropped from now on. It reports whether it was active.
func (p *Self) Unalias(ref Reference) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ext == nil {
		return false
	}
	if _, ok := p.ext.aliases[ref]; !ok {
		return false // another's, or gone
	}
	delete(p.ext.aliases, ref)
	p.node.aliases.remove(ref)
	return true
}
