// SPDX-License-Identifier: Apache-2.0

package route

import (
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/route/internal/balance"
)

// Stats counts what a router has done. Every message that was sent ends in one of the next four: Sent is their sum when
// nothing is on its way.
type Stats struct {
	Sent     uint64 // tries: a call that went to two targets counts twice
	Answered uint64 // by the server, also with an error of its own; casts that are on their way
	Failed   uint64 // the target was not there, full, or died
	Silent   uint64 // no answer in time
	GivenUp  uint64 // the caller lost interest, or another target was faster

	Retried uint64 // tries after a failed one
	Hedged  uint64 // second tries beside the first
}

func (s *Stats) count(cast bool, o balance.Outcome, err error) {
	switch {
	case o == balance.Answered, cast && err == nil:
		s.Answered++
	case o == balance.Failed:
		s.Failed++
	case o == balance.Silent:
		s.Silent++
	default:
		s.GivenUp++
	}
}

// Stats is what the router has done so far.
func (r *Router[S]) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stats
}

// TargetInfo is what a router knows of one target.
type TargetInfo struct {
	PID     banyan.PID
	Out     int           // messages on their way
	Latency time.Duration // of answers, lately; 0 if there were none
	Backlog int           // messages in its mailbox, as it said last and as they have been handled since
	Service time.Duration // how long one keeps it busy: as it said, else guessed from answers; 0 if it is not known
	Open    bool          // not on a node that leaves or is lost
	Ejected bool          // it failed, and gets nothing for now
	Until   time.Duration // of Ejected: so much longer; then a trickle
}

// Targets is what the router knows of its targets, from the last time that it looked.
func (r *Router[S]) Targets() []TargetInfo {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	list := make([]TargetInfo, 0, len(r.refs))
	for _, t := range r.group.Targets() {
		_, until, out := t.Ejected()
		info := TargetInfo{PID: t.ID, Out: t.Out(), Latency: t.Latency(), Backlog: t.Backlog(now), Service: t.Service(), Open: !t.Closed, Ejected: out}
		if out {
			info.Until = max(0, until-now)
		}
		list = append(list, info)
	}
	return list
}
