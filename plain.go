// SPDX-License-Identifier: Apache-2.0

package banyan

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/banyan-go/banyan/internal/goid"
	"github.com/banyan-go/banyan/internal/sched"
)

// plainProcess is what a process with its own goroutine has besides. The embedded part is the right to run, and where it
// sleeps: whoever turns scheduled true calls Wake.
type plainProcess struct {
	sched.Plain
	g     atomic.Uintptr
	fn    func(*Self) error
	turns *Turns // on whose reader it runs, nil: on a goroutine of its own; the goroutine's
	pace  *Pace  // of the function it was started for
}

// mine: where goroutines cannot be told apart, the process's own is trusted.
func (pp *plainProcess) mine() bool { return !goid.Supported || pp.g.Load() == goid.ID() }

// pause gives the token up before the goroutine blocks, resume takes one again.
func (pp *plainProcess) pause() {
	pp.leaveReader()
	pp.Release()
}
func (pp *plainProcess) resume() { pp.Acquire() }

// Go starts a plain process: fn runs in a goroutine of its own and takes messages by Receive, in the order it likes. It
// ends when fn returns, with that reason. Use it where the program is a sequence; a server costs a tenth.
func Go(by Spawner, fn func(self *Self) error, opts ...SpawnOption) (PID, error) {
	n, parent := by.spawner()
	p := n.newPlain(fn)
	if err := n.introduce(p, parent, opts); err != nil {
		return PID{}, err
	}
	if !n.goroutines.enter() {
		p.declareDead(ErrNodeStopped)
		return PID{}, &OpError{Op: "spawn", What: p.kind.name, Err: ErrNodeStopped}
	}
	go p.runPlain()
	return p.pid, nil
}

var plainKind = kindFor(nil, "process")

func (n *Node) newPlain(fn func(*Self) error) *Self {
	p := &Self{kind: plainKind, limits: &n.cfg.limits, scheduled: true}
	p.node = n
	p.proc = p
	p.plain = &plainProcess{fn: fn}
	n.sched.Init(&p.plain.Plain)
	return p
}

func (p *Self) runPlain() {
	p.plain.g.Store(goid.ID())
	p.labelPlain()
	p.plain.resume()
	p.live()
}

// live is what a plain process does once it has its first token.
func (p *Self) live() {
	defer p.node.goroutines.end()
	ok := false
	defer func() {
		if !ok {
			p.stopped, p.stopWhy = true, panicReason(recover())
		}
		p.finish()
		p.plain.Release()
	}()
	err := p.plain.fn(p)
	if !p.stopped {
		p.stopped, p.stopWhy = true, err
	}
	ok = true
}

// Matcher picks messages in Receive.
type Matcher interface{ match(m any) bool }

// ofType is a type of its own because a closure in generic code is allocated each time.
type ofType[T any] struct{}

func (ofType[T]) match(m any) bool { _, ok := m.(T); return ok }

type when[T any] func(T) bool

func (f when[T]) match(m any) bool { v, ok := m.(T); return ok && f(v) }

// OfType matches messages of type T.
func OfType[T any]() Matcher { return ofType[T]{} }

// When matches messages of type T for which f is true.
func When[T any](f func(T) bool) Matcher { return when[T](f) }

// Receive takes the oldest message that one of the matchers picks, or the oldest of all without any, and waits for it
// until ctx ends (then the error is ErrTimeout, or what the context says). Messages that no one picks stay, in order. It
// returns the exit reason when the process is to end. Only for the goroutine of a plain process.
func (p *Self) Receive(ctx context.Context, match ...Matcher) (any, error) {
	if _, ok := p.mine(); !ok || p.plain == nil {
		return nil, &OpError{Op: "receive", To: p.pid.String(), What: p.kind.name, Err: ErrNotUnderstood}
	}
	p.plain.leaveReader()
	p.plain.Yield() // a process that never has to wait must not keep a worker for itself
	if !p.labelled && p.plain.Long() {
		p.labelled = true
		p.labelPlain()
	}
	from := 0
	if p.inner != nil {
		from = p.inner.pos
	}
	var timer *time.Timer
	for {
		if m, ok := p.scan(from, match); ok {
			return m, nil
		}
		p.mu.Lock()
		if p.exit != nil || p.dead.Load() {
			p.mu.Unlock()
			return nil, p.exitReason()
		}
		if p.firstState == firstFull && p.inner == nil && p.outer == nil {
			if m, ok := p.takeFirst(match); ok {
				return m, nil
			}
			from = 1
			continue
		}
		if p.firstState == firstFull || p.outer != nil {
			from = p.takeQueue()
			continue
		}
		p.plain.pause() // before anybody can call Wake
		p.scheduled = false
		p.mu.Unlock()
		if err := p.sleep(ctx, &timer); err != nil {
			return nil, err
		}
	}
}

