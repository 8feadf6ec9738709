// SPDX-License-Identifier: Apache-2.0

package pg

import (
	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// key is a group's name in one spelling, see etf.Key. It holds on to nothing else of the message that it came in.
type key string

// keyOf makes the key of a group's name, which may be any value that has a term.
func keyOf(name any) (key, error) {
	k, err := etf.Key(name)
	return key(k), err
}

// term is the group's name again. A key was made here by encoding, so that it decodes.
func (k key) term() any {
	t, _, err := etf.DecodeTerm([]byte(k), etf.Limits{})
	if err != nil {
		return nil
	}
	return t
}

// The messages between scopes, and nothing else: a real scope crashes at any other.
const (
	atomDiscover = etf.Atom("discover")
	atomSync     = etf.Atom("sync")
	atomJoin     = etf.Atom("join")
	atomLeave    = etf.Atom("leave")
)

func discoverTerm(self banyan.PID) any { return etf.Tuple{atomDiscover, self} }

func joinTerm(self banyan.PID, k key, pids []banyan.PID) any {
	if len(pids) == 1 {
		return etf.Tuple{atomJoin, self, k.term(), pids[0]}
	}
	return etf.Tuple{atomJoin, self, k.term(), pidList(pids)}
}

// leaveTerm says that one process leaves groups, one time for each mention.
func leaveTerm(self, pid banyan.PID, keys []key) any {
	groups := make(etf.List, len(keys))
	for i, k := range keys {
		groups[i] = k.term()
	}
	return etf.Tuple{atomLeave, self, pid, groups}
}

func pidList(pids []banyan.PID) etf.List {
	l := make(etf.List, len(pids))
	for i, p := range pids {
		l[i] = p
	}
	return l
}

// heard is what a message from another scope says.
type heard struct {
	what   etf.Atom
	peer   banyan.PID
	group  any          // join
	pids   []banyan.PID // join, leave
	groups []any        // leave
	sync   []announced  // sync
}

// announced is one group of a sync.
type announced struct {
	group any
	pids  []banyan.PID
}

// parseInfo reads a plain message; ok is false if it is none that scopes send.
func parseInfo(m any) (h heard, ok bool) {
	t, isTuple := m.(etf.Tuple)
	if !isTuple || len(t) < 2 {
		return h, false
	}
	h.what, _ = t[0].(etf.Atom)
	h.peer, ok = t[1].(banyan.PID)
	switch {
	case !ok:
	case h.what == atomDiscover && len(t) <= 3: // from OTP 26 on with one more, of no meaning yet
		return h, true
	case h.what == atomJoin && len(t) == 4:
		h.group = t[2]
		h.pids, ok = pidsOf(t[3])
		return h, ok
	case h.what == atomLeave && len(t) == 4:
		list, isList := t[3].(etf.List)
		h.groups = list
		h.pids, ok = pidsOf(t[2])
		return h, ok && isList
	}
	return h, false
}

// parseCast reads a cast; ok is false if it is none that scopes send.
func parseCast(m any) (h heard, ok bool) {
	t, isTuple := m.(etf.Tuple)
	if !isTuple || len(t) != 3 || t[0] != any(atomSync) {
		return h, false
	}
	h.what = atomSync
	h.peer, ok = t[1].(banyan.PID)
	list, isList := t[2].(etf.List)
	if !ok || !isList {
		return h, false
	}
	for _, e := range list {
		g, isTuple := e.(etf.Tuple)
		if !isTuple || len(g) != 2 {
			return h, false
		}
		pids, ok := pidsOf(g[1])
		if !ok {
			return h, false
		}
		h.sync = append(h.sync, announced{g[0], pids})
	}
	return h, true
}

// pidsOf reads a pid or a list of them.
func pidsOf(t any) ([]banyan.PID, bool) {
	if p, ok := t.(banyan.PID); ok {
		return []banyan.PID{p}, true
	}
	list, ok := t.(etf.List)
	if !ok {
		return nil, false
	}
	pids := make([]banyan.PID, len(list))
	for i, e := range list {
		if pids[i], ok = e.(banyan.PID); !ok {
			return nil, false
		}
	}
	return pids, true
}
