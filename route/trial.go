// SPDX-License-Identifier: Apache-2.0

package route

import (
	"context"
	"errors"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/route/internal/balance"
)

// trial is one message on its way. It goes back to its router at End, and is used again.
type trial[S any] struct {
	r      *Router[S]
	ref    banyan.Ref[S]
	cast   bool
	ticket balance.Ticket[banyan.PID]
}

const maxFree = 256 // trials kept for reuse

// trial is a new or used one. With mu held.
func (r *Router[S]) trial() *trial[S] {
	if n := len(r.free); n > 0 {
		k := r.free[n-1]
		r.free = r.free[:n-1]
		return k
	}
	return &trial[S]{r: r}
}

func (k *trial[S]) Target() banyan.Ref[S] { return k.ref }

// Hedge is after what time a second target may be asked.
func (k *trial[S]) Hedge() time.Duration {
	if k.r.cfg.hedge <= 0 {
		return 0
	}
	k.r.mu.Lock()
	defer k.r.mu.Unlock()
	return k.r.hedge.after()
}

// End learns from what became of it.
func (k *trial[S]) End(err error, load banyan.Load) {
	r := k.r
	if !load.Known { // a cast, or a call that was given up: of servers on this node it is known all the same
		load.Backlog, load.Known = k.ref.Backlog() // before the lock of the router
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	t := k.ticket.Target()
	took := now - k.ticket.Since()
	o := k.outcome(err)
	r.stats.count(k.cast, o, err)
	if o == balance.Answered && !k.cast {
		r.hedge.answered(took, r.cfg.hedge)
	}
	r.group.End(now, &k.ticket, o)
	if o == balance.Failed && gone(err) {
		r.group.Lost(now, t)
		r.until = 0
	}
	if load.Known {
		r.group.Report(now, t, balance.Report{Backlog: load.Backlog, Service: load.Service})
	}
	k.ref = banyan.Ref[S]{}
	if len(r.free) < maxFree {
		r.free = append(r.free, k)
	}
}

// outcome is what an end says of the target.
func (k *trial[S]) outcome(err error) balance.Outcome {
	switch {
	case err == nil && k.cast, errors.Is(err, context.Canceled), errors.Is(err, banyan.ErrCallingSelf):
		return balance.Dropped
	case !k.ref.Failed(err) || errors.Is(err, banyan.ErrNotUnderstood) || errors.Is(err, banyan.ErrNotRegistered):
		return balance.Answered // by an error of the server, or the message is to blame
	case errors.Is(err, banyan.ErrTimeout):
		return balance.Silent
	case k.ref.Unreached(err), errors.Is(err, banyan.ErrDied), errors.Is(err, banyan.ErrNoConnection):
		return balance.Failed
	}
	return balance.Dropped
}

// gone: the process, or the way to it.
func gone(err error) bool {
	var ended *banyan.ProcessError
	return errors.Is(err, banyan.ErrNoProcess) || errors.Is(err, banyan.ErrNoConnection) || errors.As(err, &ended)
}
