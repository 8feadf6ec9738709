// SPDX-License-Identifier: Apache-2.0

package global

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// change is an order for the clerk: a name to be registered, or unregistered.
type change struct {
	named
	how  changeKind
	done banyan.Later[bool]
}

type changeKind uint8

const (
	changeRegister   changeKind = iota // if nobody has it
	changeReregister                   // whoever has it
	changeUnregister
)

// Immutable lets it pass from the server to the clerk as it is.
func (change) Immutable() {}

// changeCall is a change as a process of this node asks for it.
type changeCall struct {
	Name   any
	PID    banyan.PID
	Method etf.Export
	How    changeKind
}

// Call hands the change to the clerk.
func (m changeCall) Call(s *server, self *banyan.Self) (bool, error) {
	done := banyan.Defer[bool](self)
	return false, banyan.Send(self, s.clerk, change{named{m.Name, m.PID, m.Method}, m.How, done})
}

// runClerk is the process that changes names, one after the other: it takes the global lock on all nodes that are known, tells
// all of them, and gives it back. OTP calls it the registrar.
func runClerk(self *banyan.Self) error {
	for {
		c, err := banyan.ReceiveOf[change](self, self)
		if err != nil {
			return err
		}
		nodes, err := lockKnown(self)
		if err != nil {
			return err
		}
		done := c.apply(self, nodes)
		delGlobal(self, self.PID(), nodes)
		_ = c.done.Reply(done) // who has given up is told nothing
	}
}

// apply tells all nodes; false if the name is taken.
func (c change) apply(self *banyan.Self, nodes []atom) bool {
	has := false
	if t, ok := tables.Load(self.Node()); ok {
		_, has = t.(*table).find(self.Node(), c.name)
	}
	switch {
	case c.how == changeRegister && has:
		return false
	case c.how == changeUnregister && !has:
		return true
	case c.how == changeUnregister:
		askAll(self, nodes, etf.Tuple{atom("unregister"), c.name})
	default:
		askAll(self, nodes, etf.Tuple{atom("register"), c.name, c.pid, c.method})
	}
	return true
}

// lockKnown takes the global lock, at the boss first, and gives the nodes on which it did.
func lockKnown(self *banyan.Self) ([]atom, error) {
	lock := globalLock(self.PID())
	for times := 0; ; times++ {
		known, err := banyan.Call(self, server1, knownCall{})
		if err != nil {
			return nil, err
		}
		nodes := append([]atom{self.Node().Name()}, known...)
		boss := []atom{slices.Max(nodes)}
		if linked(self, nodes) && setLock(self, lock, boss) {
			if setLock(self, lock, nodes) {
				now, err := banyan.Call(self, server1, knownCall{})
				if err != nil {
					return nil, err
				}
				if slices.Equal(now, known) && linked(self, nodes) {
					return nodes, nil
				}
				delLock(self, lock, nodes)
			}
			delLock(self, lock, boss)
		}
		if err := pause(self, randomPause(times)); err != nil {
			return nil, err
		}
	}
}

// randomPause is how long to wait before a lock is tried for again: the more often it was, the longer.
func randomPause(times int) time.Duration {
	most := 8 * time.Second
	if times <= 5 {
		most = time.Second / 8 << times
	}
	return time.Millisecond + rand.N(most)
}

// pause waits, in a plain process.
func pause(self *banyan.Self, d time.Duration) error {
	_, err := self.Receive(banyan.Within(self, d), banyan.OfType[never]())
	if self.Err() != nil {
		return err
	}
	return nil
}

type never struct{}
