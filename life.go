// SPDX-License-Identifier: Apache-2.0

package banyan

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
)

var errNoParent = errors.New("Linked and Monitored need a process that spawns: pass self instead of the node")

// Terminator is what a server's state may have to clean up. Terminate is called in the process, with the exit reason,
// whenever the process ends by itself, by an error or panic, or by an exit signal; not after a kill.
type Terminator interface {
	Terminate(self *Self, reason error)
}

// CrashReport is what is known of a process that ended abnormally, or could not start.
type CrashReport struct {
	PID         PID
	Name        Atom   // registered name, if any
	Kind        string // the server's type
	Reason      error
	LastMessage string // type of the message it was handling, if any
	Stack       string // of a panic
	Start       bool   // it did not come up
}

// Log writes the one record of a crash. outcome says what became of it.
func (r CrashReport) Log(l *slog.Logger, outcome string) {
	msg := "process crashed"
	if r.Start {
		msg = "process failed to start"
	}
	l.Error(msg, "pid", r.PID.String(), "name", string(r.Name), "kind", r.Kind, "reason", errorText(r.Reason),
		"last_message", r.LastMessage, "outcome", outcome, "stack", r.Stack)
}

// errorText is err.Error(), also for an error whose method panics: a typed nil, most often.
func errorText(err error) (text string) {
	defer func() {
		if v := recover(); v != nil {
			text = fmt.Sprintf("%T whose Error method panics: %v", err, v)
		}
	}()
	return err.Error()
}

// crashed is called when a turn was left by a panic or by runtime.Goexit (v is nil then).
func (p *Self) crashed(v any) {
	p.stopped, p.stopWhy = true, panicReason(v)
	p.finish()
}

func panicReason(v any) error {
	if v == nil {
		return &PanicError{Value: ErrGoexit.Error(), Stack: string(debug.Stack()), Err: ErrGoexit}
	}
	err, _ := v.(error)
	return &PanicError{Value: fmt.Sprint(v), Stack: string(debug.Stack()), Err: err}
}

// finish ends a process on its own turn: Terminate, then death, then what is left in the batch.
func (p *Self) finish() {
	st := p.starting.Load()
	p.mu.Lock()
	reason := p.exit
	p.mu.Unlock()
	if p.stopped && (reason == nil || st != nil) {
		reason = reasonOrNormal(p.stopWhy)
	}
	defer func() { // deferred, because Terminate may call runtime.Goexit
		p.declareDead(reason)
		p.drop()
		p.node.zombies.remove(p)
		if st != nil {
			st.report(reason, p.co.Load())
		}
	}()
	if !p.dead.Load() && !p.ending && st == nil {
		p.ending = true
		if p.hasTurn {
			p.endTurnContext()
		}
		p.terminate(&reason)
	}
}

// terminate calls the server's Terminate; a panic in it replaces the reason.
func (p *Self) terminate(reason *error) {
	t, ok := p.state.(Terminator)
	if !ok {
		return
	}
	ok = false
	defer func() {
		if !ok {
			*reason = panicReason(recover())
		}
	}()
	t.Terminate(p, *reason)
	ok = true
}

// declareDead makes the process dead for everybody else: the first call counts. Its name is free before links and
// monitors hear of it, so that a supervisor can restart it under that name at once.
func (p *Self) declareDead(reason error) {
	n := p.node
	p.mu.Lock()
	if p.dead.Load() {
		p.mu.Unlock()
		return
	}
	p.dead.Store(true)
	if p.exit == nil {
		p.exit = reason
	}
	own := p.ownExit
	rel := p.ext
	p.ext = nil
	outer := p.outer
	p.outer = nil
	var first envelope
	if p.firstState == firstFull {
		first, p.first, p.firstState = p.first, envelope{}, firstEmpty
	}
	p.unchargeAll()
	room := p.takeRoom()
	p.mu.Unlock()

	n.procs.remove(p)
	if rel != nil {
		for _, name := range rel.names {
			n.names.release(name, p)
		}
	}
	co, mine := p.mine()
	if !mine {
		co = nil
	}
	if mine && (p.stopped || own) && Abnormal(reason) && !isAnswer(reason) { // not for one that a link's end or a kill took along
		p.reportCrash(rel, reason)
	}
	if c := p.cur.Load(); c == nil {
		// it served no call
	} else if mine {
		if p.cur.CompareAndSwap(c, nil) {
			c.fail(p.curGen, &ProcessError{p.pid, reason, true}, true, co)
		}
	} else {
		p.abandon(c)
	}
	if rel != nil {
		rel.tell(p, reason, mine)
	}
	room.wakeAll(co)
	if first.rec != nil {
		p.reject(&first, reason)
	}
	if outer != nil {
		for i := range outer.env {
			p.reject(&outer.env[i], reason)
			outer.env[i] = envelope{}
		}
		outer.recycle()
	}
}

