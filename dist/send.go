// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"fmt"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist/internal/frame"
)

// Send encodes s and puts it into the link's buffer. It never blocks for longer than a copy.
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
	l.kick()
	l.mu.Unlock()
	l.t.stats.sent.Add(1)
	return nil
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
	if !l.ready.Load() {
		l.ready.Store(true)
	}
	if l.asleep {
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
	size := 0
	switch v := s.Body.Value.(type) {
	case []byte:
		size = len(v)
	case string:
		size = len(v)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if size > frame.PieceSize {
		return l.reason == nil && l.q.bulkFull()
	}
	return l.reason == nil && l.q.smallFull()
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
