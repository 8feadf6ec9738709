// SPDX-License-Identifier: Apache-2.0

package statem

import (
	"errors"
	"fmt"

	"github.com/banyan-go/banyan"
)

// What a machine is told, or ends with.
var (
	// ErrTooManyPostponed is the answer to a call that cannot be postponed because as many events wait as may. It is a
	// banyan.ErrMailboxFull.
	ErrTooManyPostponed error = tooMany{}
	// ErrMisplaced ends a machine that changes its state, postpones or inserts where that cannot be: in Enter, or, for
	// Postpone, in the constructor.
	ErrMisplaced = errors.New("not allowed here")
)

type tooMany struct{}

func (tooMany) Error() string        { return "too many postponed events" }
func (tooMany) Is(target error) bool { return target == banyan.ErrMailboxFull }

// Enterer is what a machine's type may have to be told when it enters a state: at its start, when the state changes, and
// on Repeat. from is the state before (at the start, and on Repeat, the same one). Enter may set time-outs, send and stop;
// it may not change the state, postpone or insert. An error ends the machine. OTP: state enter calls.
type Enterer[St comparable] interface {
	Enter(self *banyan.Self, from St) error
}

// Machine makes the struct that embeds it a state machine, with states of type St. Set it by In. Its methods and the
// functions of this package that take the machine are for its own handlers, its constructor and its Enter; what they say
// holds when the handler has returned without an error.
type Machine[St comparable] struct {
	core  core[St, banyan.Message]
	said  said[St, banyan.Message]
	phase phase
	fault error // what was said wrong: ends the machine after the handler

	limits  banyan.Limits // of the postponed events
	bytes   int64         // of the postponed events
	dropped int           // since a change of state last made room

	enter   Enterer[St]
	self    *banyan.Self // while something runs
	current banyan.Message
	alarms  map[timerKey]*banyan.Timer
}

type phase uint8

const (
	starting phase = iota // until the constructor has returned
	resting
	handling
	entering
)

// embeds is any type that embeds a Machine.
type embeds interface{ base() base }

// base is what the functions of this package need of a Machine, whatever its states are.
type base interface {
	insert(banyan.Message, error)
	order(order[banyan.Message], error)
}

func (m *Machine[St]) base() base { return m }

// Option changes a machine: Postponed.
type Option func(*options)

type options struct{ limits banyan.Limits }

// Postponed bounds the events that may wait for another state: 10,000 and 64 MiB by default. Past it a call is answered
// ErrTooManyPostponed, and a note or plain message is a dead letter, with one log record.
func Postponed(l banyan.Limits) Option { return func(o *options) { o.limits = l } }

// In gives a machine that begins in a state, to be embedded.
func In[St comparable](initial St, opts ...Option) Machine[St] {
	var o options
	for _, f := range opts {
		f(&o)
	}
	l := &o.limits
	if l.Messages == 0 {
		l.Messages = 10_000
	}
	if l.Bytes == 0 {
		l.Bytes = 64 << 20
	}
	return Machine[St]{core: core[St, banyan.Message]{state: initial}, limits: o.limits}
}

// State is the state that the machine is in. In a handler that has called Next it is still the old one.
func (m *Machine[St]) State() St { return m.core.state }

// Next sets the state that the machine goes to when the handler has returned. If that is another one, it is entered,
// postponed events are tried again, and the state time-out is cancelled. OTP: next_state.
func (m *Machine[St]) Next(s St) {
	if m.phase == entering {
		m.wrong("Next in Enter")
		return
	}
	m.said.next, m.said.moves = s, true
}

// Repeat has the present state entered again, without any other effect of a change. OTP: repeat_state.
func (m *Machine[St]) Repeat() {
	if m.phase == entering {
		m.wrong("Repeat in Enter")
		return
	}
	m.said.repeat = true
}

// Postpone has the present event handled again after the next change of state, before newer ones. The reply of a call
// stays open meanwhile: return the error that Postpone gives, and any value. The error is ErrTooManyPostponed, for a call
// only, or banyan.ErrWrongTicket if the handler has deferred the reply. OTP: the action postpone.
func (m *Machine[St]) Postpone() error {
	switch {
	case m.phase != handling:
		m.wrong("Postpone outside of an event")
		return nil
	case m.said.postpone:
		return nil
	case len(m.core.postponed) >= m.limits.Messages && m.limits.Messages > 0,
		m.limits.Bytes > 0 && m.bytes+m.current.Size() > m.limits.Bytes && len(m.core.postponed) > 0:
		return m.full()
	}
	kept, err := m.current.Keep(m.self)
	if err != nil {
		return err
	}
	m.said.postpone, m.said.event = true, kept
	return nil
}

// full refuses an event.
func (m *Machine[St]) full() error {
	if m.current.IsCall() {
		return ErrTooManyPostponed
	}
	m.current.Drop(m.self)
	if m.dropped++; m.dropped == 1 {
		m.self.Node().Logger().Warn("state machine drops events: too many are postponed", "pid", m.self.PID().String(),
			"state", fmt.Sprint(m.core.state), "postponed", len(m.core.postponed), "event", m.current.String())
	}
	return nil
}

// CancelStateTimeout cancels the state time-out, if it runs.
func (m *Machine[St]) CancelStateTimeout() { m.cancel(timerKey{kind: stateTimer}) }

// CancelEventTimeout cancels the event time-out that the same handler has set; any event does so too.
func (m *Machine[St]) CancelEventTimeout() { m.cancel(timerKey{kind: eventTimer}) }

// CancelTimeout cancels the time-out of that name, if it runs.
func (m *Machine[St]) CancelTimeout(name string) { m.cancel(timerKey{namedTimer, name}) }

func (m *Machine[St]) cancel(k timerKey) {
	m.order(order[banyan.Message]{key: k, op: cancelTimer}, nil)
}

func (m *Machine[St]) insert(e banyan.Message, err error) {
	switch {
	case err != nil:
		m.fail(err)
	case m.phase == entering:
		m.wrong("Insert in Enter")
	default:
		m.said.inserts = append(m.said.inserts, e)
	}
}

func (m *Machine[St]) order(o order[banyan.Message], err error) {
	if err != nil {
		m.fail(err)
		return
	}
	m.said.orders = append(m.said.orders, o)
}

func (m *Machine[St]) wrong(what string) { m.fail(fmt.Errorf("statem: %s: %w", what, ErrMisplaced)) }

func (m *Machine[St]) fail(err error) {
	if m.fault == nil {
		m.fault = err
	}
}
