// SPDX-License-Identifier: Apache-2.0

package global

import (
	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// entry is a name that somebody has.
type entry struct{ named }

// lock is a lock that somebody has here: all holders have one requester.
type lock struct {
	requester string // its key
	holders   map[banyan.PID]bool
}

// register gives a name, for a process that must hold the global lock here: it may have lost it, with a link.
func (c *core) register(n named, by banyan.PID) {
	if l := c.locks[globalKey]; l == nil && !c.lockDown || l != nil && l.holders[by] {
		c.insert(n)
	}
}

// globalKey is the key of the lock that orders changes of names.
var globalKey = mustKey(atom("global"))

func mustKey(v any) string {
	k, err := etf.Key(v)
	if err != nil {
		panic("global: " + err.Error()) // an atom has a key
	}
	return k
}

// insert gives a name to a process, whoever had it.
func (c *core) insert(n named) {
	k, err := etf.Key(n.name)
	if err != nil || n.pid.IsZero() {
		return
	}
	old := c.names[k]
	if old == nil && len(c.names) >= c.limits.names {
		c.log(n.pid.Node, "too many names, one is left out")
		return
	}
	if old != nil {
		c.release(old.pid, k, false)
	}
	c.names[k] = &entry{n}
	c.using(n.pid).names[k] = true
}

// unregister takes a name away.
func (c *core) unregister(name any) {
	k, err := etf.Key(name)
	if e := c.names[k]; err == nil && e != nil {
		delete(c.names, k)
		c.release(e.pid, k, false)
	}
}

// apply does what was agreed on by two nodes that hold the global lock together.
func (c *core) apply(ops []op, requester any) {
	holder := true
	if l := c.locks[globalKey]; l != nil {
		k, err := etf.Key(requester)
		holder = err == nil && k == l.requester
	} else if c.lockDown {
		holder = false
	}
	if !holder {
		return
	}
	for _, o := range ops {
		if o.remove {
			c.unregister(o.name)
		} else {
			c.insert(o.named)
		}
	}
}

// using gives the record of what a process has; from then on it is watched.
func (c *core) using(pid banyan.PID) *use {
	u := c.uses[pid]
	if u == nil {
		u = &use{names: map[string]bool{}, locks: map[string]bool{}}
		c.uses[pid] = u
		_, known := c.known[pid.Node]
		switch {
		case pid.Node == c.node || c.links[pid.Node]:
			c.watch(pid, u)
		case !known: // a hidden node: those that are known are being connected to
			c.do(effect{kind: doConnect, node: pid.Node})
		}
	}
	return u
}

func (c *core) watch(pid banyan.PID, u *use) {
	u.watched = true
	c.do(effect{kind: doWatch, pid: pid})
}

// release notes that a process has a name or a lock no more.
func (c *core) release(pid banyan.PID, k string, isLock bool) {
	u := c.uses[pid]
	if u == nil {
		return
	}
	if isLock {
		delete(u.locks, k)
	} else {
		delete(u.names, k)
	}
	if len(u.names)+len(u.locks) == 0 {
		delete(c.uses, pid)
		if u.watched {
			c.do(effect{kind: doUnwatch, pid: pid})
		}
	}
}

// down: a process that had something has ended.
func (c *core) down(pid banyan.PID) {
	u := c.uses[pid]
	if u == nil {
		return
	}
	delete(c.uses, pid)
	for k := range u.locks {
		c.unhold(k, pid, true)
	}
	for k := range u.names {
		delete(c.names, k)
	}
}

// setLock takes a lock for a process, if it is free or of the same requester.
func (c *core) setLock(resource, requester any, pid banyan.PID) bool {
	k, err1 := etf.Key(resource)
	r, err2 := etf.Key(requester)
	if err1 != nil || err2 != nil || pid.IsZero() {
		return false
	}
	l := c.locks[k]
	if l == nil {
		if len(c.locks) >= c.limits.locks {
			c.log(pid.Node, "too many locks, one is refused")
			return false
		}
		l = &lock{requester: r, holders: map[banyan.PID]bool{}}
		c.locks[k] = l
	}
	if l.requester != r || len(l.holders) >= maxHolders && !l.holders[pid] {
		return false
	}
	if !l.holders[pid] {
		l.holders[pid] = true
		c.using(pid).locks[k] = true
	}
	return true
}

const maxHolders = 10_000 // of one lock

// free reports whether a lock could be set here.
func (c *core) free(resource, requester any) bool {
	k, _ := etf.Key(resource)
	r, _ := etf.Key(requester)
	l := c.locks[k]
	return l == nil || l.requester == r
}

// delLock gives a lock of a process back.
func (c *core) delLock(resource, requester any, pid banyan.PID) {
	k, err1 := etf.Key(resource)
	r, err2 := etf.Key(requester)
	if l := c.locks[k]; err1 == nil && err2 == nil && l != nil && l.requester == r && l.holders[pid] {
		c.unhold(k, pid, false)
		c.release(pid, k, true)
	}
}

func (c *core) unhold(k string, pid banyan.PID, down bool) {
	l := c.locks[k]
	if l == nil {
		return
	}
	if delete(l.holders, pid); len(l.holders) > 0 {
		return
	}
	delete(c.locks, k)
	if k == globalKey {
		c.lockDown = down
	}
}
