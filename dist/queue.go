// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"encoding/binary"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist/internal/frame"
	"github.com/banyan-go/banyan/etf"
)

// queue is what waits to be written to one peer. It belongs to the holder of the link's lock.
//
// Small messages are framed at once, one after another, in small. A message over frame.PieceSize opens a stream for its
// sender: the writer takes a piece of it per turn, behind whatever small messages there are, and while the stream is
// open everything else of that sender is put behind it. So order holds for each sender, hence for each pair, and nobody
// else waits for more than a few pieces.
//
//	sender A: small -----------------------------> [ small ] --\
//	sender B: BIG, small, BIG ---> stream B  --\                 >--> one write
//	sender C: BIG -----------> stream C  -------> a piece each --/
//
// Invariant: a header is built when its bytes are put in line for the socket, never earlier.
type queue struct {
	limit int             // LinkBuffer
	cache *frame.OutCache // nil: no headers, terms stand alone
	cut   bool            // fragments were agreed

	rest    []byte // of frames that a write has begun; they go first
	small   []byte // frames, ready to be written
	urgent  int    // bytes of signals that passed the limit since small was last empty
	streams map[banyan.PID]*stream
	turn    []*stream // in the order of their turns
	bulk    int       // bytes in streams
	born    uint64    // streams opened so far; also the last sequence id
	late    []lateItem

	smallWaits, bulkWaits []func() // of senders that found it full
	sawSmall, sawBulk     bool     // somebody was refused and there has not been room since
}

// item is an encoded message: the atoms that its terms refer to, control term and payload.
type item struct {
	atoms []etf.Atom
	ctl   int // length of the control term
	data  []byte
	sent  int // of data
	left  uint64
	seq   uint64
}

// stream is what waits behind an unfinished big message of one sender, and that message.
type stream struct {
	from   banyan.PID
	born   uint64
	items  []item
	size   int // bytes in items, but for the first
	urgent int // bytes of signals that passed the limit
}

// lateItem is a signal that has to go behind all streams opened up to after: it may be from any of their senders.
type lateItem struct {
	item
	after uint64
}

// bulkTimes is how many limits of bulk may wait.
const bulkTimes = 2

// urgentTimes is how many limits of signals that must not be refused may wait before the peer is given up.
const urgentTimes = 64

func (q *queue) empty() bool     { return len(q.small) == 0 && q.smallOnly() }
func (q *queue) smallOnly() bool { return len(q.rest) == 0 && len(q.turn) == 0 && len(q.late) == 0 }
func (q *queue) smallFull() bool { return mark(&q.sawSmall, len(q.small) >= q.limit) }
func (q *queue) bulkFull() bool  { return mark(&q.sawBulk, q.bulk >= bulkTimes*q.limit) }

// full tells whether nothing small, and nothing large, would be taken, and remembers nothing.
func (q *queue) full() (small, bulk bool) {
	return len(q.small) >= q.limit, q.bulk >= bulkTimes*q.limit
}

// mark remembers that somebody found it full.
func mark(saw *bool, full bool) bool {
	if full {
		*saw = true
	}
	return full
}

// put takes a message of from. kept means that it.data is the queue's now. ErrLinkFull: nothing was taken. errOverrun: the
// link is beyond help.
func (q *queue) put(from banyan.PID, it item, limited bool) (kept bool, err error) {
	if s := q.streams[from]; s != nil {
		if limited && (s.size >= q.limit || q.bulkFull()) {
			q.sawBulk = true
			return false, banyan.ErrLinkFull
		}
		if !limited {
			if s.urgent += len(it.data); s.urgent >= urgentTimes*q.limit {
				return false, errOverrun
			}
		}
		kept = len(it.data) > frame.PieceSize
		it = it.own(kept)
		s.items = append(s.items, it)
		s.size += len(it.data)
		q.bulk += len(it.data)
		return kept, nil
	}
	if q.cut && len(it.data)-it.ctl > frame.PieceSize {
		if limited && q.bulkFull() {
			return false, banyan.ErrLinkFull
		}
		q.openStream(from, it.own(true))
		return true, nil
	}
	if limited {
		if q.smallFull() {
			return false, banyan.ErrLinkFull
		}
	} else if q.urgent += len(it.data); q.urgent >= urgentTimes*q.limit {
		return false, errOverrun
	}
	q.frame(&it)
	return false, nil
}

// own makes the item independent of the encoder it came from, but for its data if that is kept.
func (it item) own(kept bool) item {
	it.atoms = append([]etf.Atom(nil), it.atoms...)
	if !kept {
		it.data = append([]byte(nil), it.data...)
	}
	return it
}

// maxLate is how many signals of unknown senders may wait before the peer is given up.
const maxLate = 1 << 16

// putLate takes a signal of an unknown sender: it goes behind everything.
func (q *queue) putLate(it item) (kept bool, err error) {
	switch {
	case len(q.turn) == 0:
		return q.put(banyan.PID{}, it, false)
	case len(q.late) >= maxLate:
		return false, errOverrun
	}
	kept = len(it.data) > frame.PieceSize
	q.late = append(q.late, lateItem{it.own(kept), q.born})
	return kept, nil
}

