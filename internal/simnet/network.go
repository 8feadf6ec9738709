// SPDX-License-Identifier: Apache-2.0

package simnet

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"
)

// Link says how one direction between two hosts is.
type Link struct {
	// Min and Max bound the latency, which is drawn evenly for each write. Bytes never overtake each other.
	Min, Max time.Duration
	// Bandwidth in bytes per second and stream; 0 is no limit.
	Bandwidth int
}

// DefaultLink is what hosts have between them unless told otherwise: a good local network.
var DefaultLink = Link{Min: 100 * time.Microsecond, Max: 300 * time.Microsecond}

// DefaultBuffer is how many bytes a direction of a stream holds, written and not yet read, before the writer waits.
const DefaultBuffer = 256 << 10

// Network connects hosts. Make one with New.
type Network struct {
	seed uint64

	mu      sync.Mutex
	buffer  int
	def     Link
	hosts   map[string]*Host
	byIP    map[string]*Host
	paths   map[way]*path
	streams map[*stream]struct{} // both directions of all that are open
	number  map[way]uint64       // connections made so far
	changed chan struct{}        // closed and replaced when a path or host changes
}

// way is a direction between two hosts.
type way struct{ from, to string }

// path is how a way is at the moment. Guarded by Network.mu.
type path struct {
	link    Link
	own     bool // link was set for this way
	blocked bool
	loss    float64 // of packets
	reset   bool    // healing resets the streams that were stalled
}

// New makes a network without hosts. The seed decides all latencies.
func New(seed uint64) *Network {
	return &Network{seed: seed, buffer: DefaultBuffer, def: DefaultLink, hosts: map[string]*Host{}, byIP: map[string]*Host{}, paths: map[way]*path{},
		streams: map[*stream]struct{}{}, number: map[way]uint64{}, changed: make(chan struct{})}
}

// SetDefault changes the latency and bandwidth between hosts that have none of their own.
func (n *Network) SetDefault(l Link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.def = l
}

// SetBuffer changes the buffer of streams made from now on.
func (n *Network) SetBuffer(bytes int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.buffer = max(bytes, 1)
}

// SetLink changes latency and bandwidth between two hosts, both ways, for what is written from now on.
func (n *Network) SetLink(a, b string, l Link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, w := range both(a, b) {
		p := n.path(w)
		p.link, p.own = l, true
	}
}

func both(a, b string) []way { return []way{{a, b}, {b, a}} }

// path is the state of a way. With mu held.
func (n *Network) path(w way) *path {
	p := n.paths[w]
	if p == nil {
		p = &path{}
		n.paths[w] = p
	}
	return p
}

// linkOf is how a way is at the moment. With mu held.
func (n *Network) linkOf(w way) Link {
	if p := n.paths[w]; p != nil && p.own {
		return p.link
	}
	return n.def
}

// blocked reports whether a way is cut. With mu held.
func (n *Network) blocked(w way) bool {
	p := n.paths[w]
	return p != nil && p.blocked
}

// Partition cuts two hosts off from each other: streams stall, dialling waits. When it is healed, streams go on.
func (n *Network) Partition(a, b string) {
	for _, w := range both(a, b) {
		n.block(w, false)
	}
}

// PartitionReset is Partition, but healing resets the streams that it cut, as after a time-out of the network between.
func (n *Network) PartitionReset(a, b string) {
	for _, w := range both(a, b) {
		n.block(w, true)
	}
}

// Drop cuts one direction only: what from writes does not arrive at to.
func (n *Network) Drop(from, to string) { n.block(way{from, to}, false) }

func (n *Network) block(w way, reset bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.path(w)
	p.reset = reset
	if p.blocked {
		return
	}
	p.blocked = true
	for s := range n.streams {
		if s.way == w {
			s.hold()
		}
	}
	n.tell()
}

// Heal ends what Partition and Drop did between two hosts. What was held arrives after the link's latency.
func (n *Network) Heal(a, b string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, w := range both(a, b) {
		n.heal(w)
	}
	n.tell()
}

// HealAll heals everything.
func (n *Network) HealAll() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for w := range n.paths {
		n.heal(w)
	}
	n.tell()
}

func (n *Network) heal(w way) {
	p := n.paths[w]
	if p == nil || !p.blocked {
		return
	}
	p.blocked = false
	l := n.linkOf(w)
	for s := range n.streams {
		if s.way != w {
			continue
		}
		if p.reset {
			s.breakNow()
			s.back.breakNow()
		} else if s.release(l) {
			s.back.sendReset(n.linkOf(s.back.way))
		}
	}
}

// Reset breaks all streams between two hosts, at once and at both ends.
func (n *Network) Reset(a, b string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for s := range n.streams {
		if s.way == (way{a, b}) || s.way == (way{b, a}) {
			s.breakNow()
		}
	}
}

// tell wakes all who wait for a change of paths or hosts. With mu held.
func (n *Network) tell() {
	close(n.changed)
	n.changed = make(chan struct{})
}

// random is the generator for one direction of a new connection.
func (n *Network) random(w way, number uint64) *rand.Rand {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s\x00%s\x00%d", w.from, w.to, number)
	return rand.New(rand.NewPCG(n.seed, h.Sum64()))
}

// draw is a latency.
func (l Link) draw(r *rand.Rand) time.Duration {
	if l.Max <= l.Min {
		return max(l.Min, 0)
	}
	return l.Min + time.Duration(r.Int64N(int64(l.Max-l.Min)+1))
}
