// SPDX-License-Identifier: Apache-2.0

package task

import (
	"context"
	"iter"
	"runtime"
	"time"

	"github.com/banyan-go/banyan"
)

// StreamOption changes a Stream: MaxConcurrency, Unordered, Timeout, KillOnTimeout.
type StreamOption interface{ stream(*streamConfig) }

type streamConfig struct {
	max       int
	unordered bool
	timeout   time.Duration
	goOn      bool
}

type streamOption func(*streamConfig)

func (o streamOption) stream(c *streamConfig) { o(c) }

// MaxConcurrency is how many items are worked on at a time: GOMAXPROCS by default.
func MaxConcurrency(n int) StreamOption {
	return streamOption(func(c *streamConfig) { c.max = max(n, 1) })
}

// Unordered gives the results as they come, instead of in the order of their items.
func Unordered() StreamOption { return streamOption(func(c *streamConfig) { c.unordered = true }) }

// Timeout is how long one item may take: 5 s by default, no bound if negative.
func Timeout(d time.Duration) StreamOption {
	return streamOption(func(c *streamConfig) { c.timeout = d })
}

// KillOnTimeout lets the stream go on when an item has taken too long: that item's task is killed. Without it the stream ends.
// OTP's Elixir: on_timeout: :kill_task.
func KillOnTimeout() StreamOption { return streamOption(func(c *streamConfig) { c.goOn = true }) }

// aheadOfSlowest is how many times MaxConcurrency results of an ordered stream may be kept behind one that is not there.
const aheadOfSlowest = 4

// Stream runs fn for each item of seq, each in a process of its own, a bounded number at a time, and gives the results in
// the order of the items. It takes an item when there is a place for it, so seq may be endless. Elixir: Task.async_stream.
//
// The second value is the error of fn, a *banyan.ProcessError if it panicked or its process was ended, or banyan.ErrTimeout:
// each is the result of one item, and the stream goes on, but for ErrTimeout without KillOnTimeout. When ctx ends, or no
// process can be started, a last error tells.
//
// by is the owner: self in a handler (then also pass self as ctx), or the node. When the loop over the stream is left, by any way,
// and when the owner ends, all that still runs is killed. Functions that look at their context notice; one that does not
// goes on until it returns, and nobody hears of it.
func Stream[T, R any](ctx context.Context, by banyan.Spawner, seq iter.Seq[T], fn func(ctx context.Context, item T) (R, error), opts ...StreamOption) iter.Seq2[R, error] {
	c := streamConfig{max: runtime.GOMAXPROCS(0), timeout: 5 * time.Second}
	for _, o := range opts {
		o.stream(&c)
	}
	return func(yield func(R, error) bool) {
		s := &stream[T, R]{ctx: ctx, cfg: c, fn: fn, yield: yield, open: map[int]*work[R]{}, crew: newCrew(c)}
		s.run(by, seq)
	}
}

// stream is one loop over a Stream, on the consumer's side.
type stream[T, R any] struct {
	ctx   context.Context
	cfg   streamConfig
	fn    func(context.Context, T) (R, error)
	yield func(R, error) bool

	node  *banyan.Node
	owner *banyan.Self // linked with the crew, or nil
	crew  *crew
	ref   banyan.Ref[*crew]
	open  map[int]*work[R] // started and not yet given out, by the item's number
	done  map[int]bool     // of open, for ordered streams: ended
	next  int              // number of the next item to start
	give  int              // number of the next result of an ordered stream
	busy  int              // started and not known to have ended
}

func (s *stream[T, R]) run(by banyan.Spawner, seq iter.Seq[T]) {
	opts := []banyan.SpawnOption{banyan.TrapExits()}
	switch by := by.(type) {
	case *banyan.Self:
		s.node, s.owner, opts = by.Node(), by, append(opts, banyan.Linked())
	case *banyan.Node:
		s.node = by
	default:
		s.fail(&banyan.OpError{Op: "stream", Err: banyan.ErrNoNode})
		return
	}
	var err error
	if s.ref, err = banyan.SpawnState(by, s.crew, opts...); err != nil {
		s.fail(err)
		return
	}
	s.done = map[int]bool{}
	defer s.close()
	for item := range seq {
		if err := s.launch(item); err != nil {
			s.fail(err)
			return
		}
		if !s.deliver() {
			return
		}
		for s.busy >= s.cfg.max || len(s.open) >= aheadOfSlowest*s.cfg.max {
			if !s.wait() {
				return
			}
		}
	}
	for len(s.open) > 0 {
		if !s.wait() {
			return
		}
	}
}

func (s *stream[T, R]) fail(err error) {
	var zero R
	s.yield(zero, err)
}

// launch gives an item to the crew.
func (s *stream[T, R]) launch(item T) error {
	fn := s.fn
	w := &work[R]{fn: func(ctx context.Context) (R, error) { return fn(ctx, item) }}
	i := s.next
	s.next++
	s.busy++
	s.open[i] = w
	return banyan.Cast(s.ctx, s.ref, hire{i, w, func(self *banyan.Self, opts ...banyan.SpawnOption) (banyan.PID, error) {
		ref, err := run(self.Node(), self, w, opts...)
		return ref.PID(), err
	}})
}

// wait waits until something has ended, and delivers. False: the loop is over.
func (s *stream[T, R]) wait() bool {
	if _, err := banyan.Call(s.ctx, s.ref, anyEnd{}, banyan.Timeout(s.patience())); err != nil {
		if e := s.ctx.Err(); e != nil {
			err = e
		}
		s.fail(err)
		return false
	}
	return s.deliver()
}

// patience bounds one wait: items have their own bound, and a context too.
func (s *stream[T, R]) patience() time.Duration {
	const forEver = 1 << 60
	if d, ok := s.ctx.Deadline(); ok {
		return max(time.Until(d), 1)
	}
	return forEver
}

// deliver gives out what is there. False: the loop is over.
func (s *stream[T, R]) deliver() bool {
	for _, i := range s.crew.take() {
		s.busy--
		if !s.cfg.unordered {
			s.done[i] = true
		} else if !s.out(i) {
			return false
		}
	}
	for !s.cfg.unordered && s.done[s.give] {
		delete(s.done, s.give)
		s.give++
		if !s.out(s.give - 1) {
			return false
		}
	}
	return true
}

func (s *stream[T, R]) out(i int) bool {
	w := s.open[i]
	delete(s.open, i)
	v, err := w.result(banyan.PID{})
	return s.yield(v, s.reason(err)) && (s.cfg.goOn || !s.late(err))
}

// late reports whether the item took too long.
func (*stream[T, R]) late(err error) bool {
	pe, ok := err.(*banyan.ProcessError)
	return ok && pe.Reason == banyan.ErrTimeout
}

// reason is what the consumer is told: that an item took too long, instead of that its process was killed for it.
func (s *stream[T, R]) reason(err error) error {
	if s.late(err) {
		return banyan.ErrTimeout
	}
	return err
}

// close ends what is left, whatever the consumer's own fate is.
func (s *stream[T, R]) close() {
	if s.owner != nil {
		s.owner.Unlink(s.ref.PID())
	}
	// Not in the name of the consumer, which may be dead; an error means that there is nothing left to end.
	_ = banyan.SendExit(s.node.Context(context.Background()), s.ref.PID(), banyan.ErrShutdown)
	if ref, err := banyan.RefOf[banyan.Foreign](s.node, s.ref.PID()); err == nil {
		_, _ = banyan.Call(context.WithoutCancel(s.ctx), ref, gone{}) // its end is all that is waited for
	}
}
