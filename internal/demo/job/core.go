// SPDX-License-Identifier: Apache-2.0

package job

import (
	"fmt"
	"slices"
)

// Give says that a worker shall do a piece.
type Give struct {
	Piece  int
	Node   string
	Worker int
}

type state uint8

const (
	pending state = iota
	given
	counted
)

type piece struct {
	state  state
	size   int64
	node   string // given: to whom
	worker int
}

// member is a node that takes part: its workers, by number.
type member map[int]*load

type load struct {
	pieces map[int]bool
	bytes  int64
	done   int64
}

// Core is the state machine.
type Core struct {
	pieces  []piece
	members map[string]member
	names   []string // of members, sorted
	low     int      // no piece before this one is pending
	window  int

	stats Stats
}

// Stats are counters for those who watch.
type Stats struct {
	Pieces, Pending, Given, Counted int
	Bytes, CountedBytes             int64
	Again                           int // pieces given another time because a worker or a node was lost
	Lost                            int // members lost
}

// New makes a core for pieces of these sizes. window is how many pieces one worker may have at once.
func New(sizes []int64, window int) *Core {
	c := &Core{pieces: make([]piece, len(sizes)), members: map[string]member{}, window: window}
	for i, n := range sizes {
		c.pieces[i].size = n
		c.stats.Bytes += n
	}
	return c
}

// Join adds a member, without workers. A member of that name must have left.
func (c *Core) Join(node string) {
	if c.members[node] != nil {
		panic(fmt.Sprintf("job: %s joins twice", node))
	}
	c.members[node] = member{}
	c.names = append(c.names, node)
	slices.Sort(c.names)
}

// Leave removes a member that is lost. What its workers had is pending again.
func (c *Core) Leave(node string) {
	m := c.members[node]
	if m == nil {
		return
	}
	c.stats.Lost++
	for w := range m {
		c.WorkerDown(node, w)
	}
	delete(c.members, node)
	c.names = slices.DeleteFunc(c.names, func(n string) bool { return n == node })
}

// WorkerUp adds a worker to a member.
func (c *Core) WorkerUp(node string, worker int) {
	if m := c.members[node]; m != nil && m[worker] == nil {
		m[worker] = &load{pieces: map[int]bool{}}
	}
}

// WorkerDown removes a worker that is lost. What it had is pending again.
func (c *Core) WorkerDown(node string, worker int) {
	l := c.members[node][worker]
	if l == nil {
		return
	}
	delete(c.members[node], worker)
	for p := range l.pieces {
		x := &c.pieces[p]
		x.state, x.node, x.worker = pending, "", 0
		c.stats.Given--
		c.stats.Again++
		c.low = min(c.low, p)
	}
}

// Count notes that a piece counts; false if that was known, or there is no such piece.
func (c *Core) Count(p int) bool {
	if p < 0 || p >= len(c.pieces) || c.pieces[p].state == counted {
		return false
	}
	x := &c.pieces[p]
	if x.state == given {
		c.stats.Given--
		l := c.members[x.node][x.worker]
		delete(l.pieces, p)
		l.bytes -= x.size
		l.done += x.size
	}
	x.state, x.node, x.worker = counted, "", 0
	c.stats.Counted++
	c.stats.CountedBytes += x.size
	return true
}

// Next gives pieces to the workers with the least to do, until each has as many as the window allows.
func (c *Core) Next() (gives []Give) {
	for ; c.low < len(c.pieces); c.low++ {
		if c.pieces[c.low].state != pending {
			continue
		}
		node, worker := c.idlest()
		if node == "" {
			break
		}
		x := &c.pieces[c.low]
		x.state, x.node, x.worker = given, node, worker
		l := c.members[node][worker]
		l.pieces[c.low] = true
		l.bytes += x.size
		c.stats.Given++
		gives = append(gives, Give{c.low, node, worker})
	}
	return gives
}

// idlest is the worker with the least bytes to do, of those the one that has done least; "" if all have enough.
func (c *Core) idlest() (node string, worker int) {
	var best *load
	for _, n := range c.names {
		for w, l := range c.members[n] {
			if len(l.pieces) >= c.window {
				continue
			}
			if best == nil || l.bytes < best.bytes || l.bytes == best.bytes &&
				(l.done < best.done || l.done == best.done && n == node && w < worker) {
				best, node, worker = l, n, w
			}
		}
	}
	return node, worker
}

// Done reports whether every piece counts.
func (c *Core) Done() bool { return c.stats.Counted == len(c.pieces) }

// Counted lists the pieces that count.
func (c *Core) Counted() (list []int) {
	for p := range c.pieces {
		if c.pieces[p].state == counted {
			list = append(list, p)
		}
	}
	return list
}

// Members lists the members in order.
func (c *Core) Members() []string { return slices.Clone(c.names) }

// Load is what a member's workers have to do: pieces and bytes.
func (c *Core) Load(node string) (pieces int, bytes int64) {
	for _, l := range c.members[node] {
		pieces += len(l.pieces)
		bytes += l.bytes
	}
	return pieces, bytes
}

// Stats reads the counters.
func (c *Core) Stats() Stats {
	s := c.stats
	s.Pieces = len(c.pieces)
	s.Pending = s.Pieces - s.Given - s.Counted
	return s
}
