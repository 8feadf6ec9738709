// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"net"
)

// piecesPerWrite is how many fragments go into one write. What is being written is before every small message that
// comes meanwhile, so it must be little; a write must not be tiny either.
const piecesPerWrite = 4

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
			for _, c := range l.drained {
				close(c)
			}
			l.drained = nil
			if cap(small) > keepBuffer {
				small = nil
			}
			l.q.shrink(keepBuffer)
			l.asleep = true
			l.mu.Unlock()
			select {
			case <-l.wake:
			case <-l.end:
			}
			l.mu.Lock()
		}
		if l.reason != nil {
			l.mu.Unlock()
			return
		}
		rest := l.q.rest
		l.q.rest = nil
		small = l.q.take(small) // before the pieces: their headers are built behind these
		for n < piecesPerWrite {
			p, ok := l.q.nextPiece(heads[n][:0])
			if !ok {
				break
			}
			heads[n], pieces[n] = p.head, p
			n++
		}
		l.writing, l.wroteAt = true, l.now()
		wake := l.q.room()
		l.mu.Unlock()
		for _, f := range wake {
			f()
		}
		if err := l.put(rest, small, pieces[:n]); err != nil {
			l.fail(err)
			return
		}
		l.lastWrite.Store(l.now())
		for _, p := range pieces[:n] {
			l.t.encode.recycle(p.whole)
		}
	}
}

// put writes what is left of a write, the small messages and then the pieces.
func (l *link) put(rest, small []byte, pieces []piece) error {
	var err error
	size := len(rest) + len(small)
	switch {
	case len(pieces) > 0 || len(rest) > 0:
		bufs := make(net.Buffers, 0, 2+2*len(pieces))
		for _, b := range [][]byte{rest, small} {
			if len(b) > 0 {
				bufs = append(bufs, b)
			}
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
