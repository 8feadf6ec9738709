// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"fmt"
	"reflect"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist/internal/frame"
)

// Send encodes s and puts it into the link's buffer; if the link lies idle it puts it onto the socket too. It never blocks
// for longer than a copy, or a write that does not wait.
//
// Terms are encoded outside of the lock, against a table of the message's own; under it the header is made from that
// table, so that headers leave in the order in which they changed the cache.
func (l *link) Send(s *banyan.Signal) error { return l.send(s, mayWait(s)) }

// send is Send; what is not limited is taken even if the buffer is full.
func (l *link) send(s *banyan.Signal, limited bool) error {
	if l.dead.Load() {
		return banyan.ErrNoConnection
	}
	if limited && l.full(s) {
		return banyan.ErrLinkFull
	}
	e := l.t.encode.get()
	defer l.t.encode.put(e)
	ctl, err := e.signal(l.t.nobody, s, l.plain)
	if err != nil {
		return err
	}
	data := e.enc.Bytes()
	if len(data) > l.t.cfg.MaxMessage {
		return fmt.Errorf("%w: %d bytes, the limit is %d", ErrTooLarge, len(data), l.t.cfg.MaxMessage)
	}
	it := item{atoms: e.table.Atoms(), ctl: ctl, data: data}
	l.mu.Lock()
	if l.reason != nil {
		l.mu.Unlock()
		return banyan.ErrNoConnection
	}
	var kept bool
	if s.Op == banyan.OpDown && s.From.IsZero() {
		kept, err = l.q.putLate(it)
	} else {
		kept, err = l.q.put(lane(s), it, limited)
	}
	if err != nil {
		l.mu.Unlock()
		if err == errOverrun {
			l.fail(err)
			return banyan.ErrNoConnection
		}
		return err
	}
	if kept { // before the writer can give the bytes back
		l.t.encode.release(e)
	}
	switch {
	case s.Soon && len(l.q.small) <= maxNow:
		// Flush follows
	case l.lies():
		l.writeNow()
	default:
		l.kick()
	}
	l.mu.Unlock()
	l.t.stats.sent.Add(1)
	return nil
}

// Flush sends what was to be sent soon. Whoever calls it has nothing to send meanwhile, so he writes if nobody else does.
func (l *link) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.reason != nil || l.q.empty():
	case l.direct != nil && l.asleep && !l.writing && l.q.smallOnly() && len(l.q.small) <= maxNow:
		l.writeNow()
	default:
		l.kick()
	}
}

// A sender writes itself if nothing was written for quietFor, or something came from the peer since: they take turns. In a
// stream of messages only the first would be written so. And if another follows on the heels of what a sender wrote, then
// senders leave the next patience such moments to the writer, who takes many messages at once: one message ahead of its
// crowd costs a write more.
const (
	quietFor = int64(10 * time.Microsecond)
	patience = 32
)

// maxNow is how much a sender writes itself.
const maxNow = 16 << 10

// lies reports whether the link lies idle, so that the sender should write what is in the queue. Waking the writer would cost
// as much, and the peer would have to wait for that too. Call with mu held, after a message was put in line.
func (l *link) lies() bool {
	if l.direct == nil {
		return false
	}
	if !l.asleep || l.writing || !l.q.smallOnly() || len(l.q.small) > maxNow {
		l.crowd()
		return false
	}
	if l.lastRead.Load() < l.wroteAt && l.now()-l.lastWrite.Load() < quietFor {
		l.crowd()
		return false
	}
	if l.crowded > 0 {
		l.crowded--
		return false
	}
	l.alone = true
	return true
}

// crowd notes that a message came soon after another. Call with mu held.
func (l *link) crowd() {
	if l.alone {
		l.alone, l.crowded = false, patience
	}
}

// writeNow writes the small messages, as far as the socket takes them at once; the writer is told to do the rest. It is
// called with mu held and returns with it, but lets it go meanwhile.
func (l *link) writeNow() {
	l.writing, l.wroteAt = true, l.now()
	b := l.q.take(l.spare)
	l.spare = nil
	l.mu.Unlock()
	n, err := l.direct.write(b)
	l.lastWrite.Store(l.now())
	l.t.stats.bytesOut.Add(uint64(n))
	l.mu.Lock()
	l.writing = false
	switch {
	case l.reason != nil:
		return
	case err != nil:
		l.mu.Unlock()
		l.fail(err)
		l.mu.Lock()
		return
	case n < len(b):
		l.q.rest = b[n:]
	default:
		l.spare = b[:0]
	}
	if !l.q.empty() || l.drained != nil {
		l.kick()
	}
}

// lane is whose order a signal keeps: its sender's. What no process sent, as some replies, keeps the receiver's.
func lane(s *banyan.Signal) banyan.PID {
	if s.From.IsZero() {
		return s.To
	}
	return s.From
}

// kick tells the writer that there is something to do. Call with mu held.
func (l *link) kick() {
	if l.asleep && !l.writing { // who writes while it is asleep looks himself afterwards
		l.asleep = false
		l.wake <- struct{}{} // has room: one token per sleep
	}
}

// mayWait reports whether whoever sends s can be asked to wait. What the runtime itself sends (exits, downs, acks) is
// taken always, up to a point at which the peer must be given up.
func mayWait(s *banyan.Signal) bool {
	switch s.Op {
	case banyan.OpSend, banyan.OpSendName, banyan.OpSendAlias, banyan.OpSpawn:
		return true
	}
	return false
}

// full spares the encoding of a message that would not be taken.
func (l *link) full(s *banyan.Signal) bool {
	l.mu.Lock()
	small, bulk := l.q.full()
	l.mu.Unlock()
	if !small && !bulk {
		return false
	}
	n := roughSize(reflect.ValueOf(s.Body.Value), 4)
	l.mu.Lock()
	defer l.mu.Unlock()
	if n > frame.PieceSize {
		return l.reason == nil && l.q.bulkFull()
	}
	return l.reason == nil && l.q.smallFull()
}

// roughSize guesses how large a message is, by the strings and binaries in it that are not nested deeper than depth.
func roughSize(v reflect.Value, depth int) int {
	switch v.Kind() {
	case reflect.String:
		return v.Len()
	case reflect.Slice:
		return v.Len() * int(v.Type().Elem().Size())
	case reflect.Pointer, reflect.Interface:
		if depth > 0 {
			return roughSize(v.Elem(), depth-1)
		}
	case reflect.Struct:
		n := 0
		if depth > 0 {
			for _, f := range v.Fields() {
				n += roughSize(f, depth-1)
			}
		}
		return n
	}
	return 0
}

// OnRoom calls wake once, when there is room or the link is gone; at once if that is so now.
func (l *link) OnRoom(wake func()) {
	l.mu.Lock()
	if l.reason == nil && l.q.wait(wake) {
		l.mu.Unlock()
		return
	}
	l.mu.Unlock()
	wake()
}
