// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
)

// Network makes connections and sockets for packets. Its methods may be called from any goroutine.
type Network interface {
	Dial(ctx context.Context, addr string) (net.Conn, error)
	Listen(addr string) (net.Listener, error)
	ListenPacket(addr string) (net.PacketConn, error)
	// Resolve is an address of a host.
	Resolve(ctx context.Context, host string) (net.IP, error)
}

// IP is the Network of real nodes: TCP and UDP.
type IP struct{}

// Dial connects.
func (IP) Dial(ctx context.Context, addr string) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp", addr)
}

// Listen accepts.
func (IP) Listen(addr string) (net.Listener, error) { return net.Listen("tcp", addr) }

// ListenPacket receives packets.
func (IP) ListenPacket(addr string) (net.PacketConn, error) { return net.ListenPacket("udp", addr) }

// Resolve asks the system's resolver.
func (IP) Resolve(ctx context.Context, host string) (net.IP, error) {
	ips, err := net.DefaultResolver.LookupIPAddr(ctx, host)
	if err != nil {
		return nil, err
	}
	if len(ips) == 0 {
		return nil, fmt.Errorf("%s has no address", host)
	}
	return ips[0].IP, nil
}

// listen gets one port for both streams and packets. Another program may have the one for packets that the system chose for
// streams, so it tries some.
func listen(n Network, addr string) (l net.Listener, p net.PacketConn, port int, err error) {
	host, want, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, nil, 0, err
	}
	for range 10 {
		if l, err = n.Listen(addr); err != nil {
			return nil, nil, 0, err
		}
		_, text, e := net.SplitHostPort(l.Addr().String())
		if e != nil {
			l.Close()
			return nil, nil, 0, e
		}
		if p, err = n.ListenPacket(net.JoinHostPort(host, text)); err == nil {
			port, err = strconv.Atoi(text)
			return l, p, port, err
		}
		l.Close()
		if want != "0" && want != "" {
			break
		}
	}
	return nil, nil, 0, err
}

// advertised is the address that others reach us at.
func advertised(ctx context.Context, n Network, advertise, listen, nodeHost string, port int, packets net.Addr) (net.IP, int, error) {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, 0, err
	}
	if advertise != "" {
		h, p, err := net.SplitHostPort(advertise)
		if err != nil {
			return nil, 0, err
		}
		if k, err := strconv.Atoi(p); err == nil && k > 0 {
			port = k
		}
		host = h
	} else if u, ok := packets.(*net.UDPAddr); ok && !u.IP.IsUnspecified() {
		return u.IP, port, nil
	} else {
		host = nodeHost
	}
	if ip := net.ParseIP(host); ip != nil && !ip.IsUnspecified() {
		return ip, port, nil
	}
	ip, err := n.Resolve(ctx, host)
	if err == nil && ip.IsUnspecified() {
		err = errors.New("unspecified address")
	}
	if err != nil {
		return nil, 0, fmt.Errorf("which address do others reach this node at? set Advertise: %w", err)
	}
	return ip, port, nil
}
