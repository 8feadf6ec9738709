// SPDX-License-Identifier: Apache-2.0

package global

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// lockerMsg is what the name server tells its locker: one of the fields is set.
type lockerMsg struct {
	him    *him  // a session has begun
	cancel atom  // the session with this node, and tag, is over
	tag    int64 // of cancel
	set    *lockSet
	add    []atom // nodes are known
	remove atom   // a node is known no more
}

// him is the other side of a session.
type him struct {
	node    atom
	locker  banyan.PID
	version int
	mine    int64
	his     any
}

// lockSet is what the other side's locker says: it has the lock, or could not get it.
type lockSet struct {
	locker  banyan.PID
	set     bool
	tagged  bool // from version 8 on
	tagTerm any
	tag     int64
}

// locker takes the global lock for one session after the other, on all nodes that this one knows. It is a process of its own,
// as in OTP, because it waits, and because locks belong to whoever asks for them.
type locker struct {
	self    *banyan.Self
	node    atom
	waiting []him // sessions that want the lock
	known   []atom
	eager   bool // a session has just been served: go on at once
}

// runLocker is the process. server is told by casts what it has.
func runLocker(self *banyan.Self) error {
	l := &locker{self: self, node: self.Node().Name()}
	for {
		m, err := l.receive()
		if err != nil {
			return err
		}
		switch {
		case m != nil:
			if err := l.take(*m); err != nil {
				return err
			}
		case !l.lockFree():
		default:
			if err := l.serve(); err != nil {
				return err
			}
		}
	}
}

// receive waits for a message; nil if it is time to try for a lock.
func (l *locker) receive() (*lockerMsg, error) {
	ctx := context.Context(l.self)
	if len(l.waiting) > 0 {
		ctx = banyan.Within(l.self, l.patience())
	}
	l.eager = false
	m, err := banyan.ReceiveOf[lockerMsg](ctx, l.self)
	if err != nil && ctx != context.Context(l.self) && l.self.Err() == nil {
		return nil, nil
	}
	return &m, err
}

// patience is how long to wait before a try: the other side may be the first. The more nodes there are to ask, the longer.
func (l *locker) patience() time.Duration {
	switch {
	case l.eager:
		return 0
	case len(l.known) == 0:
		return 200 * time.Millisecond
	}
	return min(time.Second+100*time.Millisecond*time.Duration(len(l.known)), 3*time.Second)
}

// lockFree asks our own server.
func (l *locker) lockFree() bool {
	free, err := banyan.Call(l.self, server1, freeCall{})
	return err == nil && free
}

func (l *locker) take(m lockerMsg) error {
	switch {
	case m.him != nil:
		l.waiting = append(l.waiting, *m.him)
	case m.cancel != "":
		l.drop(m.cancel, m.tag)
	case m.set != nil && m.set.set:
		return l.answer(*m.set)
	default:
		l.learn(m)
	}
	return nil
}

func (l *locker) learn(m lockerMsg) {
	for _, n := range m.add {
		if !slices.Contains(l.known, n) {
			l.known = append(l.known, n)
		}
	}
	if m.remove != "" {
		l.known = slices.DeleteFunc(l.known, func(n atom) bool { return n == m.remove })
	}
}

// catchUp reads what is known now, between locks.
func (l *locker) catchUp() error {
	for {
		m, err := l.self.Receive(banyan.Within(l.self, 0), banyan.When(func(m lockerMsg) bool { return len(m.add) > 0 || m.remove != "" }))
		if err != nil {
			return l.self.Err()
		}
		l.learn(m.(lockerMsg))
	}
}

func (l *locker) drop(node atom, tag int64) {
	l.waiting = slices.DeleteFunc(l.waiting, func(h him) bool { return h.node == node && h.mine == tag })
}

// requester names both lockers, so that both may hold the same lock.
func (l *locker) requester(other banyan.PID) any {
	pids := []any{l.self.PID(), other}
	slices.SortFunc(pids, etf.Compare)
	return etf.List(pids)
}

