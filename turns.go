// SPDX-License-Identifier: Apache-2.0

package banyan

import "github.com/banyan-go/banyan/internal/sched"

// Turns lets the reader of a link run the handler of a message itself, instead of waking a worker for it: between two
// processes that answer each other nobody else has to wake up. It is for the last message that has arrived: bring that by
// Deliver or Complete of Turns instead of Port's, and call Run when there is nothing else to do but to wait for more.
//
// All methods are for the one goroutine that reads. A handler may last or block: after about two milliseconds over is called,
// once, from another goroutine. Then somebody else must read on, with a Turns of his own.
type Turns struct {
	p *Port
	g *sched.Guest
}

// NewTurns makes Turns for a goroutine that reads.
func (p *Port) NewTurns(over func()) *Turns { return &Turns{p, p.n.sched.NewGuest(over)} }

// Deliver is Port's, but whom it makes ready waits for Run.
func (t *Turns) Deliver(peer Peer, s *Signal) { t.p.deliver(peer, s, t.g.Coro()) }

// Complete is Port's, but whom it makes ready waits for Run.
func (t *Turns) Complete(rt ReplyType, value any, err error) {
	t.p.complete(rt, value, err, t.g.Coro())
}

// Run runs the turn of the process that was made ready, if there is a processor for it, and perhaps of those that it wakes
// in turn; else it leaves that to a worker. False: over was called meanwhile, and the caller must read no more.
func (t *Turns) Run() bool { return t.g.Run() }

// Close ends its use, without running what waits: a worker will.
func (t *Turns) Close() { t.g.Close() }
