// SPDX-License-Identifier: Apache-2.0

package db

import "sync"

// unknowns is how many transactions of unknown outcome are remembered.
const unknowns = 1024

// sessions hands out the numbers of transactions, and knows below which all are done with.
type sessions struct {
	mu      sync.Mutex
	next    uint64
	low     uint64
	done    map[uint64]bool // at low or above
	unknown []uint64
}

// begin gives a number, and the low one.
func (s *sessions) begin() (seq, low uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seq = s.next
	s.next++
	return seq, s.low
}

// end is done with a number: nobody will ask for its outcome.
func (s *sessions) end(seq uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finish(seq)
}

func (s *sessions) finish(seq uint64) {
	if s.done == nil {
		s.done = map[uint64]bool{}
	}
	s.done[seq] = true
	for s.done[s.low] {
		delete(s.done, s.low)
		s.low++
	}
}

// keep remembers a number whose outcome somebody may ask for; the oldest of too many is forgotten.
func (s *sessions) keep(seq uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unknown = append(s.unknown, seq); len(s.unknown) > unknowns {
		s.finish(s.unknown[0])
		s.unknown = s.unknown[1:]
	}
}