// ReceiveOf is Receive for one type.
func ReceiveOf[T any](ctx context.Context, self *Self) (T, error) {
	m, err := self.Receive(ctx, OfType[T]())
	if err != nil {
		var zero T
		return zero, err
	}
	return m.(T), nil
}

// scan looks through the save queue from a position on.
func (p *Self) scan(from int, match []Matcher) (any, bool) {
	b := p.inner
	if b == nil {
		return nil, false
	}
	for i := from; i < len(b.env); i++ {
		e := &b.env[i]
		if e.rec == nil {
			continue
		}
		m := infoPeek(e)
		if !picks(match, m) {
			continue
		}
		m = infoValue(e)
		*e = envelope{}
		p.batch.Add(-1)
		for b.pos < len(b.env) && b.env[b.pos].rec == nil {
			b.pos++
		}
		if b.pos == len(b.env) {
			p.inner = nil
			b.recycle()
		}
		return m, true
	}
	return nil, false
}

func picks(match []Matcher, m any) bool {
	for _, f := range match {
		if f.match(m) {
			return true
		}
	}
	return len(match) == 0
}

// infoPeek is the value without taking it.
func infoPeek(e *envelope) any {
	if e.rec == tickRecord {
		return (*Timer)(e.ptr).m
	}
	return e.info()
}

// takeFirst takes the only message there is, past all buffers; if nobody picks it, it becomes the save queue. It is called
// with mu held, and returns without it.
func (p *Self) takeFirst(match []Matcher) (any, bool) {
	e := p.first
	p.first, p.firstState = envelope{}, firstEmpty
	p.unchargeAll()
	p.account(1)
	room := p.takeRoom()
	p.mu.Unlock()
	room.wakeAll(nil)
	if e.rec == nil {
		return nil, false // it was flushed
	}
	if picks(match, infoPeek(&e)) {
		return infoValue(&e), true
	}
	p.inner = newBuffer()
	p.inner.env = append(p.inner.env, e)
	p.batch.Add(1)
	return nil, false
}

// takeQueue moves the mailbox behind the save queue, and says where the new messages begin. It is called with mu held, and
// returns without it.
func (p *Self) takeQueue() (from int) {
	b := p.inner
	if b == nil {
		b = newBuffer()
	} else if b.pos > len(b.env)/2 {
		n := copy(b.env, b.env[b.pos:])
		clear(b.env[n:])
		b.env, b.pos = b.env[:n], 0
	}
	from = len(b.env)
	n := 0
	if p.firstState == firstFull {
		b.env = append(b.env, p.first)
		p.first, p.firstState = envelope{}, firstEmpty
		n++
	}
	outer := p.outer
	p.outer = nil
	if outer != nil {
		b.env = append(b.env, outer.env...)
		n += len(outer.env)
		clear(outer.env)
	}
	p.batch.Add(int32(n))
	p.unchargeAll()
	p.account(n)
	room := p.takeRoom()
	p.inner = b
	p.mu.Unlock()
	if outer != nil {
		outer.recycle()
	}
	room.wakeAll(nil)
	return from
}

// sleep waits until the mailbox has something, the process is to end, or ctx ends. It is called without the token, and
// returns with one.
func (p *Self) sleep(ctx context.Context, timer **time.Timer) error {
	var done <-chan struct{}
	var late <-chan time.Time
	if ctx != context.Context(p) {
		if w, ok := ctx.(*withinCtx); ok {
			if *timer == nil {
				*timer = time.NewTimer(w.d)
			}
			late, ctx = (*timer).C, w.Context
		}
		if ctx != context.Context(p) {
			done = ctx.Done()
		}
	}
	if done == nil && late == nil {
		<-p.plain.Woken()
		return nil
	}
	var err error
	select {
	case <-p.plain.Woken():
		return nil
	case <-done:
		if err = ctx.Err(); err == context.DeadlineExceeded {
			err = ErrTimeout
		}
	case <-late:
		err = ErrTimeout
	}
	p.mu.Lock()
	woken := p.scheduled // by somebody who calls Wake
	p.scheduled = true
	p.mu.Unlock()
	if woken {
		<-p.plain.Woken()
	} else {
		p.plain.resume()
	}
	return err
}
