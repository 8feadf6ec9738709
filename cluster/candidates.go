// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"net"
	"time"
)

const (
	// maxCandidates bounds the addresses that discovery gives; of more, those that it gave longest ago are forgotten.
	maxCandidates = 4096
	// refusedPause is how long an address that refused us is left alone, knownPause one that answered: it is this node itself, or a member under
	// another address.
	refusedPause, knownPause = 30 * time.Second, 10 * time.Second
	// maxPause bounds how long one is left alone where nobody answers. It starts with a second, and doubles: what is gone for good shall not
	// be in the way of those that are missed, and a split shall heal within half a minute.
	maxPause = 15 * time.Second
	// defaultPort is that of an address without one.
	defaultPort = "7946"
)

// candidates are addresses that discovery has found, and when each may be tried again.
type candidates struct {
	of    map[string]*candidate
	count uint64 // of what was found so far
}

type candidate struct {
	after time.Time
	found uint64 // when it was found last, by count
	fails int    // in a row
}

func newCandidates() *candidates { return &candidates{of: map[string]*candidate{}} }

// add notes an address. What is none is left out.
func (k *candidates) add(addr string) (added bool) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		host, port = addr, defaultPort
	}
	if host == "" || len(addr) > 300 {
		return false
	}
	addr = net.JoinHostPort(host, port)
	k.count++
	if c := k.of[addr]; c != nil {
		c.found = k.count
		return false
	}
	if len(k.of) >= maxCandidates {
		k.dropOldest()
	}
	k.of[addr] = &candidate{found: k.count}
	return true
}

func (k *candidates) dropOldest() {
	oldest, least := "", uint64(0)
	for addr, c := range k.of {
		if oldest == "" || c.found < least {
			oldest, least = addr, c.found
		}
	}
	delete(k.of, oldest)
}

// due are the addresses that may be tried now, in no order.
func (k *candidates) due(now time.Time) (addrs []string) {
	for addr, c := range k.of {
		if !now.Before(c.after) {
			addrs = append(addrs, addr)
		}
	}
	return addrs
}

// tried notes how it went with an address, which need not be a candidate.
func (k *candidates) tried(addr string, now time.Time, answered, refused bool) {
	c := k.of[addr]
	if c == nil {
		return
	}
	pause := min(time.Second<<min(c.fails, 10), maxPause)
	switch {
	case refused:
		pause, c.fails = refusedPause, 0
	case answered:
		pause, c.fails = knownPause, 0
	default:
		c.fails++
	}
	c.after = now.Add(pause)
}

// only reports whether addr is the one candidate.
func (k *candidates) only(addr string) bool { return len(k.of) == 1 && k.of[addr] != nil }
