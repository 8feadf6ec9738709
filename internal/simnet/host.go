// SPDX-License-Identifier: Apache-2.0

package simnet

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Addr is host:port.
type Addr string

// Network is "sim".
func (Addr) Network() string { return "sim" }

// String is host:port.
func (a Addr) String() string { return string(a) }

// Host is one machine with one program on it.
type Host struct {
	n      *Network
	name   string
	number int

	// Guarded by Network.mu.
	dead      bool
	next      int
	listeners map[string]*listener
	packets   map[string]*packetConn
}

// Host gives the host of that name, made at first use. A name may hold anything but a colon.
func (n *Network) Host(name string) *Host {
	n.mu.Lock()
	defer n.mu.Unlock()
	h := n.hosts[name]
	if h == nil {
		h = &Host{n: n, name: name, number: len(n.hosts) + 1, next: 1000, listeners: map[string]*listener{},
			packets: map[string]*packetConn{}}
		n.hosts[name] = h
		n.byIP[h.IP().String()] = h
	}
	return h
}

// Name is the host's name.
func (h *Host) Name() string { return h.name }

// Kill ends the host's program without a goodbye: its streams break at once on its own side and are reset at the other
// once the reset has travelled there, its listeners are gone, and until Revive it can neither dial nor listen.
func (h *Host) Kill() {
	n := h.n
	n.mu.Lock()
	h.dead = true
	var gone []*listener
	for _, l := range h.listeners {
		gone = append(gone, l)
	}
	clear(h.listeners)
	var deaf []*packetConn
	for _, c := range h.packets {
		deaf = append(deaf, c)
	}
	clear(h.packets)
	for s := range n.streams {
		if s.way.from == h.name {
			s.abort(n.linkOf(s.way))
			s.back.cut()
		}
	}
	n.tell()
	n.mu.Unlock()
	for _, l := range gone {
		l.end()
	}
	for _, c := range deaf {
		c.Close()
	}
}

// Revive lets a killed host be used again.
func (h *Host) Revive() {
	h.n.mu.Lock()
	defer h.n.mu.Unlock()
	h.dead = false
	h.n.tell()
}

// listener implements net.Listener.
type listener struct {
	h    *Host
	addr Addr
	c    chan *conn
	once sync.Once
	done chan struct{}
}

const backlog = 128

// Listen accepts connections. Of addr only the port counts; 0 picks one.
func (h *Host) Listen(addr string) (net.Listener, error) {
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
	if h.listeners[port] != nil {
		return nil, opError("listen", Addr(h.name+":"+port), syscall.EADDRINUSE)
	}
	l := &listener{h: h, addr: Addr(h.name + ":" + port), c: make(chan *conn, backlog), done: make(chan struct{})}
	h.listeners[port] = l
	return l, nil
}

// Accept waits for a connection.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case <-l.done:
		return nil, opError("accept", l.addr, net.ErrClosed)
	default:
	}
	select {
	case c := <-l.c:
		return c, nil
	case <-l.done:
		return nil, opError("accept", l.addr, net.ErrClosed)
	}
}

// Addr is host:port.
func (l *listener) Addr() net.Addr { return l.addr }

// Close ends the listener. Connections that nobody has accepted are reset.
func (l *listener) Close() error {
	_, port, _ := net.SplitHostPort(string(l.addr))
	l.h.n.mu.Lock()
	if l.h.listeners[port] == l {
		delete(l.h.listeners, port)
	}
	l.h.n.mu.Unlock()
	l.end()
	return nil
}

func (l *listener) end() {
	l.once.Do(func() { close(l.done) })
	for {
		select {
		case c := <-l.c:
			c.abort()
		default:
			return
		}
	}
}

// Dial connects to an address that a listener has. It takes a round trip; through a partition it waits until that heals
// or ctx ends.
func (h *Host) Dial(ctx context.Context, addr string) (net.Conn, error) {
	i := strings.LastIndexByte(addr, ':')
	if i < 0 {
		return nil, opError("dial", Addr(addr), errors.New("address without a port"))
	}
	to, port := addr[:i], addr[i+1:]
	n := h.n
	n.mu.Lock()
	if peer := n.find(to); peer != nil {
		to = peer.name
	}
	n.mu.Unlock()
	out, back := way{h.name, to}, way{to, h.name}
	n.mu.Lock()
	n.number[out]++
	number := n.number[out]
	n.mu.Unlock()
	r := n.random(out, number)
	for {
		if err := ctx.Err(); err != nil {
			return nil, opError("dial", Addr(addr), err)
		}
		n.mu.Lock()
		dead, cut, changed := h.dead, n.blocked(out) || n.blocked(back), n.changed
		trip := n.linkOf(out).draw(r) + n.linkOf(back).draw(r)
		n.mu.Unlock()
		if dead {
			return nil, opError("dial", Addr(addr), syscall.ENETDOWN)
		}
		if !cut {
			t := time.NewTimer(trip)
			select {
			case <-t.C:
				c, again, err := n.connect(h, to, port, number)
				if again {
					continue
				}
				if err != nil {
					return nil, opError("dial", Addr(addr), err)
				}
				return c, nil
			case <-changed: // perhaps cut: the packet is sent again
				t.Stop()
				continue
			case <-ctx.Done():
				t.Stop()
				continue
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// connect makes the stream, with the way there and back travelled. again: it was cut meanwhile.
func (n *Network) connect(h *Host, to, port string, number uint64) (c *conn, again bool, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	out, back := way{h.name, to}, way{to, h.name}
	if h.dead || n.blocked(out) || n.blocked(back) {
		return nil, true, nil
	}
	peer := n.hosts[to]
	if peer == nil || peer.dead || peer.listeners[port] == nil {
		return nil, false, syscall.ECONNREFUSED
	}
	there, here := n.newStream(out, number), n.newStream(back, number)
	there.back, here.back = here, there
	h.next++
	local := Addr(h.name + ":" + strconv.Itoa(h.next))
	l := peer.listeners[port]
	mine, theirs := newConn(here, there, local, l.addr), newConn(there, here, l.addr, local)
	select {
	case l.c <- theirs:
	default:
		return nil, false, syscall.ECONNREFUSED
	}
	n.streams[there], n.streams[here] = struct{}{}, struct{}{}
	return mine, false, nil
}

func opError(op string, a Addr, err error) error {
	return &net.OpError{Op: op, Net: "sim", Addr: a, Err: err}
}
