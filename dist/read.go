// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist/internal/frame"
)

// readBuffer is how much one read takes, and what an idle link keeps.
const readBuffer = 128 << 10

// reader takes what the socket has, and handles every whole frame in it before it asks for more. The last message it may
// hand to its process in person: then it runs that process's turn, as it runs the functions that peers call. If that lasts, another
// goroutine goes on with the reader.
type reader struct {
	*receiver
	src   func([]byte) (int, error)
	buf   []byte
	have  int           // bytes of buf that were read and not handled
	turns *banyan.Turns // nil: all turns are the workers'. Each goroutine has its own.
}

func newReader(l *link) *reader {
	return &reader{receiver: newReceiver(l), src: l.source(), buf: make([]byte, readBuffer)}
}

// errRelieved ends a goroutine that reads no more, as another does.
var errRelieved = errors.New("dist: another goroutine reads")

// loop reads until the link fails, or this goroutine is relieved.
func (rd *reader) loop() error {
	l := rd.l
	if p, ok := l.t.port.(turner); ok {
		turns := p.NewTurns(func() { go l.read(rd) })
		rd.turns = turns
		defer turns.Close()
	}
	for {
		err := rd.more()
		if err != nil {
			if isEOF(err) {
				return errClosed
			}
			return err
		}
		if l.dead.Load() {
			return net.ErrClosed
		}
		if rd.turns != nil && !rd.turns.Run() {
			return errRelieved // rd is another's now
		}
	}
}

// more reads once, and handles what is whole then.
func (rd *reader) more() error {
	l := rd.l
	n, err := rd.src(rd.buf[rd.have:])
	if n == 0 {
		return err
	}
	rd.have += n
	l.lastRead.Store(l.now())
	l.t.stats.bytesIn.Add(uint64(n))
	if n > tickSize {
		l.sawData()
	}
	used, ferr := rd.frames(rd.buf[:rd.have])
	if ferr != nil {
		return ferr
	}
	rd.have = copy(rd.buf, rd.buf[used:rd.have])
	if rd.buf, ferr = l.room(rd.buf, rd.have); ferr != nil {
		return ferr
	}
	return err
}

// room makes sure that more of the frame at the beginning of buf can be read, and lets go of what a large one needed.
// The buffer doubles with what was received, whatever the frame says of its length.
func (l *link) room(buf []byte, have int) ([]byte, error) {
	want := 0
	if have >= 4 {
		want = int(binary.BigEndian.Uint32(buf)) + 4
		if want-4 > l.t.cfg.MaxMessage+frameOverhead {
			return nil, fmt.Errorf("%w: a frame of %d bytes", frame.ErrProtocol, want-4)
		}
	}
	switch {
	case want <= readBuffer && len(buf) > readBuffer:
		small := make([]byte, readBuffer)
		copy(small, buf[:have])
		return small, nil
	case have == len(buf):
		big := make([]byte, min(2*len(buf), want))
		copy(big, buf)
		return big, nil
	}
	return buf, nil
}

// frameOverhead is what a frame may have beside a message: the header with 255 atoms of 1020 bytes.
const frameOverhead = 256 << 10

// frames handles all whole frames at the beginning of b and returns how many bytes they were.
func (rd *reader) frames(b []byte) (used int, err error) {
	for len(b)-used >= 4 {
		n := int(binary.BigEndian.Uint32(b[used:]))
		if n > len(b)-used-4 {
			break
		}
		used += 4
		if rd.turns != nil {
			rd.turns.Last(used+n == len(b))
			rd.to = rd.turns
		}
		if err := rd.frame(b[used : used+n]); err != nil {
			return used, err
		}
		used += n
		if rd.l.dead.Load() {
			return used, net.ErrClosed
		}
	}
	return used, nil
}

// source returns how to read: with polling if the connection is TCP and polling is wanted.
func (l *link) source() func([]byte) (int, error) {
	if l.t.cfg.PollTime > 0 {
		if tcp, ok := l.conn.(*net.TCPConn); ok {
			if p := newPoller(tcp, l.t.cfg.PollTime); p != nil {
				return p.read
			}
		}
	}
	return func(b []byte) (int, error) {
		n, err := l.conn.Read(b)
		if errors.Is(err, io.EOF) && n > 0 {
			err = nil
		}
		return n, err
	}
}