// openStream begins a big message.
func (q *queue) openStream(from banyan.PID, it item) {
	q.born++
	s := &stream{from: from, born: q.born, items: []item{it}}
	if q.streams == nil {
		q.streams = make(map[banyan.PID]*stream)
	}
	q.streams[from] = s
	q.turn = append(q.turn, s)
	q.bulk += len(it.data)
}

// frame puts a whole message in line for the socket.
func (q *queue) frame(it *item) {
	at := len(q.small)
	b := append(q.small, 0, 0, 0, 0)
	if q.cache == nil {
		b = append(b, frame.PassThrough)
	} else {
		b = append(b, frame.Version, frame.Header)
		b = q.cache.AppendHeader(b, it.atoms)
	}
	b = append(b, it.data...)
	binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	q.small = b
}

// piece is one fragment to be written behind the small messages: its head and, by reference, its bytes.
// whole is not nil with the last piece of a message: what may be recycled once it is written.
type piece struct{ head, data, whole []byte }

// nextPiece takes a piece of the stream whose turn it is. ok is false if there is none, or if messages had to be framed
// into small instead, which must be written first: the caller then takes those. buf is for the head.
func (q *queue) nextPiece(buf []byte) (p piece, ok bool) {
	for len(q.turn) > 0 && len(q.small) == 0 {
		s := q.turn[0]
		it := &s.items[0]
		if it.sent == 0 && len(it.data)-it.ctl <= frame.PieceSize {
			q.frame(it) // a small one behind a big one
			q.shift(s)
			continue
		}
		p = q.cutPiece(it, buf)
		q.bulk -= len(p.data)
		if it.left == 0 {
			p.whole = it.data
			q.shift(s)
		}
		if len(q.turn) > 1 && q.turn[0] == s {
			copy(q.turn, q.turn[1:])
			q.turn[len(q.turn)-1] = s
		}
		return p, true
	}
	return piece{}, false
}

// cutPiece builds the next fragment of it.
func (q *queue) cutPiece(it *item, buf []byte) piece {
	first := it.sent == 0
	end := it.sent + frame.PieceSize
	if first {
		payload := len(it.data) - it.ctl
		it.left = uint64((payload + frame.PieceSize - 1) / frame.PieceSize)
		q.born++
		it.seq = q.born
		end += it.ctl
	}
	end = min(end, len(it.data))
	b := frame.AppendPieceHead(append(buf, 0, 0, 0, 0), first, it.seq, it.left)
	if first {
		b = q.cache.AppendHeader(b, it.atoms)
	}
	data := it.data[it.sent:end]
	binary.BigEndian.PutUint32(b, uint32(len(b)-4+len(data)))
	it.sent = end
	it.left--
	return piece{head: b, data: data}
}

// shift ends the first item of s, and s if it was the last. s has the turn.
func (q *queue) shift(s *stream) {
	if it := &s.items[0]; it.sent == 0 { // framed whole: its bytes are in small now
		q.bulk -= len(it.data)
	}
	s.items[0] = item{}
	s.items = s.items[1:]
	if len(s.items) > 0 {
		s.size -= len(s.items[0].data)
		return
	}
	delete(q.streams, s.from)
	q.turn = q.turn[1:]
	q.release()
}

// release frames the late signals that no open stream holds back any more.
func (q *queue) release() {
	n := 0
	for ; n < len(q.late); n++ {
		for _, s := range q.turn {
			if s.born <= q.late[n].after {
				q.late = q.late[n:]
				return
			}
		}
		q.frame(&q.late[n].item)
	}
	q.late = q.late[n:]
}

// take hands the framed messages to the writer, which gives back the buffer of last time.
func (q *queue) take(old []byte) []byte {
	b := q.small
	q.small, q.urgent = old[:0], 0
	return b
}

// shrink lets go of an empty buffer that is larger than keep.
func (q *queue) shrink(keep int) {
	if len(q.small) == 0 && cap(q.small) > keep {
		q.small = nil
	}
}

// wait notes who wants room; false if there is.
func (q *queue) wait(wake func()) bool {
	switch {
	case q.sawSmall:
		q.smallWaits = append(q.smallWaits, wake)
	case q.sawBulk:
		q.bulkWaits = append(q.bulkWaits, wake)
	default:
		return false
	}
	return true
}

// room returns who may be told that there is room, at half the limits so that they are not woken for every message.
func (q *queue) room() (wake []func()) {
	if q.sawSmall && len(q.small) < q.limit/2 {
		q.sawSmall = false
		wake, q.smallWaits = q.smallWaits, nil
	}
	if q.sawBulk && q.bulk < bulkTimes*q.limit/2 {
		q.sawBulk = false
		wake = append(wake, q.bulkWaits...)
		q.bulkWaits = nil
	}
	return wake
}

// drop empties the queue for good and returns all who wait.
func (q *queue) drop() []func() {
	wake := append(q.smallWaits, q.bulkWaits...)
	*q = queue{limit: q.limit}
	return wake
}
