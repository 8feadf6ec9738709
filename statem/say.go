// SPDX-License-Identifier: Apache-2.0

package statem

import (
	"time"

	"github.com/banyan-go/banyan"
)

// Insert has a note handled next, before postponed events and the mailbox; several in the order in which they were
// inserted. OTP: the action next_event.
func Insert[S embeds, M banyan.Note[S]](s S, m M) { s.base().insert(banyan.NewMessage[S](m)) }

// StateTimeout has a note handled after d, unless the state changes before; one set by a handler that changes the state
// is the new state's. There is one state time-out: a new one takes its place. With d of 0 it comes before anything that is
// still in the mailbox, but after inserted and postponed events. OTP: state_timeout.
func StateTimeout[S embeds, M banyan.Note[S]](s S, d time.Duration, m M) {
	say[S](s, timerKey{kind: stateTimer}, setTimer, d, m)
}

// EventTimeout has a note handled after d, unless any other event comes before: for machines that are to act when nothing
// happens. OTP: event time-out.
func EventTimeout[S embeds, M banyan.Note[S]](s S, d time.Duration, m M) {
	say[S](s, timerKey{kind: eventTimer}, setTimer, d, m)
}

// Timeout has a note handled after d, in whatever state the machine is then; it takes the place of one of the same name
// that runs. OTP: generic time-out.
func Timeout[S embeds, M banyan.Note[S]](s S, name string, d time.Duration, m M) {
	say[S](s, timerKey{namedTimer, name}, setTimer, d, m)
}

// UpdateStateTimeout gives the running state time-out another note, and leaves its time; without one the note comes at
// once, as with a time of 0. OTP: {state_timeout, update, Content}.
func UpdateStateTimeout[S embeds, M banyan.Note[S]](s S, m M) {
	say[S](s, timerKey{kind: stateTimer}, updateTimer, 0, m)
}

// UpdateTimeout is UpdateStateTimeout for the time-out of a name.
func UpdateTimeout[S embeds, M banyan.Note[S]](s S, name string, m M) {
	say[S](s, timerKey{namedTimer, name}, updateTimer, 0, m)
}

func say[S embeds, M banyan.Note[S]](s S, k timerKey, op orderOp, d time.Duration, m M) {
	e, err := banyan.NewMessage[S](m)
	s.base().order(order[banyan.Message]{key: k, op: op, after: d, event: e}, err)
}
