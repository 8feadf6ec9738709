// SPDX-License-Identifier: Apache-2.0

package global

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// ID names a lock: what is locked, and by whom. Who asks with the same Requester, on whatever node, gets the lock too; nobody
// else does until all have given it back. Both may be any value that has a term.
type ID struct {
	Resource any
	// Requester is the one for whom the lock is. nil: it is for this one Lock only.
	Requester any
}

// LockOption changes how a lock is taken: On, Retries.
type LockOption interface{ lock(*lockCall) }

type lockOption func(*lockCall)

func (o lockOption) lock(c *lockCall) { o(c) }

// On names the nodes on which the lock is taken; by default this one and all visible ones. Two who want the same lock
// exclude each other if there is a node that both ask.
func On(nodes ...banyan.Atom) LockOption {
	return lockOption(func(c *lockCall) { c.Nodes = append([]atom{}, nodes...) })
}

// Retries says how often to try again when somebody else has the lock; by default until ctx ends.
func Retries(n int) LockOption { return lockOption(func(c *lockCall) { c.Retries = n }) }

// Lock is a lock that is held. It is given back by Release, and when the process that took it ends.
type Lock struct {
	n      *banyan.Node
	holder banyan.PID
}

type lockCall struct {
	Resource, Requester any
	Nodes               []atom
	Retries             int // negative: for ever
	Until               time.Time
}

type releaseCall struct{ Holder banyan.PID }

// SetLock takes a lock, and waits for it until ctx ends: a minute, if ctx has no deadline. ErrLocked if somebody else has it and
// Retries are used up. As in OTP the waits between tries are random, up to eight seconds.
func SetLock(ctx context.Context, id ID, opts ...LockOption) (*Lock, error) {
	n := banyan.NodeOf(ctx)
	if n == nil {
		return nil, fmt.Errorf("global: lock %v: %w", id.Resource, banyan.ErrNoNode)
	}
	c := lockCall{Retries: -1, Resource: id.Resource, Requester: id.Requester}
	for _, o := range opts {
		o.lock(&c)
	}
	var err error
	if c.Resource, err = etf.TermOf(id.Resource); err == nil && id.Requester != nil {
		c.Requester, err = etf.TermOf(id.Requester)
	}
	if err != nil {
		return nil, fmt.Errorf("global: lock %v: %w", id.Resource, err)
	}
	ctx = patiently(ctx)
	c.Until, _ = ctx.Deadline()
	holder, err := banyan.Call(ctx, server1, c)
	if err != nil {
		return nil, fmt.Errorf("global: lock %v: %w", id.Resource, explain(err))
	}
	return &Lock{n, holder}, nil
}

// Release gives the lock back. Once is enough; more do nothing.
func (l *Lock) Release() error {
	_, err := banyan.Call(banyan.Within(l.n.Context(context.Background()), lockWithin), server1, releaseCall{l.holder})
	if err != nil {
		return fmt.Errorf("global: release: %w", explain(err))
	}
	return nil
}

// Trans runs f while it holds a lock, and gives it back whatever f does. It is OTP's global:trans; the errors are those of
// SetLock and of f.
func Trans(ctx context.Context, id ID, f func() error, opts ...LockOption) error {
	l, err := SetLock(ctx, id, opts...)
	if err != nil {
		return err
	}
	done := false
	defer func() {
		if !done { // f panics: the panic goes on
			_ = l.Release()
		}
	}()
	err = f()
	done = true
	return errors.Join(err, l.Release())
}

// lockWithin is how long names and locks are waited for without a deadline.
const lockWithin = time.Minute

// patiently gives ctx a deadline if it has none: locks take longer than a call.
func patiently(ctx context.Context) context.Context {
	if _, ok := ctx.Deadline(); ok {
		return ctx
	}
	return banyan.Within(ctx, lockWithin)
}

// release tells a holder to give its lock back.
type release struct{}

// Call starts a process that gets the lock and holds it: locks belong to processes.
func (m lockCall) Call(s *server, self *banyan.Self) (banyan.PID, error) {
	if len(s.holders) >= s.limits.locks {
		return banyan.PID{}, ErrLimit
	}
	h := &holder{lockCall: m, who: self.Caller(), done: banyan.Defer[banyan.PID](self)}
	pid, err := banyan.Go(self, h.run, banyan.Linked())
	if err != nil {
		return banyan.PID{}, h.done.Fail(err)
	}
	s.holders[pid] = nil
	self.Monitor(pid)
	return pid, nil
}

// Call tells the holder of a lock to give it back. It is answered when the holder has ended, by itself or already on its way to that.
func (m releaseCall) Call(s *server, self *banyan.Self) (struct{}, error) {
	asked, held := s.holders[m.Holder]
	if !held {
		return struct{}{}, nil
	}
	s.holders[m.Holder] = append(asked, banyan.Defer[struct{}](self))
	if len(asked) > 0 {
		return struct{}{}, nil
	}
	return struct{}{}, banyan.Send(self, m.Holder, release{})
}

// ended answers those who gave a lock back.
func (s *server) ended(holder banyan.PID) {
	for _, l := range s.holders[holder] {
		_ = l.Reply(struct{}{}) // an error: the caller has gone
	}
	delete(s.holders, holder)
}

// holder is a process that holds one lock.
type holder struct {
	lockCall
	who  banyan.PID // for whom; zero if that is no process
	done banyan.Later[banyan.PID]
}

func (h *holder) run(self *banyan.Self) error {
	if h.Requester == nil {
		h.Requester = self.PID()
	}
	if h.Nodes == nil {
		h.Nodes = append(self.Node().VisibleNodes(), self.Node().Name())
	}
	if !h.who.IsZero() {
		self.Monitor(h.who)
	}
	for _, n := range h.Nodes { // named by On, perhaps without a link
		if err := self.Node().Connect(banyan.Within(self, connectWithin), n); err != nil {
			self.Node().Logger().Debug("global: a lock is not asked for on a node that cannot be reached", "node", string(n), "error", err)
		}
	}
	lock := etf.Tuple{h.Resource, h.Requester}
	for times := 1; !setLock(self, lock, h.Nodes); times++ {
		if h.Retries == 0 {
			_ = h.done.Fail(ErrLocked) // who has given up is told nothing
			return nil
		}
		h.Retries--
		if gone := h.wait(self, randomPause(times)); gone || !time.Now().Before(h.Until) {
			_ = h.done.Fail(ErrLocked)
			return nil
		}
	}
	if h.done.Reply(self.PID()) == nil {
		if _, err := self.Receive(self, banyan.OfType[release](), banyan.OfType[banyan.Down]()); err != nil {
			return nil // the servers that granted it see our end
		}
	}
	delLock(self, lock, h.Nodes)
	return nil
}

// wait waits between tries; it reports whether nobody wants the lock any more.
func (h *holder) wait(self *banyan.Self, d time.Duration) (gone bool) {
	_, err := self.Receive(banyan.Within(self, d), banyan.OfType[banyan.Down]())
	return err == nil || self.Err() != nil
}
