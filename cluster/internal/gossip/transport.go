// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"
)

// transport carries memberlist's packets and streams over a Network.
type transport struct {
	net     Network
	keys    keys
	me      hello // without nonce
	ip      net.IP
	port    int
	log     *slog.Logger
	refused *limiter

	listener net.Listener
	socket   net.PacketConn
	packets  chan *memberlist.Packet
	streams  chan net.Conn
	setups   chan struct{} // one token for each handshake of a caller

	ctx    context.Context // ends with Shutdown
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]struct{} // all that are open; guarded by mu
}

var _ memberlist.NodeAwareTransport = (*transport)(nil)

const (
	// handshakeTime bounds a handshake.
	handshakeTime = 3 * time.Second
	// maxSetups is how many callers may be in the handshake; more are closed.
	maxSetups = 64
	// maxPacket is larger than any packet that memberlist sends.
	maxPacket = 64 << 10
)

func (t *transport) start() {
	t.wg.Add(2)
	go t.receive()
	go t.accept()
}

func (t *transport) receive() {
	defer t.wg.Done()
	buf := make([]byte, maxPacket)
	for {
		n, from, err := t.socket.ReadFrom(buf)
		if t.ctx.Err() != nil {
			return
		}
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue // a socket for packets tells of what happened to earlier ones
		}
		if n == 0 {
			continue
		}
		p := &memberlist.Packet{Buf: append([]byte(nil), buf[:n]...), From: from, Timestamp: time.Now()}
		select {
		case t.packets <- p:
		case <-t.ctx.Done():
			return
		}
	}
}

func (t *transport) accept() {
	defer t.wg.Done()
	for {
		c, err := t.listener.Accept()
		if err != nil {
			if t.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			select { // out of files, perhaps
			case <-time.After(100 * time.Millisecond):
				continue
			case <-t.ctx.Done():
				return
			}
		}
		select {
		case t.setups <- struct{}{}:
		default:
			c.Close()
			continue
		}
		if !t.track(c) {
			<-t.setups
			return
		}
		go func() {
			defer t.wg.Done()
			defer func() { <-t.setups }()
			t.greet(c)
		}()
	}
}

// stream is a connection that memberlist has, until it closes it.
type stream struct {
	net.Conn
	t *transport
}

// Close ends it.
func (s stream) Close() error {
	s.t.untrack(s.Conn)
	return s.Conn.Close()
}

// track notes a connection, for Shutdown; with true it counts in wg.
func (t *transport) track(c net.Conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ctx.Err() != nil {
		c.Close()
		return false
	}
	t.conns[c] = struct{}{}
	t.wg.Add(1)
	return true
}

func (t *transport) untrack(c net.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.conns, c)
}

// greet shakes hands with a caller.
func (t *transport) greet(raw net.Conn) {
	c := stream{raw, t}
	c.SetDeadline(time.Now().Add(handshakeTime))
	peer, err := answer(c, t.keys, t.hello(0))
	if err != nil {
		c.Close()
		if peer.id.Name != "" && (errors.Is(err, ErrOtherCluster) || errors.Is(err, ErrSecret)) { // not one that gave up waiting
			t.refuse(peer, c.RemoteAddr().String(), err)
		}
		return
	}
	if peer.code != purposeGossip {
		c.Close()
		return
	}
	c.SetDeadline(time.Time{})
	select {
	case t.streams <- c:
	case <-t.ctx.Done():
		c.Close()
	}
}

func (t *transport) refuse(peer hello, addr string, err error) {
	if !t.refused.allow(peer.cluster + "\x00" + peer.id.Name) {
		return
	}
	t.log.Warn("refused a node that does not belong to this cluster", "peer", peer.id.Name, "addr", addr, "its_cluster", peer.cluster,
		"cluster", t.me.cluster, "error", err)
}

func (t *transport) hello(code byte) hello {
	h := t.me
	h.code = code
	rand.Read(h.nonce[:])
	return h
}

// RefusedError says who did not get together with this node, and why: ErrOtherCluster, ErrSecret or ErrProtocol.
type RefusedError struct {
	Addr, Cluster, Name string // of who answered, as far as it said
	Mine                string // this node's cluster
	Err                 error
}

// Error names both.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("node %q of cluster %q at %s: %v (this node's cluster is %q)", e.Name, e.Cluster, e.Addr, e.Err, e.Mine)
}

// Unwrap is the reason.
func (e *RefusedError) Unwrap() error { return e.Err }

// dial connects and shakes hands.
func (t *transport) dial(ctx context.Context, addr string, purpose byte) (_ net.Conn, id ID, err error) {
	raw, err := t.net.Dial(ctx, addr)
	if err != nil {
		return nil, ID{}, err
	}
	if !t.track(raw) {
		return nil, ID{}, net.ErrClosed
	}
	defer t.wg.Done()
	c := stream{raw, t}
	deadline := time.Now().Add(handshakeTime)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	c.SetDeadline(deadline)
	peer, err := call(c, t.keys, t.hello(purpose))
	if err == nil && peer.id == t.me.id {
		err = errSelf
	}
	if err != nil {
		c.Close()
		if errors.Is(err, ErrOtherCluster) || errors.Is(err, ErrSecret) || errors.Is(err, ErrProtocol) {
			err = &RefusedError{Addr: addr, Cluster: peer.cluster, Name: peer.id.Name, Mine: t.me.cluster, Err: err}
		}
		return nil, peer.id, err
	}
	c.SetDeadline(time.Time{})
	return c, peer.id, nil
}

// FinalAdvertiseAddr is our address.
func (t *transport) FinalAdvertiseAddr(string, int) (net.IP, int, error) { return t.ip, t.port, nil }

// WriteTo sends a packet.
func (t *transport) WriteTo(b []byte, addr string) (time.Time, error) {
	return t.WriteToAddress(b, memberlist.Address{Addr: addr})
}

// WriteToAddress sends a packet.
func (t *transport) WriteToAddress(b []byte, a memberlist.Address) (time.Time, error) {
	to, err := net.ResolveUDPAddr("udp", a.Addr) // always an IP: it came from FinalAdvertiseAddr
	if err != nil {
		return time.Time{}, err
	}
	now := time.Now()
	_, err = t.socket.WriteTo(b, to)
	return now, err
}

// PacketCh has the packets that came.
func (t *transport) PacketCh() <-chan *memberlist.Packet { return t.packets }

// DialTimeout opens a stream.
func (t *transport) DialTimeout(addr string, timeout time.Duration) (net.Conn, error) {
	return t.DialAddressTimeout(memberlist.Address{Addr: addr}, timeout)
}

// DialAddressTimeout opens a stream to a node. If another instance answers, the one that was meant is gone.
func (t *transport) DialAddressTimeout(a memberlist.Address, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(t.ctx, timeout)
	defer cancel()
	c, id, err := t.dial(ctx, a.Addr, purposeGossip)
	if err == nil && a.Name != "" && a.Name != id.String() {
		c.Close()
		return nil, fmt.Errorf("%s answers for %s", id, a.Name)
	}
	return c, err
}

// StreamCh has the streams that others opened.
func (t *transport) StreamCh() <-chan net.Conn { return t.streams }

// Shutdown ends everything and waits for it.
func (t *transport) Shutdown() error {
	t.cancel()
	t.mu.Lock()
	for c := range t.conns {
		c.Close()
	}
	t.mu.Unlock()
	t.listener.Close()
	t.socket.Close()
	t.wg.Wait()
	return nil
}
