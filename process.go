// SPDX-License-Identifier: Apache-2.0

package banyan

import (
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/banyan-go/banyan/internal/sched"
)

// handle is where messages for one process go: the process itself, or its number on another node.
type handle struct {
	pid  PID
	node *Node // the node that the handle was made on
	proc *Self // nil: on another node
	name *Atom // on another node, known by name: pid holds only the node
}

// Self is a process as its own code sees it. Inside a handler it is also the context of the turn: pass it as ctx to
// whatever blocks. It must not leave the handler (or, in a plain process, the process's goroutine): a stray goroutine
// that uses it is treated as an outside caller. For goroutines take self.Context().
type Self struct {
	sched.Task // the run queue's link; made ready exactly when scheduled turns true
	handle     // its own: proc is the process itself
	kind       *kind
	limits     *Limits

	mu sync.Mutex
	// The mailbox. Guarded by mu, but first's content belongs to the runner while firstState is firstBusy.
	first      envelope // the oldest message, if firstState is firstFull: one message needs no buffer
	firstState uint8
	scheduled  bool         // Invariant: true from being made ready to the end of a turn that found the mailbox empty
	killed     bool         // kill has begun
	ownExit    bool         // exit is the process's own doing: a goroutine of its Go
	trap       bool         // exit signals become messages
	labelled   bool         // the runner's own, here because it fills a gap: the profiler is to know the process itself, see ownLabels
	unmeasured uint8        // the runner's own, here because it fills a gap: calls before the clock is read again, see measure
	batch      atomic.Int32 // messages of outer that the runner took and may not have handled yet
	dead       atomic.Bool  // declared dead: written once; here because it fills a gap
	outer      *buffer      // newer than first; nil when empty
	bytes      int64        // charged for first and outer
	exit       error        // a deadly signal has arrived; the runner acts on it
	waiting    interrupter
	room       *waiter // senders that wait until outer is swapped
	ext        *relations
	stats      counters

	cur      atomic.Pointer[call]     // the call being served; written by the runner
	starting atomic.Pointer[starting] // until the constructor has returned; written by the runner

	// The runner's own: the worker in a turn, or the goroutine of a plain process.
	inner    *buffer // taken from outer, partly handled
	state    any     // the server's state, an S
	stopWhy  error
	own      *call  // kept for the next call that the process makes
	curGen   uint32 // of cur
	sent     uint32 // messages sent since stats were last brought up to date
	reserved int32  // chunks of the node's byte budget for bytes beyond freeBytes; guarded by mu
	stopped  bool   // the process asked to stop, for stopWhy
	ending   bool   // Terminate has been called
	hasTurn  bool   // ext.turn is this turn's
	behaved  bool   // state is Behaved

	co    atomic.Pointer[sched.Coro] // on which its turns last ran; changes with the worker
	plain *plainProcess              // nil for a server
}

const (
	firstEmpty = iota
	firstFull
	firstBusy
)

// counters are always on. Guarded by the process's mu; the runner adds once a batch.
type counters struct {
	in, out, turns uint64
	active         int64 // node clock at the last turn
}

// interrupter is what a process waits for inside a handler; an exit signal breaks the wait off. Called with mu held.
type interrupter interface{ interrupt(reason error) }

// PID is the process's number.
func (p *Self) PID() PID { return p.pid }

// Node is the node on which the process runs.
func (p *Self) Node() *Node { return p.node }

// String is the pid.
func (p *Self) String() string { return p.pid.String() }

// mine reports whether the caller runs on the process's own turn, and on which coroutine (nil for a plain process).
func (p *Self) mine() (co *sched.Coro, ok bool) {
	if p.plain != nil {
		return nil, p.plain.mine()
	}
	co = p.co.Load()
	return co, co != nil && co.Mine() && co.Runs(&p.Task)
}

