// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"errors"
	"net"
	"net/netip"
	"time"
)

// MaxHosts is how many addresses are told apart at a time.
const MaxHosts = 4096

var (
	// ErrPending: too many handshakes of that address at a time.
	ErrPending = errors.New("gate: too many handshakes at a time from this address")
	// ErrFailures: too many of that address have failed.
	ErrFailures = errors.New("gate: too many failed handshakes from this address")
)

// Limits are for one address. Zero or less: none.
type Limits struct {
	Pending  int           // handshakes at a time
	Failures int           // failed ones in a row
	Per      time.Duration // the time in which as many are forgiven
}

// Gate remembers what each address has done lately.
type Gate struct {
	limits Limits
	hosts  map[string]*host
	others host // all for which there was no room
}

// host is one address. failed is how many failures are not forgiven at the time at.
type host struct {
	pending int
	failed  float64
	at      time.Time
}

// New makes a gate that nobody has passed yet.
func New(l Limits) *Gate { return &Gate{limits: l, hosts: make(map[string]*host)} }

// Enter lets a caller in, whose Leave must follow, or says why not.
func (g *Gate) Enter(addr string, now time.Time) error {
	h := g.find(addr, now)
	switch {
	case g.limits.Pending > 0 && h.pending >= g.limits.Pending:
		return ErrPending
	case g.limits.Failures > 0 && h.failed > float64(g.limits.Failures)-1:
		return ErrFailures
	}
	h.pending++
	return nil
}

// Leave ends what Enter began.
func (g *Gate) Leave(addr string, failed bool, now time.Time) {
	h := g.hosts[addr]
	if h == nil {
		h = &g.others
	}
	g.forgive(h, now)
	h.pending = max(0, h.pending-1)
	if failed {
		h.failed = min(h.failed+1, float64(max(1, g.limits.Failures)))
	}
	if h.empty() {
		delete(g.hosts, addr)
	}
}

func (h *host) empty() bool { return h.pending == 0 && h.failed == 0 }

// forgive lets time pass for h.
func (g *Gate) forgive(h *host, now time.Time) {
	if d := now.Sub(h.at); d > 0 && g.limits.Per > 0 {
		h.failed = max(0, h.failed-float64(d)/float64(g.limits.Per)*float64(g.limits.Failures))
	}
	h.at = now
}

// find returns the entry of an address, a new one if there is room.
func (g *Gate) find(addr string, now time.Time) *host {
	h := g.hosts[addr]
	if h == nil && len(g.hosts) >= MaxHosts {
		g.sweep(now)
	}
	switch {
	case h != nil:
	case len(g.hosts) >= MaxHosts:
		h = &g.others
	default:
		h = &host{at: now}
		g.hosts[addr] = h
	}
	g.forgive(h, now)
	return h
}

// sweep forgets who has nothing against him any more.
func (g *Gate) sweep(now time.Time) {
	for addr, h := range g.hosts {
		if g.forgive(h, now); h.empty() {
			delete(g.hosts, addr)
		}
	}
}

// Addr is what is told apart of an address: without the port, and of an IPv6 address the network of 64 bits, which one
// machine has for itself.
func Addr(a net.Addr) string {
	s := a.String()
	if host, _, err := net.SplitHostPort(s); err == nil {
		s = host
	}
	ip, err := netip.ParseAddr(s)
	if err != nil {
		return s
	}
	if ip = ip.Unmap().WithZone(""); ip.Is6() {
		if p, err := ip.Prefix(64); err == nil && !ip.IsLoopback() {
			return p.String()
		}
	}
	return ip.String()
}
