// SPDX-License-Identifier: Apache-2.0

package banyan

import (
	"context"
	"runtime/pprof"
	"sync"
	"sync/atomic"

	"github.com/banyan-go/banyan/internal/goid"
	"github.com/banyan-go/banyan/internal/sched"
)

// Turns lets the reader of a link run what has arrived itself, instead of waking somebody for it: between two processes that
// answer each other nobody else has to wake up. That is the handler of the last message that has arrived, and the functions
// (see Export) that any of the messages asks for: Deliver and Complete of Turns in place of Port's, then Run when there is
// nothing else to do but to wait for more.
//
// All methods are for the one goroutine that reads, and for one link. A handler or function may last or block: after about two
// milliseconds over is called, once, from another goroutine; at once if a function waits for something by this package.
// Then somebody else must read on, with a Turns of his own.
type Turns struct {
	p    *Port
	g    *sched.Guest
	last bool // the next message is the last one
	peer Peer
	// remote is what the table of links said of peer when it was nodes.
	remote *remoteNode
	nodes  *map[Atom]*remoteNode

	mu        sync.Mutex
	functions []*Self              // processes that wait for Run; guarded by mu
	pace      atomic.Pointer[Pace] // of the function that runs
}

// NewTurns makes Turns for a goroutine that reads.
func (p *Port) NewTurns(over func()) *Turns {
	t := &Turns{p: p, last: true}
	t.g = p.n.sched.NewGuest(func() {
		if c := t.pace.Load(); c != nil {
			c.lasted()
		}
		t.spill()
		t.flush()
		over()
	})
	return t
}

// Last says whether the next message is the last one that has arrived, which it is if nothing is said.
func (t *Turns) Last(last bool) { t.last = last }

func (t *Turns) coro() *sched.Coro {
	if t.last {
		return t.g.Coro()
	}
	return nil
}

// Deliver is Port's, but the process that the last message makes ready waits for Run, and functions do.
func (t *Turns) Deliver(peer Peer, s *Signal) {
	if m := t.p.n.remotes.nodes.Load(); m != t.nodes || peer != t.peer { // links have come or gone
		t.peer, t.nodes, t.remote = peer, m, t.p.n.remotes.of(peer)
	}
	t.p.deliver(t.remote, s, t.coro(), t)
}

// Complete is Port's, but whom the last message makes ready waits for Run.
func (t *Turns) Complete(rt ReplyType, value any, err error) {
	t.p.complete(rt, value, err, t.coro())
}

// Run runs the turn of the process that was made ready, if there is a processor for it, and perhaps of those that it wakes
// in turn; else it leaves that to a worker. Functions run one after another; what they and their ends have to say to the peer
// goes out in one piece. False: over was called meanwhile, and the caller must read no more.
func (t *Turns) Run() bool {
	if !t.g.Run() {
		return false
	}
	if len(t.functions) == 0 { // all were put there by this goroutine, and nobody took any since
		return true
	}
	t.g.Begin()
	returned := false
	defer func() {
		if !returned { // a function called runtime.Goexit, which ends this goroutine
			t.g.Dismiss()
			t.flush()
		}
	}()
	for p := t.next(); p != nil; p = t.next() {
		p.runOn(t)
	}
	pprof.SetGoroutineLabels(context.Background())
	returned = true
	t.flush() // in any case: a function that ended late has left it to us
	return t.g.End()
}

// add puts a process in line for Run.
func (t *Turns) add(p *Self) {
	t.mu.Lock()
	t.functions = append(t.functions, p)
	t.mu.Unlock()
}

// next takes the next process, unless another goroutine has been told to read: then spill has them.
func (t *Turns) next() *Self {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.functions) == 0 || !t.g.OnDuty() {
		return nil
	}
	p := t.functions[0]
	t.functions[0] = nil
	if t.functions = t.functions[1:]; len(t.functions) == 0 {
		t.functions = nil
	}
	return p
}

// spill gives those that wait goroutines of their own.
func (t *Turns) spill() {
	t.mu.Lock()
	list := t.functions
	t.functions = nil
	t.mu.Unlock()
	for _, p := range list {
		go p.runPlain()
	}
}

// flush has the peer told what was kept for this.
func (t *Turns) flush() {
	if f, ok := t.peer.(Flusher); ok {
		f.Flush()
	}
}

// Close ends its use, without running what waits: a worker will, or a goroutine.
func (t *Turns) Close() {
	t.g.Close()
	t.spill()
	t.flush()
}

// runOn runs a plain process on the goroutine of a link's reader. It leaves that to a goroutine of its own if no token is idle.
func (p *Self) runOn(t *Turns) {
	pp := p.plain
	if !pp.TakeOn(t.g) {
		go p.runPlain()
		return
	}
	t.pace.Store(pp.pace)
	pp.turns = t
	pp.g.Store(goid.ID())
	p.labelPlain()
	p.live()
	t.pace.Store(nil)
	pp.turns = nil
	pp.g.Store(0) // the goroutine lives on
}

// leaveReader makes the goroutine the process's own before it blocks, if it is a link's reader: another reads on.
func (pp *plainProcess) leaveReader() {
	if pp.turns != nil {
		pp.turns = nil
		pp.Leave()
	}
}

// onTurns reports whether the process runs on the reader of that link, which will flush. Only for who runs it.
func (p *Self) onTurns(l *remoteNode) bool {
	return p.plain != nil && p.plain.turns != nil && p.plain.turns.peer == l.Peer
}

// Pace is what is known of how long some work takes, see Self.Paced. The zero Pace knows nothing. It may be used by any number
// of processes.
type Pace struct{ rest atomic.Int32 }

// paceRest is how often work that has lasted is expected to last again, before it is tried once more.
const paceRest = 64

func (c *Pace) lasted() { c.rest.Store(paceRest) }

// lasts reports whether the work is expected to last.
func (c *Pace) lasts() bool { return c.rest.Load() > 0 && c.rest.Add(-1) >= 0 }

// Paced says that the process is going to do work of which c keeps how long it takes. It is for functions (see Export) that do
// quick things and lasting ones: where only the former run on the reader of the link that asked, the latter do not hold that
// up for two milliseconds each time. It does nothing in other processes.
func (p *Self) Paced(c *Pace) {
	if _, ok := p.mine(); !ok || p.plain == nil {
		return
	}
	t := p.plain.turns
	if t == nil {
		return
	}
	if c.lasts() {
		t.pace.Store(nil)
		p.plain.leaveReader()
		return
	}
	t.pace.Store(c)
}
