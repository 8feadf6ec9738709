// SPDX-License-Identifier: Apache-2.0

package banyan

import (
	"time"

	"github.com/banyan-go/banyan/internal/sched"
)

// Limits bound what may be queued. Every field has a default: zero means that, a negative value means no bound.
type Limits struct {
	// Messages in one mailbox, 100,000 by default. Timers, replies and signals (Down, Exit) pass this bound and Bytes.
	Messages int
	// Bytes in one mailbox, 64 MiB by default: the size of the messages with their strings and slices, roughly. An empty
	// mailbox takes one message of any size.
	Bytes int64
}

func (l Limits) withDefaults() Limits {
	if l.Messages == 0 {
		l.Messages = 100_000
	}
	if l.Bytes == 0 {
		l.Bytes = 64 << 20
	}
	if l.Messages < 0 {
		l.Messages = 1<<31 - 1
	}
	if l.Bytes < 0 {
		l.Bytes = 1<<62 - 1
	}
	return l
}

const (
	envelopeBytes = 56                    // what a message costs beyond its own content
	freeBytes     = 16 << 10              // a mailbox holds that much without asking the node's budget
	chunkBytes    = 64 << 10              // and then reserves by this much, so that the shared counter is touched rarely
	manyQueued    = 512                   // a sender that finds more waits for the receiver to swap its queue
	maxRoomWait   = 10 * time.Millisecond // but never longer, so that cycles of waiting senders end
)

// enqueue puts a message into the mailbox and makes the process ready if it was idle. co is the coroutine that the
// sender runs on, nil for none. force passes the bounds. crowded tells the sender to wait for room afterwards.
func (p *Self) enqueue(e *envelope, co *sched.Coro, force bool) (crowded bool, err error) {
	size := int64(e.size) + envelopeBytes
	p.mu.Lock()
	if p.dead.Load() {
		p.mu.Unlock()
		return false, ErrNoProcess
	}
	n := 0
	if p.outer != nil {
		n = len(p.outer.env)
	}
	queued := n + int(p.batch.Load())
	if p.firstState == firstFull {
		queued++
	}
	// An empty mailbox takes one message of any size, or a large one could never be delivered.
	if !force && (queued >= p.limits.Messages || queued > 0 && p.bytes+size > p.limits.Bytes) {
		p.mu.Unlock()
		p.node.overflow(p)
		return false, ErrMailboxFull
	}
	e.size = uint32(size)
	if p.bytes += size; p.bytes > freeBytes+int64(p.reserved)*chunkBytes && !p.reserve() && !force {
		p.bytes -= size
		p.mu.Unlock()
		p.node.overflow(p)
		return false, ErrNodeBusy
	}
	if p.outer == nil && p.firstState == firstEmpty {
		p.first, p.firstState = *e, firstFull
	} else {
		if p.outer == nil {
			p.outer = newBuffer()
		}
		p.outer.env = append(p.outer.env, *e)
	}
	p.stats.in++
	wake := !p.scheduled
	p.scheduled = true
	p.mu.Unlock()
	if wake {
		p.wake(co, e.rec.kind == kindCall)
	}
	return n > manyQueued, nil
}

// wake makes an idle process ready. The caller has just set scheduled. Where the sender of a call is going to wait anyhow,
// and others are ready, these go first: they may call the same process, which then handles all calls in one turn.
func (p *Self) wake(co *sched.Coro, called bool) {
	if p.plain != nil {
		p.plain.Wake()
		return
	}
	if called {
		p.node.sched.ReadyBehind(&p.Task, co)
		return
	}
	p.node.sched.Ready(&p.Task, co)
}

// reserve takes more of the node's byte budget. With mu held.
func (p *Self) reserve() bool {
	chunks := (p.bytes-freeBytes+chunkBytes-1)/chunkBytes - int64(p.reserved)
	if used := p.node.queuedBytes.Add(chunks * chunkBytes); used > p.node.cfg.queueBudget {
		p.node.queuedBytes.Add(-chunks * chunkBytes)
		return false
	}
	p.reserved += int32(chunks)
	return true
}

// unchargeAll is called when the queue is swapped away. With mu held.
func (p *Self) unchargeAll() {
	p.bytes = 0
	if p.reserved > 0 {
		p.node.queuedBytes.Add(-int64(p.reserved) * chunkBytes)
		p.reserved = 0
	}
}

func (p *Self) takeRoom() *waiter {
	w := p.room
	p.room = nil
	return w
}

// waitRoom lets a sender wait until the receiver has taken its queue, a bounded time.
func (p *Self) waitRoom(c caller) {
	if c.self == p {
		return
	}
	p.mu.Lock()
	if p.dead.Load() || p.outer == nil || len(p.outer.env) <= manyQueued {
		p.mu.Unlock()
		return
	}
	w := newWaiter(c)
	w.next = p.room
	p.room = w
	p.mu.Unlock()
	t := time.AfterFunc(maxRoomWait, func() { w.wake(nil) })
	w.wait(c)
	t.Stop()
}

// queueLen is the number of messages not yet handled. With mu held.
func (p *Self) queueLen() int {
	n := 0
	if p.firstState == firstFull {
		n++
	}
	if p.outer != nil {
		n += len(p.outer.env)
	}
	return n + int(p.batch.Load())
}
