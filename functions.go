// SPDX-License-Identifier: Apache-2.0

package banyan

import "sync"

// functionTable holds what Export made known. It only grows, by what the program exports.
type functionTable struct {
	mu sync.RWMutex
	m  map[functionKey]func(*Self, []any) error
}

type functionKey struct {
	module, function Atom
	arity            int
}

func (t *functionTable) find(module, function Atom, arity int) func(*Self, []any) error {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.m[functionKey{module, function, arity}]
}

// Export makes a function known to other nodes by Erlang's words: they may spawn a process that runs it, by
// spawn(Node, Module, Function, Args) and the like, or RunAt. It runs in a plain process of its own, with the arguments as
// terms; what it returns is the exit reason. Nothing can be started here but what was exported. A function that is exported
// again replaces the former; nil takes it back.
func (n *Node) Export(module, function Atom, arity int, f func(self *Self, args []any) error) { //lint:any terms
	k := functionKey{module, function, arity}
	t := &n.functions
	t.mu.Lock()
	defer t.mu.Unlock()
	if f == nil {
		delete(t.m, k)
		return
	}
	if t.m == nil {
		t.m = map[functionKey]func(*Self, []any) error{}
	}
	t.m[k] = f
}

// Exported reports whether Export has made a function known.
func (n *Node) Exported(module, function Atom, arity int) bool {
	return n.functions.find(module, function, arity) != nil
}
