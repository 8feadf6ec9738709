// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"context"
	"net"
	"time"
)

// Network makes the connections that links run over. Its methods may be called from any goroutine.
type Network interface {
	// Dial connects to addr, which Names gave.
	Dial(ctx context.Context, addr string) (net.Conn, error)
	// Listen accepts at addr. The address of the listener must be host:port.
	Listen(addr string) (net.Listener, error)
}

// Names knows where the nodes are. Its methods may be called from any goroutine.
type Names interface {
	// Register makes the node called name (the part before the @), which accepts links at port, known until unregister,
	// and goes on trying if what it registered with dies. The creation may be ignored. It is an error if the name is taken.
	Register(ctx context.Context, name string, port uint16, hidden bool) (creation uint32, unregister func(), err error)
	// Lookup returns the address of the node name@host.
	Lookup(ctx context.Context, host, name string) (addr string, err error)
}

// TCP is the Network of real nodes.
type TCP struct{}

// keepAlive finds a dead host that the ticks, which need free buffers, would find later.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 3}

// Dial connects.
func (TCP) Dial(ctx context.Context, addr string) (net.Conn, error) {
	d := net.Dialer{KeepAliveConfig: keepAlive}
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	tune(c)
	return c, nil
}

// Listen accepts.
func (TCP) Listen(addr string) (net.Listener, error) {
	lc := net.ListenConfig{KeepAliveConfig: keepAlive}
	l, err := lc.Listen(context.Background(), "tcp", addr)
	if err != nil {
		return nil, err
	}
	return tuned{l}, nil
}

// tuned is a listener whose connections are tuned.
type tuned struct{ net.Listener }

// Accept tunes what it accepted.
func (l tuned) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		tune(c)
	}
	return c, err
}

// loopbackBuffer is the size of a socket's buffers on loopback. Whatever sits in them is before every message that is sent
// next: megabytes, by default, while bulk passes. Over a real network the kernel's own sizes are needed for throughput;
// there only what is not yet on its way is kept small.
const loopbackBuffer = 256 << 10

// tune keeps the backlog within the kernel small. It is best effort.
func tune(c net.Conn) {
	t, ok := c.(*net.TCPConn)
	if !ok {
		return
	}
	if a, ok := t.RemoteAddr().(*net.TCPAddr); ok && a.IP.IsLoopback() {
		t.SetReadBuffer(loopbackBuffer)
		t.SetWriteBuffer(loopbackBuffer)
	}
	limitUnsent(t, 128<<10)
}
