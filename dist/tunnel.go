// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/banyan-go/banyan"
)

const (
	// tunnelWindow is how many bytes of one direction of a tunnel may be on their way, or unread at its end. The node in between has
	// at most that much of it.
	tunnelWindow = 64 << 10
	// tunnelChunk is how many go into one message, so that they take turns with the relay's own.
	tunnelChunk = 16 << 10
)

// tunnel is one end of a stream of bytes that passes through another node; it implements net.Conn. A link over it is a link like any
// other, with its own handshake and TLS: the node in between sees bytes.
type tunnel struct {
	t    *Transport
	leg  leg         // to the node in between
	peer banyan.Atom // at the other end

	mu     sync.Mutex
	buf    []byte // arrived, and not read. Invariant: at most tunnelWindow
	owed   int    // guarded by mu; how many were read that the peer has not been told of
	credit int    // guarded by mu; how many may be written
	err    error  // guarded by mu; why it has ended
	reads  error  // guarded by mu; what a reader gets then, once buf is empty

	changed         chan struct{} // closed and replaced when something of the above has changed; guarded by mu
	readBy, writeBy *deadline
	closing         sync.Once
}

func newTunnel(t *Transport, l leg, peer banyan.Atom) *tunnel {
	return &tunnel{t: t, leg: l, peer: peer, credit: tunnelWindow, changed: make(chan struct{}), readBy: newDeadline(), writeBy: newDeadline()}
}

// tell wakes all who wait. Call with mu held.
func (c *tunnel) tell() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// Read implements net.Conn.
func (c *tunnel) Read(b []byte) (int, error) {
	for {
		c.mu.Lock()
		if n := copy(b, c.buf); n > 0 {
			c.buf = c.buf[n:]
			c.owed += n
			owed := 0
			if c.owed >= tunnelWindow/2 && c.err == nil {
				owed, c.owed = c.owed, 0
			}
			c.mu.Unlock()
			if owed > 0 {
				c.leg.link.tell(relayRoom, c.leg.id, owed)
			}
			return n, nil
		}
		err, changed := c.reads, c.changed
		c.mu.Unlock()
		if err != nil || len(b) == 0 {
			return 0, err
		}
		select {
		case <-changed:
		case <-c.readBy.passed():
			return 0, os.ErrDeadlineExceeded
		}
	}
}

// Write implements net.Conn. It waits while the window is full.
func (c *tunnel) Write(b []byte) (done int, err error) {
	for len(b) > 0 {
		c.mu.Lock()
		n := min(len(b), c.credit, tunnelChunk)
		c.credit -= n
		err, changed := c.err, c.changed
		c.mu.Unlock()
		if err != nil {
			return done, err
		}
		if n > 0 {
			if err := c.leg.link.tell(relayData, c.leg.id, b[:n:n]); err != nil {
				return done, err
			}
			done, b = done+n, b[n:]
			continue
		}
		select {
		case <-changed:
		case <-c.writeBy.passed():
			return done, os.ErrDeadlineExceeded
		}
	}
	return done, nil
}

// Close implements net.Conn.
func (c *tunnel) Close() error {
	c.closing.Do(func() {
		c.t.relays.remove(c.leg)
		c.end(net.ErrClosed, net.ErrClosed)
		c.leg.link.tell(relayEnd, c.leg.id, []byte(nil))
		c.readBy.set(time.Time{})
		c.writeBy.set(time.Time{})
	})
	return nil
}

// end lets nobody write any more, and nobody read what has not arrived. The first reason counts.
func (c *tunnel) end(writes, reads error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err, c.reads = writes, reads
		c.tell()
	}
}

// data implements passage.
func (c *tunnel) data(_ leg, b []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.buf)+c.owed+len(b) > tunnelWindow {
		return false
	}
	if c.err == nil {
		c.buf = append(c.buf, b...)
		c.tell()
	}
	return true
}

// room implements passage.
func (c *tunnel) room(_ leg, n int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n < 0 || n > tunnelWindow-c.credit {
		return false
	}
	c.credit += n
	c.tell()
	return true
}

// over implements passage. What has arrived can still be read.
func (c *tunnel) over(_ leg, why error) {
	reads := why
	if why == nil {
		reads, why = io.EOF, io.ErrClosedPipe
	}
	c.end(why, reads)
}

// tunnelAddr is an address of a tunnel: the node at that end, and the one in between.
type tunnelAddr struct{ node, via banyan.Atom }

// Network is "relay".
func (tunnelAddr) Network() string { return "relay" }

// String names both nodes.
func (a tunnelAddr) String() string { return string(a.node) + " through " + string(a.via) }

// LocalAddr implements net.Conn.
func (c *tunnel) LocalAddr() net.Addr { return tunnelAddr{c.t.name, c.leg.link.peer} }

// RemoteAddr implements net.Conn.
func (c *tunnel) RemoteAddr() net.Addr { return tunnelAddr{c.peer, c.leg.link.peer} }

// viaOf is the node in between, of a connection that is a tunnel, under TLS perhaps.
func viaOf(c net.Conn) banyan.Atom {
	switch c := c.(type) {
	case *tunnel:
		return c.leg.link.peer
	case *tlsConn:
		return viaOf(c.raw.Conn)
	}
	return ""
}

// SetDeadline implements net.Conn.
func (c *tunnel) SetDeadline(t time.Time) error {
	c.readBy.set(t)
	c.writeBy.set(t)
	return nil
}

// SetReadDeadline implements net.Conn.
func (c *tunnel) SetReadDeadline(t time.Time) error {
	c.readBy.set(t)
	return nil
}

// SetWriteDeadline implements net.Conn.
func (c *tunnel) SetWriteDeadline(t time.Time) error {
	c.writeBy.set(t)
	return nil
}

// deadline is a channel that closes at a time that can be changed.
type deadline struct {
	mu    sync.Mutex
	timer *time.Timer   // guarded by mu
	c     chan struct{} // guarded by mu; replaced when it was closed and the time is set anew
}

func newDeadline() *deadline { return &deadline{c: make(chan struct{})} }

func (d *deadline) passed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.c
}

// set changes the time; zero is never.
func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	select {
	case <-d.c:
		d.c = make(chan struct{})
	default:
	}
	if t.IsZero() {
		return
	}
	var own *time.Timer
	own = time.AfterFunc(time.Until(t), func() {
		d.mu.Lock() // so that own is set
		defer d.mu.Unlock()
		if d.timer == own {
			d.timer = nil
			close(d.c)
		}
	})
	d.timer = own
}
