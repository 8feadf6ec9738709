// SPDX-License-Identifier: Apache-2.0

package banyan

import (
	"context"
	"sync"
	"time"
)

// turnContext is what Self needs to be a context of its turn, made when Done or AfterFunc is first used.
type turnContext struct {
	mu    sync.Mutex
	done  chan struct{}
	err   error
	funcs map[*func()]struct{}
	timer *time.Timer
}

func (t *turnContext) cancel(err error) {
	t.mu.Lock()
	if t.err != nil {
		t.mu.Unlock()
		return
	}
	t.err = err
	close(t.done)
	funcs := t.funcs
	t.funcs = nil
	t.mu.Unlock()
	for f := range funcs {
		go (*f)()
	}
}

// end closes the context with the turn that it belonged to.
func (t *turnContext) end() {
	if t.timer != nil {
		t.timer.Stop()
	}
	t.cancel(context.Canceled)
}

// Deadline is the deadline of the call being served, or of the start.
func (p *Self) Deadline() (time.Time, bool) {
	d := int64(0)
	if c := p.cur.Load(); c != nil {
		d = c.deadline.Load()
	} else if st := p.starting.Load(); st != nil {
		d = st.deadline
	}
	if d == 0 {
		return time.Time{}, false
	}
	return p.node.sched.Time(d), true
}

// Done closes when the deadline of the call being served passes, when the process is to end, and when the handler returns.
// In a plain process it closes when the process is to end.
func (p *Self) Done() <-chan struct{} {
	if p.plain != nil {
		return p.life().Done()
	}
	return p.turnContext().done
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
		t.mu.Lock()
		defer t.mu.Unlock()
		return t.err
	}
	if p.dying() && !p.ending {
		return context.Canceled
	}
	return nil
}

// Value finds the process in contexts that derive from it.
func (p *Self) Value(key any) any {
	if key == (callerKey{}) {
		return p
	}
	return nil
}

// AfterFunc lets package context derive from Self without a goroutine.
func (p *Self) AfterFunc(f func()) (stop func() bool) {
	if p.plain != nil {
		return context.AfterFunc(p.life(), f)
	}
	t := p.turnContext()
	t.mu.Lock()
	if t.err != nil {
		t.mu.Unlock()
		go f()
		return func() bool { return false }
	}
	key := &f
	if t.funcs == nil {
		t.funcs = map[*func()]struct{}{}
	}
	t.funcs[key] = struct{}{}
	t.mu.Unlock()
	return func() bool {
		t.mu.Lock()
		defer t.mu.Unlock()
		_, waiting := t.funcs[key]
		delete(t.funcs, key)
		return waiting
	}
}

// turnContext gives the current turn's; a goroutine that is not in the turn gets one that has ended.
func (p *Self) turnContext() *turnContext {
	if _, ok := p.mine(); !ok {
		return endedTurn()
	}
	if t := p.currentTurn(); t != nil {
		return t
	}
	t := &turnContext{done: make(chan struct{})}
	p.hasTurn = true
	p.mu.Lock()
	p.related().turn = t // an exit signal cancels it
	dying := p.exit != nil && !p.ending
	p.mu.Unlock()
	if d, ok := p.Deadline(); ok {
		t.timer = time.AfterFunc(time.Until(d), func() { t.cancel(context.DeadlineExceeded) })
	}
	if dying {
		t.cancel(context.Canceled)
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
		t.end()
	}
	p.hasTurn = false
}

func endedTurn() *turnContext {
	t := &turnContext{done: make(chan struct{})}
	t.cancel(context.Canceled)
	return t
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
		t.cancel(context.Canceled)
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
