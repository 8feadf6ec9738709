// SPDX-License-Identifier: Apache-2.0

package pg

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// realScope behaves as a scope of Erlang/OTP 25 does, where that matters to others: what it accepts, and what it crashes at.
type realScope struct {
	self   banyan.PID
	local  map[banyan.PID][]key
	remote map[banyan.PID]map[key][]banyan.PID
	out    []sent
}

// sent is a message to a scope by its pid, or to the one on a node.
type sent struct {
	to   banyan.PID
	node banyan.Atom
	cast bool
	term any
}

func newRealScope(self banyan.PID) *realScope {
	return &realScope{self: self, local: map[banyan.PID][]key{}, remote: map[banyan.PID]map[key][]banyan.PID{}}
}

func (r *realScope) nodeUp(node banyan.Atom) {
	r.out = append(r.out, sent{node: node, term: etf.Tuple{atomDiscover, r.self}})
}

func (r *realScope) down(peer banyan.PID) { delete(r.remote, peer) }

func (r *realScope) join(k key, pid banyan.PID) {
	r.local[pid] = append(r.local[pid], k)
	r.broadcast(etf.Tuple{atomJoin, r.self, k.term(), pid})
}

func (r *realScope) die(pid banyan.PID) {
	keys := r.local[pid]
	if len(keys) == 0 {
		return
	}
	delete(r.local, pid)
	var groups etf.List
	for _, k := range keys {
		groups = append(groups, k.term())
	}
	r.broadcast(etf.Tuple{atomLeave, r.self, pid, groups})
}

func (r *realScope) broadcast(term any) {
	for peer := range r.remote {
		r.out = append(r.out, sent{to: peer, term: term})
	}
}

func (r *realScope) syncTerm() any {
	groups := map[key][]banyan.PID{}
	for pid, keys := range r.local {
		for _, k := range keys {
			groups[k] = append(groups[k], pid)
		}
	}
	list := etf.List{}
	for k, pids := range groups {
		list = append(list, etf.Tuple{k.term(), pidList(pids)})
	}
	return etf.Tuple{atomSync, r.self, list}
}

var errCrash = errors.New("a real scope crashes")

func crash(why string, term any) error {
	return fmt.Errorf("%w: %s: %s", errCrash, why, etf.Format(term))
}

// receive takes a message; an error is a crash.
func (r *realScope) receive(cast bool, term any) error {
	t, ok := term.(etf.Tuple)
	if !ok || len(t) < 2 {
		return crash("badarg", term)
	}
	peer, isPID := t[1].(banyan.PID)
	switch {
	case !isPID:
		return crash("badarg", term)
	case cast && len(t) == 3 && t[0] == any(atomSync):
		m := map[key][]banyan.PID{}
		list, ok := t[2].(etf.List)
		if !ok {
			return crash("groups are no list", term)
		}
		for _, e := range list {
			g := e.(etf.Tuple)
			k, err := keyOf(g[0])
			pids, ok := pidsOf(g[1])
			if err != nil || !ok || len(pids) == 0 || m[k] != nil {
				return crash("a group that is empty or there twice", term)
			}
			m[k] = pids
		}
		r.remote[peer] = m
		return nil
	case cast:
		return crash("badarg in a cast", term)
	case len(t) == 2 && t[0] == any(atomDiscover):
		r.out = append(r.out, sent{to: peer, cast: true, term: r.syncTerm()})
		if r.remote[peer] == nil {
			r.remote[peer] = map[key][]banyan.PID{}
			r.out = append(r.out, sent{to: peer, term: etf.Tuple{atomDiscover, r.self}})
		}
		return nil
	case len(t) == 4 && t[0] == any(atomJoin):
		k, err := keyOf(t[2])
		pids, ok := pidsOf(t[3])
		if err != nil || !ok || len(pids) == 0 {
			return crash("join of nobody", term)
		}
		if r.remote[peer] != nil {
			r.remote[peer][k] = append(r.remote[peer][k], pids...)
		}
		return nil
	case len(t) == 4 && t[0] == any(atomLeave):
		pids, ok := pidsOf(t[2])
		if !ok {
			return crash("leave of nobody", term)
		}
		if r.remote[peer] == nil {
			return nil
		}
		for _, g := range t[3].(etf.List) {
			k, _ := keyOf(g)
			have, ok := r.remote[peer][k]
			if !ok {
				return crash("badkey: leave of a group that was not announced", term)
			}
			for _, p := range pids {
				remove(&have, p)
			}
			if r.remote[peer][k] = have; len(have) == 0 {
				delete(r.remote[peer], k)
			}
		}
		return nil
	}
	return crash("badarg", term)
}

// view is the members of all groups, to compare.
func (r *realScope) view() map[key][]string {
	v := map[key][]string{}
	for pid, keys := range r.local {
		for _, k := range keys {
			v[k] = append(v[k], pid.String())
		}
	}
	for _, m := range r.remote {
		for k, pids := range m {
			for _, p := range pids {
				v[k] = append(v[k], p.String())
			}
		}
	}
	return sortedView(v)
}

func (c *core) view() map[key][]string {
	v := map[key][]string{}
	for k, e := range c.members {
		for _, p := range e.all() {
			v[k] = append(v[k], p.String())
		}
	}
	return sortedView(v)
}

func sortedView(v map[key][]string) map[key][]string {
	for _, l := range v {
		slices.Sort(l)
	}
	return v
}

func sameView(a, b map[key][]string) bool { return reflect.DeepEqual(a, b) }

// check finds what breaks the core's invariants.
func (c *core) check() error {
	used := 0
	for k, e := range c.members {
		n := len(e.local)
		for peer, pids := range e.remote {
			n += len(pids)
			if p := c.peers[peer]; p == nil || len(pids) == 0 {
				return fmt.Errorf("%v has %d members in %q", peer, len(pids), k)
			} else if _, ok := p.groups[k]; !ok {
				return fmt.Errorf("%v does not know its group %q", peer, k)
			}
		}
		if e.total == 0 || e.total != n {
			return fmt.Errorf("%q has total %d of %d", k, e.total, n)
		}
		if len(e.local) > 0 {
			used += cost(k, len(e.local), true)
		}
	}
	if used != c.used {
		return fmt.Errorf("used is %d, should be %d", c.used, used)
	}
	for pid, p := range c.peers {
		used := 0
		for k := range p.groups {
			used += cost(k, len(c.members.ofPeer(k, pid)), true)
		}
		if used != p.used {
			return fmt.Errorf("%v used %d, should be %d", pid, p.used, used)
		}
		if l := c.links[pid.Node]; l == nil || l.peer != pid {
			return fmt.Errorf("%v is not the scope of its node", pid)
		}
	}
	return nil
}
