// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"net"
)

// piecesPerWrite is how many fragments go into one write. What is being written is before every small message that
// comes meanwhile, so it must be little; a write must not be tiny either.
const piecesPerWrite = 2

// keepBuffer is the largest outgoing buffer, of two, that a link keeps when it has nothing to write.
const keepBuffer = 256 << 10

// write is the writer. It takes all there is at once, so it batches by itself: what is sent while one write runs goes
// out with the next.
func (l *link) write() {
	var small []byte
	var heads [piecesPerWrite][]byte
	for {
		var pieces [piecesPerWrite]piece
		n := 0
		l.mu.Lock()
		l.writing = false
		for l.reason == nil && l.q.empty() {
			l.ready.Store(false)
			for _, c := range l.drained {
				close(c)
			}
			l.drained = nil
			if cap(small) > keepBuffer {
				small = nil
			}
			l.q.shrink(keepBuffer)
			l.mu.Unlock()
			l.idle()
			l.mu.Lock()
		}
		if l.reason != nil {
			l.mu.Unlock()
			return
		}
		small = l.q.take(small) // before the pieces: their headers are built behind these
		for n < piecesPerWrite {
			p, ok := l.q.nextPiece(heads[n][:0])
			if !ok {
				break
			}
			heads[n], pieces[n] = p.head, p
			n++
		}
		l.writing = true
		wake := l.q.room()
		l.mu.Unlock()
		for _, f := range wake {
			f()
		}
		if err := l.put(small, pieces[:n]); err != nil {
			l.fail(err)
			return
		}
		l.lastWrite.Store(l.now())
		for _, p := range pieces[:n] {
			l.t.encode.recycle(p.whole)
		}
	}
}

// put writes the small messages and then the pieces.
func (l *link) put(small []byte, pieces []piece) error {
	var err error
	size := len(small)
	switch {
	case len(pieces) > 0:
		bufs := make(net.Buffers, 0, 1+2*len(pieces))
		if len(small) > 0 {
			bufs = append(bufs, small)
		}
		for _, p := range pieces {
			bufs = append(bufs, p.head, p.data)
			size += len(p.head) + len(p.data)
		}
		if c, ok := l.conn.(*tlsConn); ok {
			err = c.WriteBuffers(bufs)
		} else {
			_, err = bufs.WriteTo(l.conn)
		}
	case size > 0:
		_, err = l.conn.Write(small)
	}
	l.t.stats.bytesOut.Add(uint64(size))
	return err
}

// idle waits until there is something to write or the link has failed, first looking for a while.
func (l *link) idle() {
	if poll(l.t.cfg.PollTime, func() bool { return l.ready.Load() || l.dead.Load() }) {
		return
	}
	l.mu.Lock()
	if l.reason != nil || !l.q.empty() {
		l.mu.Unlock()
		return
	}
	l.asleep = true
	l.mu.Unlock()
	select {
	case <-l.wake:
	case <-l.end:
	}
}