// serve tries to get the lock for one of the sessions that want it.
func (l *locker) serve() error {
	l.waiting = slices.DeleteFunc(l.waiting, func(h him) bool { return slices.Contains(l.known, h.node) })
	if len(l.waiting) == 0 {
		return nil
	}
	h := l.waiting[rand.IntN(len(l.waiting))]
	requester := l.requester(h.locker)
	ok, err := l.lockAll(requester, []atom{h.node})
	if err != nil || !ok {
		return err
	}
	all := append([]atom{l.node, h.node}, l.known...)
	l.say(true, h.locker, h.version, h.his)
	for {
		m, err := l.self.Receive(l.self, banyan.When(func(m lockerMsg) bool {
			return m.cancel == h.node && m.tag == h.mine || m.set != nil && m.set.locker.Node == h.node
		}))
		if err != nil {
			return err
		}
		switch m := m.(lockerMsg); {
		case m.cancel != "":
			l.drop(h.node, h.mine)
			l.unlock(requester, all)
			return nil
		case m.set.tagged && m.set.tag != h.mine: // of an earlier session
		case !m.set.set:
			l.unlock(requester, all)
			return nil
		default:
			return l.hold(h, requester, all)
		}
	}
}

// answer is for the other side, which has the lock: we get it too, or say that we cannot.
func (l *locker) answer(m lockSet) error {
	i := slices.IndexFunc(l.waiting, func(h him) bool { return h.node == m.locker.Node })
	if i < 0 {
		l.say(false, m.locker, oldest, 0)
		return nil
	}
	h := l.waiting[i]
	if m.tagged && m.tag != h.mine {
		l.say(false, m.locker, oldest, 0)
		return nil
	}
	requester := l.requester(m.locker)
	ok, err := l.lockAll(requester, nil)
	if err != nil {
		return err
	}
	l.say(ok, m.locker, h.version, h.his)
	if !ok {
		return nil
	}
	return l.hold(h, requester, append([]atom{l.node}, l.known...))
}

// hold keeps the lock until the session is over: its server then cancels it.
func (l *locker) hold(h him, requester any, all []atom) error {
	if err := banyan.Cast(l.self, server1, lockedNote{h.node, h.mine, requester}); err != nil {
		return err
	}
	_, err := l.self.Receive(l.self, banyan.When(func(m lockerMsg) bool { return m.cancel == h.node && m.tag == h.mine }))
	if err != nil {
		return err
	}
	l.unlock(requester, all)
	l.drop(h.node, h.mine)
	l.eager = true
	return nil
}

// say tells the other locker whether we have the lock.
func (l *locker) say(ok bool, to banyan.PID, vsn int, tag any) {
	m := etf.Tuple{atom("lock_set"), l.self.PID(), ok, atomList(l.known)}
	if vsn >= versionAcks {
		m = append(m, tag)
	}
	var err error
	if ctx := banyan.NoWait(l.self); vsn < versionLocker {
		err = banyan.Send(ctx, to, m)
	} else {
		err = banyan.Cast(ctx, banyan.At[banyan.Foreign](serverName, to.Node), banyan.Tell{Term: m})
	}
	if err != nil { // the link is gone, or so full that it will be: the session then is over soon
		l.self.Node().Logger().Debug("global: a locker cannot be told", "node", string(to.Node), "error", err)
	}
}

// lockAll takes the global lock at the boss first (the greatest node name), so that most who compete learn it there; then here
// and at extra, then at all others.
func (l *locker) lockAll(requester any, extra []atom) (bool, error) {
	lock := globalLock(requester)
	boss := slices.Max(append([]atom{l.node}, l.known...))
	if boss != l.node {
		if free, err := banyan.Call(l.self, server1, freeCall{requester}); err != nil || !free {
			return false, err
		}
	}
	if !linked(l.self, l.known) || !setLock(l.self, lock, []atom{boss}) {
		return false, l.self.Err()
	}
	if err := l.catchUp(); err != nil {
		return false, err
	}
	second := slices.DeleteFunc(append([]atom{l.node}, extra...), func(n atom) bool { return n == boss })
	if !setLock(l.self, lock, second) {
		delLock(l.self, lock, []atom{boss})
		return false, l.self.Err()
	}
	rest := slices.DeleteFunc(slices.Clone(l.known), func(n atom) bool { return n == boss })
	if !linked(l.self, l.known) || !setLock(l.self, lock, rest) {
		delLock(l.self, lock, append(second, boss))
		return false, l.self.Err()
	}
	return true, nil
}

// unlock gives the lock back, at the boss last.
func (l *locker) unlock(requester any, nodes []atom) { delGlobal(l.self, requester, nodes) }

func delGlobal(self *banyan.Self, requester any, nodes []atom) {
	boss := slices.Max(nodes)
	delLock(self, globalLock(requester), slices.DeleteFunc(slices.Clone(nodes), func(n atom) bool { return n == boss }))
	delLock(self, globalLock(requester), []atom{boss})
}

func atomList(nodes []atom) etf.List {
	list := make(etf.List, len(nodes))
	for i, n := range nodes {
		list[i] = n
	}
	return list
}
