// SPDX-License-Identifier: Apache-2.0

package simnet

import (
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"syscall"
	"time"
)

// stream is one direction of a connection: what one end has written and the other has not read.
type stream struct {
	n      *Network
	way    way
	back   *stream // the other direction
	buffer int

	mu sync.Mutex
	// All guarded by mu. changed is closed and replaced whenever something else changes.
	changed chan struct{}
	random  *rand.Rand
	wire    []segment // in the order of arrival
	arrived []byte    // ready to be read
	held    bool      // the way is cut: nothing on the wire arrives
	free    time.Time // when the sender's line is free, with a bandwidth
	last    time.Time // arrival of the last segment
	queued  int       // bytes in wire and arrived

	readErr  error // the reader's end of it: after what has arrived. io.EOF, a reset, or net.ErrClosed
	writeErr error // the writer's end
	closed   bool  // by its reader: nobody will read any more
}

// segment is what travels: bytes, the end of the stream, or a reset.
type segment struct {
	data []byte
	end  error     // io.EOF or ECONNRESET in place of data
	at   time.Time // arrival; of no meaning while held
}

func (n *Network) newStream(w way, number uint64) *stream {
	return &stream{n: n, way: w, buffer: n.buffer, changed: make(chan struct{}), random: n.random(w, number)}
}

func (s *stream) tell() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// put sends a segment on its way. With mu held.
func (s *stream) put(seg segment, l Link) {
	now := time.Now()
	leave := now
	if l.Bandwidth > 0 {
		if s.free.After(now) {
			leave = s.free
		}
		leave = leave.Add(time.Duration(int64(len(seg.data)) * int64(time.Second) / int64(l.Bandwidth)))
		s.free = leave
	}
	seg.at = leave.Add(l.draw(s.random))
	if seg.at.Before(s.last) {
		seg.at = s.last
	}
	s.last = seg.at
	s.wire = append(s.wire, seg)
	s.tell()
}

// arrive takes from the wire what has arrived by now. With mu held.
func (s *stream) arrive() {
	if s.held || (s.readErr != nil && s.readErr != io.EOF) {
		return
	}
	now := time.Now()
	for len(s.wire) > 0 && !s.wire[0].at.After(now) {
		seg := s.wire[0]
		s.wire = s.wire[1:]
		switch {
		case seg.end == nil:
			s.arrived = append(s.arrived, seg.data...)
		case s.readErr == nil || seg.end == syscall.ECONNRESET:
			s.readErr = seg.end
		}
	}
}

// hold stops what is on its way.
func (s *stream) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.arrive()
	s.held = true
	s.tell()
}

// release sends what was held again; true if the reader is gone, and will answer with a reset.
func (s *stream) release(l Link) (refused bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wire := s.wire
	s.wire, s.held, s.last, s.free = nil, false, time.Time{}, time.Time{}
	if s.closed {
		s.tell()
		return len(wire) > 0
	}
	for _, seg := range wire {
		s.put(seg, l)
	}
	s.tell()
	return false
}

// abort breaks the writer's end and sends a reset after what was written.
func (s *stream) abort(l Link) {
	s.mu.Lock()
	if s.writeErr == nil {
		s.writeErr = syscall.ECONNRESET
	}
	s.mu.Unlock()
	s.sendReset(l)
}

// sendReset sends a reset, of a reader that is gone or of a program that died.
func (s *stream) sendReset(l Link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(segment{end: syscall.ECONNRESET}, l)
}

// cut takes the reader away: its program is dead.
func (s *stream) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readErr, s.closed = syscall.ECONNRESET, true
	s.wire, s.arrived, s.queued = nil, nil, 0
	s.tell()
}

// breakNow breaks both ends of this direction, whatever is on its way.
func (s *stream) breakNow() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.arrive()
	if s.readErr == nil || s.readErr == io.EOF {
		s.readErr = syscall.ECONNRESET
	}
	if s.writeErr == nil {
		s.writeErr = syscall.ECONNRESET
	}
	s.wire, s.held = nil, false
	s.tell()
}

