// SPDX-License-Identifier: Apache-2.0

package pg

import (
	"slices"

	"github.com/banyan-go/banyan"
)

// entry is one group: who joined it, once for each time.
// Invariant: an entry with no member is deleted; no list in remote is empty; total counts all.
type entry struct {
	local  []banyan.PID
	remote map[banyan.PID][]banyan.PID // by the scope that announced them
	total  int
}

// members are the groups of a scope, of all nodes.
type members map[key]*entry

func (m members) get(k key) *entry {
	e := m[k]
	if e == nil {
		e = &entry{}
		m[k] = e
	}
	return e
}

func (m members) addLocal(k key, pids []banyan.PID) {
	e := m.get(k)
	e.local = append(e.local, pids...)
	e.total += len(pids)
}

func (m members) addRemote(k key, peer banyan.PID, pids []banyan.PID) {
	e := m.get(k)
	if e.remote == nil {
		e.remote = map[banyan.PID][]banyan.PID{}
	}
	e.remote[peer] = append(e.remote[peer], pids...)
	e.total += len(pids)
}

// dropLocal takes a process out once; false if it is not in.
func (m members) dropLocal(k key, pid banyan.PID) bool {
	e := m[k]
	if e == nil || !remove(&e.local, pid) {
		return false
	}
	m.lost(k, e, 1)
	return true
}

// dropRemote takes a process of another scope out once; false if it is not in.
func (m members) dropRemote(k key, peer, pid banyan.PID) bool {
	e := m[k]
	if e == nil {
		return false
	}
	list := e.remote[peer]
	if !remove(&list, pid) {
		return false
	}
	if len(list) == 0 {
		delete(e.remote, peer)
	} else {
		e.remote[peer] = list
	}
	m.lost(k, e, 1)
	return true
}

// dropPeer takes out all that another scope has in a group.
func (m members) dropPeer(k key, peer banyan.PID) []banyan.PID {
	e := m[k]
	if e == nil {
		return nil
	}
	list := e.remote[peer]
	delete(e.remote, peer)
	m.lost(k, e, len(list))
	return list
}

// ofPeer are those that another scope has in a group.
func (m members) ofPeer(k key, peer banyan.PID) []banyan.PID {
	if e := m[k]; e != nil {
		return e.remote[peer]
	}
	return nil
}

func (m members) lost(k key, e *entry, n int) {
	if e.total -= n; e.total == 0 {
		delete(m, k)
	}
}

// all lists the members, local ones first.
func (e *entry) all() []banyan.PID {
	if e == nil {
		return nil
	}
	list := make([]banyan.PID, 0, e.total)
	list = append(list, e.local...)
	for _, pids := range e.remote {
		list = append(list, pids...)
	}
	return list
}

// pick chooses a member: one of the local ones if there are any. n gives a number below its argument.
func (e *entry) pick(n func(int) int) (banyan.PID, bool) {
	switch {
	case e == nil:
		return banyan.PID{}, false
	case len(e.local) > 0:
		return e.local[n(len(e.local))], true
	}
	i := n(e.total)
	for _, pids := range e.remote {
		if i < len(pids) {
			return pids[i], true
		}
		i -= len(pids)
	}
	return banyan.PID{}, false
}

// remove takes one mention of pid out of a list, whose order has no meaning.
func remove(list *[]banyan.PID, pid banyan.PID) bool {
	l := *list
	i := slices.Index(l, pid)
	if i < 0 {
		return false
	}
	l[i] = l[len(l)-1]
	*list = l[:len(l)-1]
	return true
}

// difference tells what has to leave and to join for a list to become another.
func difference(old, now []banyan.PID) (left, joined []banyan.PID) {
	n := make(map[banyan.PID]int, len(old))
	for _, p := range old {
		n[p]++
	}
	for _, p := range now {
		if n[p] > 0 {
			n[p]--
		} else {
			joined = append(joined, p)
		}
	}
	for _, p := range old {
		if n[p] > 0 {
			n[p]--
			left = append(left, p)
		}
	}
	return left, joined
}
