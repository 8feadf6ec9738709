// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"syscall"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist/internal/handshake"
)

// side is what we say of ourselves to a peer, with a challenge of its own for each handshake.
func (t *Transport) side(cookie string) handshake.Side {
	var c [4]byte
	rand.Read(c[:])
	flags := handshake.Hidden
	if t.cfg.Visible {
		flags |= handshake.Published
	}
	return handshake.Side{Name: string(t.name), Creation: t.port.Creation(), Flags: flags, Cookie: cookie,
		Challenge: binary.BigEndian.Uint32(c[:])}
}

// The first byte of a record of TLS; the second is 3. No handshake message is as long as both together.
const (
	recordAlert     = 0x15
	recordHandshake = 0x16
	recordData      = 0x17
)

// readMessage reads one message of the handshake and nothing after it: frames may follow in the same packet. Its length
// has two bytes, and four under TLS.
func readMessage(r io.Reader) ([]byte, error) {
	var buf [4]byte
	head := buf[2:]
	_, secure := r.(*tlsConn)
	if secure {
		head = buf[:]
	}
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(buf[:])
	switch {
	case !secure && (n>>8 == recordAlert || n>>8 == recordHandshake) && n&0xFF == 3:
		return nil, fmt.Errorf("%w: the other side speaks TLS, and this node does not", ErrTLS)
	case n == 0 || n > handshake.MaxMessage:
		return nil, fmt.Errorf("%w: a handshake message of %d bytes", handshake.ErrProtocol, n)
	}
	msg := make([]byte, n)
	_, err := io.ReadFull(r, msg)
	return msg, err
}

// writeMessage writes messages with their lengths, at once.
func writeMessage(w io.Writer, msgs ...[]byte) error {
	var b []byte
	_, secure := w.(*tlsConn)
	for _, m := range msgs {
		if secure {
			b = append(b, 0, 0)
		}
		b = binary.BigEndian.AppendUint16(b, uint16(len(m)))
		b = append(b, m...)
	}
	_, err := w.Write(b)
	return err
}

// isEOF reports whether err means that the peer closed the connection.
func isEOF(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// up puts a link in the table and tells the runtime. old is the link that it replaces, which has been told to end; with
// nil the link fails if there is one.
func (t *Transport) up(ctx context.Context, l, old *link) error {
	if old != nil {
		select {
		case <-old.gone:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	t.upMu.Lock()
	defer t.upMu.Unlock()
	for {
		t.mu.Lock()
		n := t.get(l.peer)
		other, closed := n.link, t.closed
		t.tidy(l.peer)
		t.mu.Unlock()
		if closed {
			return errStopped
		}
		if other == nil {
			break
		}
		if other.alive() {
			return errCrossed
		}
		select {
		case <-other.gone:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	heapBallast.hold() // until down
	t.port.Up(l)
	t.stats.links.Add(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.get(l.peer)
	n.link = l
	if a := n.attempt; a != nil {
		n.attempt = nil
		a.link = l
		if a.conn != nil && a.conn != l.conn { // it must not end in another link, when this one may be gone
			a.conn.Close()
		}
		close(a.done)
	}
	t.wg.Add(1)   // for the link's end, see link.run
	if t.closed { // Close has not seen it
		l.fail(errStopped)
	}
	return nil
}

// down takes a link out of the table after the runtime has been told.
func (t *Transport) down(l *link, reason error) {
	t.relays.lost(l)
	t.port.Down(l, reason)
	t.stats.links.Add(^uint64(0))
	heapBallast.release()
	t.mu.Lock()
	if n := t.nodes[l.peer]; n != nil && n.link == l {
		n.link = nil
		t.tidy(l.peer)
	}
	t.mu.Unlock()
	close(l.gone)
	t.wg.Done()
}

// nameOf is the name the peer gave as an atom.
func nameOf(p handshake.Peer) banyan.Atom { return banyan.Atom(p.Name) }
