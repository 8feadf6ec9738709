// SPDX-License-Identifier: Apache-2.0

package simnet

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// conn is one end of a connection; it implements net.Conn.
type conn struct {
	in, out       *stream
	local, remote Addr

	readBy, writeBy *deadline
	once            sync.Once
}

func newConn(in, out *stream, local, remote Addr) *conn {
	return &conn{in: in, out: out, local: local, remote: remote, readBy: newDeadline(), writeBy: newDeadline()}
}

// Read reads what has arrived.
func (c *conn) Read(b []byte) (int, error) {
	if c.readBy.passed() {
		return 0, c.error("read", os.ErrDeadlineExceeded)
	}
	n, err := c.in.read(b, c.readBy)
	return n, c.error("read", err)
}

// Write sends; it waits while the buffer is full.
func (c *conn) Write(b []byte) (int, error) {
	n, err := c.out.write(b, c.writeBy)
	return n, c.error("write", err)
}

func (c *conn) error(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return &net.OpError{Op: op, Net: "sim", Source: c.local, Addr: c.remote, Err: err}
}

// Close ends the connection: what was written still arrives, then the peer reads io.EOF. If the peer has sent what was not
// read, or sends more, it gets a reset.
func (c *conn) Close() error {
	c.once.Do(func() {
		n := c.out.n
		n.mu.Lock()
		defer n.mu.Unlock()
		l := n.linkOf(c.out.way)
		unread := c.in.shut()
		c.out.finish(l, unread)
		n.forget(c.in, c.out)
	})
	return nil
}

// abort resets the connection.
func (c *conn) abort() {
	c.once.Do(func() {
		n := c.out.n
		n.mu.Lock()
		defer n.mu.Unlock()
		c.in.shut()
		c.out.finish(n.linkOf(c.out.way), true)
		n.forget(c.in, c.out)
	})
}

// forget takes a connection off the books once both ends are closed. With mu held.
func (n *Network) forget(in, out *stream) {
	in.mu.Lock()
	a := in.closed
	in.mu.Unlock()
	out.mu.Lock()
	b := out.closed
	out.mu.Unlock()
	if a && b {
		delete(n.streams, in)
		delete(n.streams, out)
	}
}

// shut ends the reader's side; true if there was something to read.
func (s *stream) shut() (unread bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.arrive()
	unread = len(s.arrived) > 0
	s.closed = true
	s.readErr, s.arrived, s.wire, s.queued = net.ErrClosed, nil, nil, 0
	s.tell()
	return unread
}

// finish ends the writer's side.
func (s *stream) finish(l Link, reset bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	broken := s.writeErr != nil
	s.writeErr = net.ErrClosed
	if broken || s.closed {
		s.tell()
		return
	}
	seg := segment{end: io.EOF}
	if reset {
		seg.end = syscall.ECONNRESET
	}
	s.put(seg, l)
}

// LocalAddr is this end.
func (c *conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr is the other end.
func (c *conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline sets both.
func (c *conn) SetDeadline(t time.Time) error {
	c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}

// SetReadDeadline bounds Read, also one that waits already.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.readBy.set(t)
	return nil
}

// SetWriteDeadline bounds Write, also one that waits already.
func (c *conn) SetWriteDeadline(t time.Time) error {
	c.writeBy.set(t)
	return nil
}
