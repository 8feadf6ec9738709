// SPDX-License-Identifier: Apache-2.0

package banyan

import (
	"sync"
	"time"
	"unsafe"
)

// Timer sends a message to its process later, or again and again. It ends with the process.
type Timer struct {
	p     *Self
	every time.Duration // 0: once
	m     any
	typed func(p *Self) // in place of m

	mu      sync.Mutex
	t       *time.Timer
	stopped bool
}

// SendAfter delivers m to this process (to Info, or Receive) after d. Timers pass the mailbox's bounds.
func (p *Self) SendAfter(d time.Duration, m any) *Timer {
	return (&Timer{p: p, m: m}).begin(d)
}

// Every delivers m to this process after each d, which must be positive. When the process is slower than that, ticks are
// not piled up: the next one is sent once the last one has been taken.
func (p *Self) Every(d time.Duration, m any) *Timer {
	return (&Timer{p: p, m: m, every: max(d, 1)}).begin(d)
}

// CastAfter casts m to the process itself after d: self-addressed work, checked by the compiler.
func CastAfter[S any, M Note[S]](self *Self, d time.Duration, m M) *Timer {
	rec := castRecord[S, M]()
	return (&Timer{p: self, typed: func(p *Self) {
		e := envelope{rec: rec}
		if understands[S](p) == nil && rec.err == nil && putMessage(&e, &rec.msg, m) == nil {
			_, _ = p.enqueue(&e, nil, true) // the process is dead, then nobody wants it
		}
	}}).begin(d)
}

func (t *Timer) begin(d time.Duration) *Timer {
	p := t.p
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead.Load() {
		t.stopped = true
		return t
	}
	r := p.related()
	if r.timers == nil {
		r.timers = map[*Timer]struct{}{}
	}
	r.timers[t] = struct{}{}
	t.mu.Lock()
	t.t = time.AfterFunc(d, t.fire)
	t.mu.Unlock()
	return t
}

const tickName = "tick"

// tickRecord is the record of an interval timer's message: it carries the timer, so that the next tick waits for this one.
var tickRecord = &record{kind: kindInfo, name: tickName, run: runTick}

func runTick(p *Self, e *envelope) {
	t := (*Timer)(e.ptr)
	t.taken()
	tick := infoEnvelope(t.m)
	runInfo(p, &tick)
}

// infoValue is the value in an envelope of kindInfo.
func infoValue(e *envelope) any {
	if e.rec.name == tickName {
		t := (*Timer)(e.ptr)
		t.taken()
		return t.m
	}
	return e.info()
}

func (t *Timer) fire() {
	t.mu.Lock()
	if t.stopped {
		t.mu.Unlock()
		return
	}
	t.stopped = t.every == 0
	t.mu.Unlock()
	p := t.p
	if t.every == 0 {
		t.forget()
	}
	if t.typed != nil {
		t.typed(p)
		return
	}
	p.mu.Lock()
	if p.dead.Load() {
		p.mu.Unlock()
		return
	}
	if t.every != 0 {
		p.informEnvelope(envelope{rec: tickRecord, ptr: unsafe.Pointer(t)})
		return
	}
	p.inform(t.m)
}

// taken starts the next interval when a tick is handled.
func (t *Timer) taken() {
	t.mu.Lock()
	if !t.stopped {
		t.t.Reset(t.every)
	}
	t.mu.Unlock()
}

// Stop ends the timer and reports whether it had yet to fire. A message that is queued already still comes.
func (t *Timer) Stop() bool {
	t.forget()
	return t.stop()
}

func (t *Timer) stop() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	was := !t.stopped
	t.stopped = true
	if t.t != nil {
		t.t.Stop()
	}
	return was
}

func (t *Timer) forget() {
	p := t.p
	p.mu.Lock()
	if p.ext != nil {
		delete(p.ext.timers, t)
	}
	p.mu.Unlock()
}
