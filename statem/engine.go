// SPDX-License-Identifier: Apache-2.0

package statem

import "github.com/banyan-go/banyan"

// Behaviour connects the machine with its process. It is not for callers.
func (m *Machine[St]) Behaviour() banyan.Behaviour { return (*engine[St])(m) }

// engine is a Machine as the runtime drives it: it does what the core decides.
type engine[St comparable] Machine[St]

// expiry is the plain message of a real timer.
type expiry[St comparable] struct {
	of  *Machine[St]
	key timerKey
	seq uint64
}

// Begin enters the first state, and does what the constructor said.
func (e *engine[St]) Begin(self *banyan.Self, state any) error {
	m := (*Machine[St])(e)
	m.enter, _ = state.(Enterer[St])
	if m.said.moves {
		m.core.state, m.said.moves = m.said.next, false
	}
	m.said.repeat = true // the first state is entered
	if err := m.settle(self); err != nil || self.Ending() {
		return err
	}
	return m.drain(self)
}

// Handle takes one event from the mailbox, and then all that come before the next one there.
func (e *engine[St]) Handle(self *banyan.Self, ev banyan.Message) error {
	m := (*Machine[St])(e)
	if v, ok := ev.Plain(); ok {
		if x, ok := v.(*expiry[St]); ok && x.of == m {
			if ev, ok = m.core.expired(x.key, x.seq); !ok {
				return nil // cancelled while it was in the mailbox
			}
			delete(m.alarms, x.key)
		}
	}
	m.core.arrive()
	if err := m.step(self, ev); err != nil || self.Ending() {
		return err
	}
	return m.drain(self)
}

// drain handles the events that come before the mailbox.
func (m *Machine[St]) drain(self *banyan.Self) error {
	for {
		ev, ok := m.core.next()
		if !ok {
			return nil
		}
		if err := m.step(self, ev); err != nil || self.Ending() {
			return err
		}
	}
}

// step handles one event.
func (m *Machine[St]) step(self *banyan.Self, ev banyan.Message) error {
	m.self, m.current, m.phase = self, ev, handling
	ev.Run(self)
	m.current = banyan.Message{}
	if self.Ending() {
		return nil // what was said does not matter any more
	}
	return m.settle(self)
}

// settle does what was said, the enter handler included.
func (m *Machine[St]) settle(self *banyan.Self) error {
	m.self = self
	if m.fault != nil {
		return m.fault
	}
	old, changed, entered := m.core.move(&m.said)
	if entered && m.enter != nil {
		m.phase = entering
		if err := m.enter.Enter(self, old); err != nil {
			return err
		}
		if m.fault != nil {
			return m.fault
		}
		if self.Ending() {
			return nil
		}
	}
	m.phase = resting
	switch {
	case changed:
		m.bytes, m.dropped = 0, 0 // what was postponed is in the queue now
	case m.said.postpone:
		m.bytes += m.said.event.Size()
	}
	m.core.settle(&m.said, changed)
	m.said.reset()
	m.ring(self)
	return nil
}

// ring brings the real timers in line with the core.
func (m *Machine[St]) ring(self *banyan.Self) {
	for _, a := range m.core.alarms {
		if t := m.alarms[a.key]; t != nil {
			t.Stop()
			delete(m.alarms, a.key)
		}
		if a.start {
			if m.alarms == nil {
				m.alarms = map[timerKey]*banyan.Timer{}
			}
			m.alarms[a.key] = self.SendAfter(a.after, &expiry[St]{m, a.key, a.seq})
		}
	}
	m.core.alarms = m.core.alarms[:0]
}
