// SPDX-License-Identifier: Apache-2.0

package simnet

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// maxQueued is how many packets wait at a receiver before more are dropped, as a socket's buffer does.
const maxQueued = 1024

// packetConn is a socket for packets; it implements net.PacketConn. Packets may be lost, and overtake each other; a cut way
// loses them, and nobody is told.
type packetConn struct {
	h    *Host
	addr *net.UDPAddr
	read *deadline

	mu     sync.Mutex
	queue  []packet      // guarded by mu
	come   chan struct{} // closed and replaced when a packet comes or the socket closes; guarded by mu
	closed bool          // guarded by mu
	random map[string]*rand.Rand
}

type packet struct {
	data []byte
	from net.Addr
}

// IP is the host's address: hosts are numbered from 10.0.0.1 on, in the order in which they were made. It may be used in place
// of the name.
func (h *Host) IP() net.IP {
	return net.IPv4(10, byte(h.number>>16), byte(h.number>>8), byte(h.number)).To4()
}

// ListenPacket receives packets. Of addr only the port counts; 0 picks one.
func (h *Host) ListenPacket(addr string) (net.PacketConn, error) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	n := h.n
	n.mu.Lock()
	defer n.mu.Unlock()
	if h.dead {
		return nil, opError("listen", Addr(h.name), syscall.ENETDOWN)
	}
	if port == "0" || port == "" {
		h.next++
		port = strconv.Itoa(h.next)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, err
	}
	if h.packets[port] != nil {
		return nil, opError("listen", Addr(h.name+":"+port), syscall.EADDRINUSE)
	}
	c := &packetConn{h: h, addr: &net.UDPAddr{IP: h.IP(), Port: int(number)}, read: newDeadline(), come: make(chan struct{}),
		random: map[string]*rand.Rand{}}
	h.packets[port] = c
	return c, nil
}

// SetLoss makes packets between two hosts get lost, both ways, each with this probability. Streams lose nothing.
func (n *Network) SetLoss(a, b string, probability float64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, w := range both(a, b) {
		n.path(w).loss = probability
	}
}

// find is the host of a name or address, nil if there is none. With mu held.
func (n *Network) find(name string) *Host {
	if h := n.hosts[name]; h != nil {
		return h
	}
	return n.byIP[name]
}

// WriteTo sends a packet. It never waits.
func (c *packetConn) WriteTo(b []byte, to net.Addr) (int, error) {
	host, port, err := net.SplitHostPort(to.String())
	if err != nil {
		return 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return 0, opError("write", Addr(c.addr.String()), net.ErrClosed)
	}
	n := c.h.n
	n.mu.Lock()
	defer n.mu.Unlock()
	peer := n.find(host)
	if c.h.dead {
		return 0, opError("write", Addr(to.String()), syscall.ENETDOWN)
	}
	if peer == nil {
		return len(b), nil // nobody there: the packet is lost
	}
	w := way{c.h.name, peer.name}
	r := c.random[peer.name]
	if r == nil {
		n.number[w]++
		r = n.random(w, n.number[w])
		c.random[peer.name] = r
	}
	p, l := n.path(w), n.linkOf(w)
	delay, lost := l.draw(r), p.loss > 0 && r.Float64() < p.loss
	if p.blocked || lost {
		return len(b), nil
	}
	data := append([]byte(nil), b...)
	time.AfterFunc(delay, func() { n.arrive(w, port, packet{data, c.addr}) })
	return len(b), nil
}

// arrive is the end of a packet's way.
func (n *Network) arrive(w way, port string, p packet) {
	n.mu.Lock()
	var to *packetConn
	if h := n.hosts[w.to]; !n.blocked(w) && !h.dead {
		to = h.packets[port]
	}
	n.mu.Unlock()
	if to == nil {
		return
	}
	to.mu.Lock()
	defer to.mu.Unlock()
	if to.closed || len(to.queue) >= maxQueued {
		return
	}
	to.queue = append(to.queue, p)
	to.tell()
}

// tell wakes the readers. With mu held.
func (c *packetConn) tell() {
	close(c.come)
	c.come = make(chan struct{})
}

// ReadFrom waits for a packet.
func (c *packetConn) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		c.mu.Lock()
		if c.closed {
			c.mu.Unlock()
			return 0, nil, opError("read", Addr(c.addr.String()), net.ErrClosed)
		}
		if len(c.queue) > 0 {
			p := c.queue[0]
			c.queue = c.queue[1:]
			c.mu.Unlock()
			return copy(b, p.data), p.from, nil
		}
		come := c.come
		c.mu.Unlock()
		if err := c.read.wait(time.Time{}, come, nil); err != nil {
			return 0, nil, opError("read", Addr(c.addr.String()), os.ErrDeadlineExceeded)
		}
	}
}

// Close ends the socket.
func (c *packetConn) Close() error {
	n := c.h.n
	n.mu.Lock()
	if port := strconv.Itoa(c.addr.Port); c.h.packets[port] == c {
		delete(c.h.packets, port)
	}
	n.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed, c.queue = true, nil
	c.tell()
	return nil
}

// LocalAddr is the host's IP and the port.
func (c *packetConn) LocalAddr() net.Addr { return c.addr }

// SetDeadline is SetReadDeadline: writing never waits.
func (c *packetConn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetReadDeadline bounds ReadFrom, also one that waits already.
func (c *packetConn) SetReadDeadline(t time.Time) error {
	c.read.set(t)
	return nil
}

// SetWriteDeadline does nothing.
func (c *packetConn) SetWriteDeadline(time.Time) error { return nil }

// Resolve is the address of a host: its IP.
func (h *Host) Resolve(ctx context.Context, host string) (net.IP, error) {
	n := h.n
	n.mu.Lock()
	defer n.mu.Unlock()
	if to := n.find(host); to != nil {
		return to.IP(), nil
	}
	return nil, opError("lookup", Addr(host), errors.New("no such host"))
}
