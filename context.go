// SPDX-License-Identifier: Apache-2.0

package banyan

import (
	"context"
	"time"
)

// turnContext is what Self needs to be a context of its turn, made when Done or AfterFunc is first used. It is a real
// one, and Self leads package context to it: so contexts derive from Self without a goroutine, also through wrappers.
type turnContext struct {
	context.Context
	cancel context.CancelFunc
}

func newTurnContext(deadline time.Time, bounded bool) *turnContext {
	t := &turnContext{}
	if bounded {
		t.Context, t.cancel = context.WithDeadline(context.Background(), deadline)
	} else {
		t.Context, t.cancel = context.WithCancel(context.Background())
	}
	return t
}

func endedTurn() *turnContext {
	t := newTurnContext(time.Time{}, false)
	t.cancel()
	return t
}

// Deadline is the deadline of the call being served, or of the start.
func (p *Self) Deadline() (time.Time, bool) {
	d := p.deadline()
	if d == 0 {
		return time.Time{}, false
	}
	return p.node.sched.Time(d), true
}

// deadline is Deadline on the node's clock, 0 if there is none.
func (p *Self) deadline() int64 {
	if c := p.cur.Load(); c != nil {
		return c.deadline.Load()
	}
	if st := p.starting.Load(); st != nil {
		return st.deadline
	}
	return 0
}

// Done closes when the deadline of the call being served passes, when the process is to end, and when the handler returns.
// In a plain process it closes when the process is to end.
func (p *Self) Done() <-chan struct{} {
	if p.plain != nil {
		return p.life().Done()
	}
	return p.turnContext().Done()
}

// Err tells why Done is closed.
func (p *Self) Err() error {
	if p.plain != nil {
		return p.life().Err()
	}
	if _, ok := p.mine(); !ok {
		return context.Canceled
	}
	if t := p.currentTurn(); t != nil {
		return t.Err()
	}
	if p.dying() && !p.ending {
		return context.Canceled
	}
	if d := p.deadline(); d != 0 && p.node.sched.Exact() >= d {
		return context.DeadlineExceeded
	}
	return nil
}

// Value finds the process in contexts that derive from it.
func (p *Self) Value(key any) any {
	if key == (callerKey{}) {
		return p
	}
	if p.plain != nil {
		return p.life().Value(key)
	}
	p.mu.Lock()
	var t *turnContext
	if p.ext != nil {
		t = p.ext.turn
	}
	p.mu.Unlock()
	if t == nil {
		return nil
	}
	return t.Value(key)
}

// AfterFunc calls f in a goroutine of its own when Done closes, see context.AfterFunc.
func (p *Self) AfterFunc(f func()) (stop func() bool) {
	if p.plain != nil {
		return context.AfterFunc(p.life(), f)
	}
	return context.AfterFunc(p.turnContext(), f)
}

// turnContext gives the current turn's; a goroutine that is not in the turn gets one that has ended.
func (p *Self) turnContext() *turnContext {
	if _, ok := p.mine(); !ok {
		return endedTurn()
	}
	if t := p.currentTurn(); t != nil {
		return t
	}
	d, bounded := p.Deadline()
	t := newTurnContext(d, bounded)
	p.hasTurn = true
	p.mu.Lock()
	p.related().turn = t // an exit signal cancels it
	dying := p.exit != nil && !p.ending
	p.mu.Unlock()
	if dying {
		t.cancel()
	}
	return t
}

// currentTurn is the context of this turn if it has been asked for. Runner only.
func (p *Self) currentTurn() *turnContext {
	if !p.hasTurn {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ext == nil {
		return endedTurn()
	}
	return p.ext.turn
}

// endTurnContext closes it with the handler.
func (p *Self) endTurnContext() {
	if t := p.currentTurn(); t != nil {
		t.cancel()
	}
	p.hasTurn = false
}

func (p *Self) dying() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.exit != nil || p.dead.Load()
}

// cancelContext is called when the process is to end, from any goroutine.
func (p *Self) cancelContext() {
	p.mu.Lock()
	var t *turnContext
	var l *lifeContext
	if p.ext != nil {
		t, l = p.ext.turn, p.ext.life
	}
	p.mu.Unlock()
	if t != nil {
		t.cancel()
	}
	if l != nil {
		l.end()
	}
}

// lifeContext is the process's lifetime.
type lifeContext struct {
	context.Context
	end context.CancelFunc
}

// Context is the process's lifetime: it is cancelled when the process is to end, and may be given to goroutines. It
// belongs to the node, not to the process: calls made with it come from outside.
func (p *Self) Context() context.Context { return p.life() }

func (p *Self) life() *lifeContext {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead.Load() {
		ctx, end := context.WithCancel(p.node.Context(context.Background()))
		end()
		return &lifeContext{ctx, end}
	}
	r := p.related()
	if r.life == nil {
		ctx, end := context.WithCancel(p.node.Context(context.Background()))
		r.life = &lifeContext{ctx, end}
		if p.exit != nil {
			end()
		}
	}
	return r.life
}

// Go starts a goroutine that belongs to the process: a panic or an error in it ends the process with that reason, and
// nothing else. Its ctx is the process's lifetime.
func (p *Self) Go(fn func(ctx context.Context) error) {
	ctx := p.life()
	p.node.goroutines.start(func() {
		ok := false
		defer func() {
			if !ok {
				p.receiveExit(p.pid, panicReason(recover()), exitStop)
			}
		}()
		err := fn(ctx)
		ok = true
		if err != nil && ctx.Err() == nil {
			p.receiveExit(p.pid, err, exitStop)
		}
	})
}