// reset reports whether a reset has arrived, which ends the other direction's writer too; and else when to look again.
func (s *stream) reset() (is bool, changed chan struct{}, next time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.arrive()
	if s.readErr == syscall.ECONNRESET {
		return true, nil, time.Time{}
	}
	if !s.held {
		for _, seg := range s.wire {
			if seg.end == syscall.ECONNRESET {
				next = seg.at
			}
		}
	}
	return false, s.changed, next
}

// read waits for bytes.
func (s *stream) read(b []byte, deadline *deadline) (int, error) {
	for {
		s.mu.Lock()
		s.arrive()
		if n := copy(b, s.arrived); n > 0 {
			if s.arrived = s.arrived[n:]; len(s.arrived) == 0 {
				s.arrived = nil
			}
			s.queued -= n
			s.tell()
			s.mu.Unlock()
			return n, nil
		}
		if err := s.readErr; err != nil {
			s.mu.Unlock()
			return 0, err
		}
		if len(b) == 0 {
			s.mu.Unlock()
			return 0, nil
		}
		var next time.Time
		if !s.held && len(s.wire) > 0 {
			next = s.wire[0].at
		}
		changed := s.changed
		s.mu.Unlock()
		if err := deadline.wait(next, changed, nil); err != nil {
			return 0, err
		}
	}
}

// write waits for room.
func (s *stream) write(b []byte, deadline *deadline) (int, error) {
	written := 0
	for {
		if deadline.passed() {
			return written, os.ErrDeadlineExceeded
		}
		broken, back, at := s.back.reset()
		s.n.mu.Lock()
		l := s.n.linkOf(s.way)
		s.n.mu.Unlock()
		s.mu.Lock()
		switch {
		case s.writeErr != nil:
			err := s.writeErr
			s.mu.Unlock()
			return written, err
		case broken:
			s.writeErr = syscall.ECONNRESET
			s.mu.Unlock()
			return written, syscall.ECONNRESET
		case written == len(b):
			s.mu.Unlock()
			return written, nil
		}
		if s.closed && !s.held { // the reader's host answers with a reset, a round trip later
			s.mu.Unlock()
			s.back.sendReset(Link{Min: 2 * l.Min, Max: l.Min + l.Max})
			return len(b), nil
		}
		if room := s.buffer - s.queued; room > 0 {
			n := min(room, len(b)-written)
			s.queued += n
			s.put(segment{data: append([]byte(nil), b[written:written+n]...)}, l)
			written += n
			s.mu.Unlock()
			if written == len(b) {
				return written, nil
			}
			continue
		}
		changed := s.changed
		s.mu.Unlock()
		if err := deadline.wait(at, changed, back); err != nil {
			return written, err
		}
	}
}

// deadline is a time that can be moved while somebody waits for it.
type deadline struct {
	mu      sync.Mutex
	at      time.Time
	changed chan struct{}
}

func newDeadline() *deadline { return &deadline{changed: make(chan struct{})} }

func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = t
	close(d.changed)
	d.changed = make(chan struct{})
}

func (d *deadline) passed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.at.IsZero() && !time.Now().Before(d.at)
}

// wait waits for a time, a change, or the deadline, which alone is an error. The zero time never comes.
func (d *deadline) wait(next time.Time, a, b <-chan struct{}) error {
	d.mu.Lock()
	at, moved := d.at, d.changed
	d.mu.Unlock()
	if !at.IsZero() && !time.Now().Before(at) {
		return os.ErrDeadlineExceeded
	}
	if next.IsZero() || (!at.IsZero() && at.Before(next)) {
		next = at
	}
	var c <-chan time.Time
	if !next.IsZero() {
		t := time.NewTimer(time.Until(next))
		defer t.Stop()
		c = t.C
	}
	select {
	case <-a:
	case <-b:
	case <-moved:
	case <-c:
	}
	return nil
}
