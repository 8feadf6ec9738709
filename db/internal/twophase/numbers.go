// SPDX-License-Identifier: Apache-2.0

package twophase

import "sync"

// unknowns is how many transactions of unknown outcome are remembered.
const unknowns = 1024

// Numbers hands out the numbers of transactions, and knows below which all are done with.
type Numbers struct {
	mu      sync.Mutex
	next    uint64
	low     uint64
	held    map[uint64]int // how many have a use for a number; none for those that are done. Invariant: no number below low is held
	unknown []uint64
}

// Begin gives a number, which is held once, and the low one.
func (s *Numbers) Begin() (seq, low uint64) {
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
func (s *Numbers) end(seq uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release(seq)
}

func (s *Numbers) release(seq uint64) {
	if s.held[seq]--; s.held[seq] > 0 {
		return
	}
	delete(s.held, seq)
	for s.low < s.next && s.held[s.low] == 0 {
		s.low++
	}
}

// keep holds a number once more, because somebody may ask for its outcome; the oldest of too many is given back.
func (s *Numbers) keep(seq uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[seq]++
	if s.unknown = append(s.unknown, seq); len(s.unknown) > unknowns {
		s.release(s.unknown[0])
		s.unknown = s.unknown[1:]
	}
}