// Stop ends the process after the current handler, with the given reason (nil is normal). Terminate is called first.
func (p *Self) Stop(reason error) {
	if _, ok := p.mine(); !ok {
		p.receiveExit(p.pid, reasonOrNormal(reason), exitStop)
		return
	}
	p.stopped, p.stopWhy = true, reason
}

// runTurn is what the node's scheduler calls: the task is the first field of its process.
func runTurn(t *sched.Task, c *sched.Coro) (again bool) {
	return (*Self)(unsafe.Pointer(t)).guardedTurn(c)
}

func (p *Self) guardedTurn(c *sched.Coro) (again bool) {
	if p.co.Load() != c {
		p.co.Store(c)
	}
	p.label(c)
	ok := false
	defer func() {
		if !ok {
			p.crashed(recover())
		}
	}()
	again = p.turn(c)
	ok = true
	return again
}

const quantum = 256 // messages a turn handles before others get theirs; it also ends at a tick of the scheduler

func (p *Self) turn(c *sched.Coro) (again bool) {
	if p.starting.Load() != nil && !p.runStart() {
		return false
	}
	n, total, enough := 0, 0, false
	for {
		if b := p.inner; b != nil {
			for b.pos < len(b.env) {
				if total >= quantum || enough || c.Lost() {
					p.settle(c, n)
					return true
				}
				e := &b.env[b.pos]
				b.pos++
				if e.rec == nil {
					continue
				}
				n++
				total++
				p.handle1(e)
				if p.stopped {
					p.noteLast(e)
				}
				*e = envelope{}
				enough = c.Progress()
				if p.stopped || p.dead.Load() {
					p.finish()
					return false
				}
			}
			p.inner = nil
			b.recycle()
		}
		p.mu.Lock()
		if p.firstState == firstBusy {
			p.firstState = firstEmpty
		}
		if p.batch.Load() != 0 { // a store costs as much as a lock
			p.batch.Store(0)
		}
		p.account(n)
		n = 0
		switch {
		case p.exit != nil || p.dead.Load():
			p.mu.Unlock()
			p.finish()
			return false
		case (total >= quantum || enough) && (p.firstState == firstFull || p.outer != nil):
			p.settled(c)
			p.mu.Unlock()
			return true
		case p.firstState == firstFull:
			p.firstState = firstBusy
			if p.bytes -= int64(p.first.size); p.bytes <= 0 {
				p.unchargeAll()
			}
			room := p.takeRoom()
			p.mu.Unlock()
			room.wakeAll(c)
			if p.first.rec != nil {
				n++
				total++
				p.handle1(&p.first)
				if p.stopped {
					p.noteLast(&p.first)
				}
			}
			p.first = envelope{}
			enough = c.Progress()
			if p.stopped || p.dead.Load() {
				p.finish()
				return false
			}
		case p.outer != nil:
			p.inner, p.outer = p.outer, nil
			p.batch.Store(int32(len(p.inner.env)))
			p.unchargeAll()
			room := p.takeRoom()
			p.mu.Unlock()
			room.wakeAll(c)
		default:
			p.settled(c)
			p.scheduled = false
			p.mu.Unlock()
			return false
		}
	}
}

// handle1 runs one message. The call it serves is told apart by cur, also after a panic.
func (p *Self) handle1(e *envelope) {
	if p.behaved && e.rec != systemRecord() { // sys:get_state is no event of a state machine
		p.behave(e)
	} else {
		e.rec.run(p, e)
	}
	if p.hasTurn {
		p.endTurnContext()
	}
}

// settle ends a turn that goes on later.
func (p *Self) settle(c *sched.Coro, n int) {
	p.mu.Lock()
	p.account(n)
	p.settled(c)
	p.mu.Unlock()
}

// account brings the counters up to date. With mu held.
func (p *Self) account(n int) {
	if n == 0 {
		return
	}
	p.stats.turns += uint64(n)
	p.stats.out += uint64(p.sent)
	p.sent = 0
	p.stats.active = p.node.sched.Now()
}
