// SPDX-License-Identifier: Apache-2.0

package banyan

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

// callPool keeps calls for outside goroutines, in stripes so that callers rarely meet. Processes keep their own.
type callPool struct {
	stripes [16]struct {
		mu   sync.Mutex
		free []*call
		_    [32]byte
	}
}

const maxFreeCalls = 4096 // per stripe; more go to the garbage collector

func (p *callPool) get(n *Node) *call {
	s := &p.stripes[stripe()]
	s.mu.Lock()
	if k := len(s.free); k > 0 {
		c := s.free[k-1]
		s.free = s.free[:k-1]
		s.mu.Unlock()
		return c
	}
	s.mu.Unlock()
	c := &call{node: n}
	n.sweeper.add(c)
	return c
}

func (p *callPool) put(c *call) {
	c.gather = nil
	s := &p.stripes[stripe()]
	s.mu.Lock()
	if len(s.free) < maxFreeCalls {
		s.free = append(s.free, c)
	} else {
		c.orphan.Store(true)
		c.unwatch()
	}
	s.mu.Unlock()
}

// stripe is a number that differs between goroutines and mostly stays the same for one: from where its stack lies.
func stripe() int {
	var x byte
	return int(uintptr(unsafe.Pointer(&x)) >> 13 * 0x9E37 >> 8 & 15)
}

// sweeper ends calls whose deadline has passed. It knows every call of the node, looks at all of them when the earliest
// deadline it saw is over, and so costs a call nothing but a comparison.
type sweeper struct {
	next atomic.Int64 // when it wakes
	mu   sync.Mutex
	all  []*call
	kick chan struct{}
	stop chan struct{}
	done chan struct{}
}

func (s *sweeper) init() {
	s.next.Store(math.MaxInt64)
	s.kick = make(chan struct{}, 1)
	s.stop = make(chan struct{})
	s.done = make(chan struct{})
}

func (s *sweeper) add(c *call) {
	s.mu.Lock()
	s.all = append(s.all, c)
	s.mu.Unlock()
}

// hurry makes it wake by the given time.
func (s *sweeper) hurry(deadline int64) {
	for {
		old := s.next.Load()
		if deadline >= old {
			return
		}
		if s.next.CompareAndSwap(old, deadline) {
			select {
			case s.kick <- struct{}{}:
			default:
			}
			return
		}
	}
}

func (s *sweeper) run(n *Node) {
	defer close(s.done)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		next := s.next.Load()
		if next == math.MaxInt64 {
			timer.Stop()
		} else {
			timer.Reset(max(time.Duration(next-n.sched.Exact()), 0))
		}
		select {
		case <-s.stop:
			s.mu.Lock()
			for _, c := range s.all {
				if w := c.watch.Load(); w != nil {
					w.stop()
				}
			}
			s.mu.Unlock()
			return
		case <-s.kick:
			continue
		case <-timer.C:
		}
		s.sweep(n.sched.Exact())
	}
}

// sweep ends what is over and sets next to the earliest deadline left.
func (s *sweeper) sweep(now int64) {
	s.next.Store(math.MaxInt64)
	earliest := int64(math.MaxInt64)
	s.mu.Lock()
	live := s.all[:0]
	for _, c := range s.all {
		if c.orphan.Load() {
			continue
		}
		live = append(live, c)
		st := c.state.Load()
		if st&callOpen == 0 {
			continue
		}
		d := c.deadline.Load()
		if d == 0 || uint32(c.state.Load()>>callGen) != uint32(st>>callGen) {
			continue
		}
		if d <= now {
			c.expire(uint32(st >> callGen))
		} else {
			earliest = min(earliest, d)
		}
	}
	clear(s.all[len(live):])
	s.all = live
	s.mu.Unlock()
	s.hurry(earliest)
}

func (c *call) expire(gen uint32) { c.end(gen, callGone|callLate, nil) }
