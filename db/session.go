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
	held    map[uint64]int // how many have a use for a number; none for those that are done. Invariant: no number below low is held
	unknown []uint64
}

// begin gives a number, which is held once, and the low one.
func (s *sessions) begin() (seq, low uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held == nil {
		s.held = map[uint64]int{}
	}
	seq = s.next
	s.next++
	s.held[seq] = 1
	return seq, s.low
}

// end gives back one hold. When there is none left, nobody will ask for the number's outcome, and nothing of it is left in any group.
func (s *sessions) end(seq uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release(seq)
}

func (s *sessions) release(seq uint64) {
	if s.held[seq]--; s.held[seq] > 0 {
		return
	}
	delete(s.held, seq)
	for s.low < s.next && s.held[s.low] == 0 {
		s.low++
	}
}

// keep holds a number once more, because somebody may ask for its outcome; the oldest of too many is given back.
func (s *sessions) keep(seq uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[seq]++
	if s.unknown = append(s.unknown, seq); len(s.unknown) > unknowns {
		s.release(s.unknown[0])
		s.unknown = s.unknown[1:]
	}
}
