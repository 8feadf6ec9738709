// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/net/ipv4"
)

// MDNS finds the nodes of the local network, and makes this one known there: by multicast DNS, RFC 6762, as DNS-SD names services, so that
// any browser for these shows the nodes. It needs no server and no address to begin with. Multicast does not leave a network's segment, and
// few clouds have it. IPv4 carries it; the addresses that are found may be IPv6.
type MDNS struct {
	// Service is the name of the service, a cluster's own. Default _banyan._tcp.
	Service string
	// Interface is the name of the network interface to use. Default: the one that the system takes for multicast.
	Interface string

	port int // of the group, in tests
}

var mdnsGroup = net.IPv4(224, 0, 0, 251)

const (
	mdnsPort   = 5353
	mdnsPacket = 9000            // bytes of a packet at most, RFC 6762 17
	mdnsSelf   = time.Minute     // after how long a node says unasked that it is there
	mdnsLeast  = time.Second / 5 // between two answers: however many ask, all hear each
)

func (m MDNS) service() string {
	if m.Service == "" {
		return "_banyan._tcp.local."
	}
	return m.Service + ".local."
}

// Discover asks the network every five seconds, and finds whoever answers, whomever they answer, until ctx ends.
func (m MDNS) Discover(ctx context.Context, found func([]string)) error {
	question, err := mdnsQuestion(m.service())
	if err != nil {
		return err
	}
	return m.talk(ctx, func(s *mdnsSocket) error {
		go func() {
			_ = every(s.ctx, askEvery, func() { s.send(question) })
		}()
		return s.receive(func(packet []byte) {
			if addrs := mdnsAddresses(packet, m.service()); len(addrs) > 0 {
				found(addrs)
			}
		})
	})
}

// Announce answers whoever asks, and says once a minute that this node is there, until ctx ends.
func (m MDNS) Announce(ctx context.Context, addr string) error {
	answer, err := mdnsAnswer(m.service(), addr)
	if err != nil {
		return err
	}
	return m.talk(ctx, func(s *mdnsSocket) error {
		go func() {
			_ = every(s.ctx, mdnsSelf, func() { s.send(answer) })
		}()
		var last time.Time
		return s.receive(func(packet []byte) {
			if now := time.Now(); now.Sub(last) >= mdnsLeast && mdnsAsks(packet, m.service()) {
				last = now
				s.send(answer)
			}
		})
	})
}

// mdnsSocket is a place in the group.
type mdnsSocket struct {
	ctx context.Context // ends when it is to be closed
	in  *net.UDPConn    // hears the group
	out *net.UDPConn    // speaks to it; what in sends, this machine's other nodes would not hear
	to  *net.UDPAddr
}

// talk opens the socket and lets f use it until ctx ends or f fails.
func (m MDNS) talk(ctx context.Context, f func(*mdnsSocket) error) (err error) {
	var iface *net.Interface
	if m.Interface != "" {
		if iface, err = net.InterfaceByName(m.Interface); err != nil {
			return fmt.Errorf("mdns: interface %s: %w", m.Interface, err)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &mdnsSocket{ctx: ctx, to: &net.UDPAddr{IP: mdnsGroup, Port: mdnsPort}}
	if m.port != 0 {
		s.to.Port = m.port
	}
	if s.in, err = net.ListenMulticastUDP("udp4", iface, s.to); err != nil {
		return fmt.Errorf("mdns: joining %s: %w", s.to, err)
	}
	defer s.in.Close()
	if s.out, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4zero}); err != nil {
		return fmt.Errorf("mdns: %w", err)
	}
	defer s.out.Close()
	p := ipv4.NewPacketConn(s.out)
	err = errors.Join(p.SetMulticastTTL(255), p.SetMulticastLoopback(true)) // 255 shows that no router has passed it on
	if iface != nil {
		err = errors.Join(err, p.SetMulticastInterface(iface))
	}
	if err != nil {
		return fmt.Errorf("mdns: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { s.in.Close() })
	defer stop()
	return f(s)
}

// send is best effort: a network that is down may come back, and what was lost is said again.
func (s *mdnsSocket) send(packet []byte) { _, _ = s.out.WriteToUDP(packet, s.to) }

// receive calls f for each packet, until ctx ends.
func (s *mdnsSocket) receive(f func(packet []byte)) error {
	buf := make([]byte, mdnsPacket)
	for {
		n, _, err := s.in.ReadFromUDP(buf)
		if s.ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("mdns: %w", err)
		}
		f(buf[:n])
	}
}