// isAnswer reports whether a process ended with what it was started for.
func isAnswer(reason error) bool {
	t, ok := reason.(*TermError)
	return ok && t.Answer
}

// abandon tells the caller of the call being served that the process is dead, while the handler still runs. The call may
// end and be used again meanwhile, so nothing of it is written.
func (p *Self) abandon(c *call) {
	gen := uint32(c.state.Load() >> callGen)
	if p.cur.Load() != c {
		return
	}
	if c.remote != nil {
		c.remote.answer(c, gen, nil, &ProcessError{p.pid, ErrKilled, true})
		return
	}
	c.end(gen, callGone|callKilled, nil)
}

// drop rejects what the runner had taken.
func (p *Self) drop() {
	p.cur.Store(nil)
	if b := p.inner; b != nil {
		for ; b.pos < len(b.env); b.pos++ {
			p.reject(&b.env[b.pos], p.exitReason())
			b.env[b.pos] = envelope{}
		}
		p.inner = nil
		b.recycle()
	}
	p.state = nil
	if p.own != nil {
		p.node.calls.put(p.own)
		p.own = nil
	}
	p.hasTurn = false // its context was cancelled with the process
}

// reject answers a call that nobody will handle.
func (p *Self) reject(e *envelope, reason error) {
	if e.rec == nil {
		return
	}
	if e.rec.kind == kindCall {
		(*call)(e.ptr).fail(e.gen, &ProcessError{p.pid, reason, false}, false, nil)
		return
	}
	p.node.deadLetters.Add(1)
}

// reportCrash writes the record, or has it written. What others do there (an error's text, a log handler) may panic, and
// must not keep the process from dying.
func (p *Self) reportCrash(rel *relations, reason error) {
	ok := false
	defer func() {
		if !ok {
			if v := recover(); v != nil {
				p.node.logger.Error("crash report failed", "pid", p.pid.String(), "kind", p.kind.name, "panic", fmt.Sprint(v))
			}
		}
	}()
	p.crashReport(rel, reason)
	ok = true
}

func (p *Self) crashReport(rel *relations, reason error) {
	r := CrashReport{PID: p.pid, Kind: p.kind.name, Reason: reason, Start: p.starting.Load() != nil, LastMessage: p.lastMessage()}
	if rel != nil && rel.last != "" {
		r.LastMessage = rel.last
	}
	var pe *PanicError
	if errors.As(reason, &pe) {
		r.Stack = pe.Stack
	}
	if rel != nil && len(rel.names) > 0 {
		r.Name = rel.names[0]
	}
	if rel != nil && rel.onCrash != nil {
		rel.onCrash(r)
		return
	}
	r.Log(p.node.logger, "not supervised")
}

// noteLast keeps the type of the message whose handler ended the process, if that is a crash.
func (p *Self) noteLast(e *envelope) {
	if e.rec == nil || !Abnormal(p.stopWhy) {
		return
	}
	p.mu.Lock()
	if r := p.related(); r.last == "" { // else a behaviour was running another one
		r.last = e.rec.typeName(e)
	}
	p.mu.Unlock()
}

// lastMessage is the type of what the process was handling when it crashed.
func (p *Self) lastMessage() string {
	if _, ok := p.mine(); !ok {
		return ""
	}
	if b := p.inner; b != nil && b.pos > 0 && b.env[b.pos-1].rec != nil {
		e := &b.env[b.pos-1]
		return e.rec.typeName(e)
	}
	if p.firstState == firstBusy && p.first.rec != nil {
		return p.first.rec.typeName(&p.first)
	}
	return ""
}

// exitReason is why the process died, or is about to.
func (p *Self) exitReason() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return reasonOrNormal(p.exit)
}

// kill declares the process dead at once, whatever it is doing. If it is in a handler it becomes a zombie: refused
// everywhere, and listed until the handler returns.
// It reports whether it was this kill that ended the process.
func (p *Self) kill(reason error) bool {
	p.mu.Lock()
	if p.dead.Load() || p.killed {
		p.mu.Unlock()
		return false
	}
	p.killed = true
	asleep := !p.scheduled
	running := !asleep || p.plain != nil
	p.scheduled = true // nobody else may start a turn
	if running {
		p.node.zombies.add(p)
	}
	p.exit = reason
	w := p.waiting
	if w != nil {
		w.interrupt(reason)
	}
	p.mu.Unlock()
	p.declareDead(reason)
	p.cancelContext()
	if !running {
		p.drop()
	} else if asleep {
		p.plain.Wake()
	}
	return true
}
