// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/banyan-go/banyan/dist/internal/handshake"
)

// tlsConn is a connection under TLS. What is written at once leaves in few packets: records are gathered below it.
type tlsConn struct {
	*tls.Conn
	raw *gather
}

// secure puts TLS on a connection, where that is wanted. host is the peer's, or empty when it is the caller. It does no I/O.
func (t *Transport) secure(conn net.Conn, host string) (net.Conn, error) {
	if t.keys == nil {
		return conn, nil
	}
	accept := host == ""
	cfg, err := t.keys.config(accept)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTLS, err)
	}
	raw := &gather{Conn: conn}
	if accept {
		return &tlsConn{tls.Server(raw, cfg), raw}, nil
	}
	cfg = cfg.Clone()
	if cfg.ServerName == "" {
		cfg.ServerName = host
	}
	if t.cfg.TLS.SkipNames && !cfg.InsecureSkipVerify {
		cfg.InsecureSkipVerify = true // of which the rest is done here
		cfg.VerifyConnection = verifyUnnamed(cfg)
	}
	return &tlsConn{tls.Client(raw, cfg), raw}, nil
}

// plainAlert is what a node without TLS gets when it calls: a fatal alert (protocol_version), by which it can tell.
var plainAlert = []byte{recordAlert, 3, 1, 0, 2, 2, 70}

// shakeTLS runs the handshake of TLS, if conn is under it.
func shakeTLS(ctx context.Context, conn net.Conn) error {
	c, ok := conn.(*tlsConn)
	if !ok {
		return nil
	}
	err := c.HandshakeContext(ctx)
	if err == nil {
		return nil
	}
	var plain tls.RecordHeaderError
	switch {
	case errors.As(err, &plain):
		conn.(*tlsConn).raw.Conn.Write(plainAlert)
		return fmt.Errorf("%w: the other side does not speak TLS; is it a node without? (%w)", ErrTLS, err)
	case isEOF(err):
		return fmt.Errorf("%w: %w during the handshake; does the other side speak TLS?", ErrTLS, handshake.ErrClosed)
	case ctx.Err() != nil, errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w: no answer to the handshake; does the other side speak TLS? (%w)", ErrTLS, err)
	}
	return tlsError(err)
}

// tlsError marks an error of the handshake. One that the peer reports comes, in TLS 1.3, with the first read.
func tlsError(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "remote error" {
		return fmt.Errorf("%w: the peer refuses us: %w", ErrTLS, op.Err)
	}
	return fmt.Errorf("%w: %w", ErrTLS, err)
}

// Read maps the errors of TLS.
func (c *tlsConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	var op *net.OpError
	if err != nil && errors.As(err, &op) && op.Op == "remote error" {
		err = tlsError(err)
	}
	return n, err
}

// Write encrypts b and sends it.
func (c *tlsConn) Write(b []byte) (int, error) {
	c.raw.hold()
	n, err := writeAround(c.Conn, b)
	return n, errors.Join(err, c.raw.release())
}

// WriteBuffers is Write for several pieces.
func (c *tlsConn) WriteBuffers(bufs net.Buffers) error {
	c.raw.hold()
	var err error
	for _, b := range bufs {
		if _, err = writeAround(c.Conn, b); err != nil {
			break
		}
	}
	return errors.Join(err, c.raw.release())
}

// renewals is how many new handshakes may come in the way of one write.
const renewals = 100

// writeAround writes b to c, around handshakes that begin just then. A peer with TLS 1.2 that wants new keys gets its handshake
// from whoever reads here; a write that had found the old one complete, and takes its turn only then, is refused by crypto/tls
// as an internal error. Nothing of it has left, and nothing is wrong: it goes out when the new handshake is over.
func writeAround(c interface {
	io.Writer
	Handshake() error
}, b []byte) (n int, err error) {
	for range renewals {
		n, err = c.Write(b)
		if n > 0 || err == nil || err.Error() != errInternal {
			break
		}
		if err := c.Handshake(); err != nil {
			return 0, err
		}
	}
	return n, err
}

// errInternal is the text of an error whose type crypto/tls keeps to itself: alert 80 of RFC 5246, 7.2.
var errInternal = tls.AlertError(80).Error()

// closeTime is how long Close may wait to say that this is the end, if the peer reads nothing.
const closeTime = 20 * time.Millisecond

// Close tells the peer, if that is possible at once, and closes.
func (c *tlsConn) Close() error {
	c.raw.closing.Store(true)
	c.raw.Conn.SetWriteDeadline(time.Now().Add(closeTime))
	return c.Conn.Close()
}

// gather is the connection below TLS. While it is held, what TLS writes is collected: it writes every record by itself,
// which would be a system call and a packet each.
type gather struct {
	net.Conn
	closing atomic.Bool // deadlines are Close's now

	mu   sync.Mutex
	held bool   // guarded by mu
	buf  []byte // guarded by mu
}

// gatherSize is how much is collected at most.
const gatherSize = 128 << 10

func (g *gather) hold() {
	g.mu.Lock()
	g.held = true
	g.mu.Unlock()
}

// release sends what was collected.
func (g *gather) release() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held = false
	return g.flush()
}

// flush is called with mu held.
func (g *gather) flush() error {
	if len(g.buf) == 0 {
		return nil
	}
	_, err := g.Conn.Write(g.buf)
	if g.buf = g.buf[:0]; cap(g.buf) > gatherSize/4 && !g.held {
		g.buf = nil
	}
	return err
}

// Write is TLS's, from whoever writes or reads there: a peer with TLS 1.2 that wants new keys gets its handshake from the
// reader, and who wrote before waits for the end of that, so it must not be held.
func (g *gather) Write(b []byte) (int, error) {
	if g.closing.Load() { // Close's last word, which does not wait for a write that hangs
		if !g.mu.TryLock() {
			return 0, net.ErrClosed
		}
	} else {
		g.mu.Lock()
	}
	defer g.mu.Unlock()
	g.buf = append(g.buf, b...)
	if !g.held || len(g.buf) >= gatherSize || b[0] != recordData {
		return len(b), g.flush()
	}
	return len(b), nil
}

// SetDeadline and SetWriteDeadline do nothing once Close has set one: TLS would wait longer for its last word.
func (g *gather) SetDeadline(t time.Time) error {
	if g.closing.Load() {
		return nil
	}
	return g.Conn.SetDeadline(t)
}

// SetWriteDeadline is as SetDeadline.
func (g *gather) SetWriteDeadline(t time.Time) error {
	if g.closing.Load() {
		return nil
	}
	return g.Conn.SetWriteDeadline(t)
}
