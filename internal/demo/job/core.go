// SPDX-License-Identifier: Apache-2.0

package job

import (
	"fmt"
	"sort"
)

// Do says what an Effect asks for.
type Do uint8

// The effects, with the fields that each one uses.
const (
	Give  Do = iota + 1 // Piece, Node, Worker: let this worker do the piece
	Copy                // Piece, From, Node: send the result to Node; From "" means that it is in hand, from Arrived
	Count               // Piece: it counts now; the result in hand is not needed any more
	Drop                // Piece: the result in hand is not needed any more
)

// Effect is one thing to do.
type Effect struct {
	Do     Do
	Piece  int
	Node   string
	From   string
	Worker int
}

type state uint8

const (
	pending state = iota
	given
	held
	counted
)

type piece struct {
	state  state
	size   int64
	node   string // given: to whom
	worker int
	inHand bool // held: the coordinator has the result itself
}

type member struct {
	have    []bool
	asked   []string // per piece: from whom a copy is under way, if asking
	asking  []bool
	workers map[int]*load
	missing int // counted pieces that it lacks
}

type load struct {
	pieces map[int]bool
	bytes  int64
	done   int64
}

// Core is the state machine.
type Core struct {
	pieces  []piece
	members map[string]*member
	names   []string // of members, sorted
	low     int      // no piece before this one is pending
	window  int
	home    string // the coordinator's own node: nothing counts that it has no copy of
	out     []Effect

	stats Stats
}

// Stats are counters for those who watch.
type Stats struct {
	Pieces, Pending, Given, Held, Counted int
	Bytes, CountedBytes                   int64
	Again                                 int // pieces given another time because a worker or a node was lost
	Lost                                  int // members lost
}

// New makes a core for pieces of these sizes. home is the coordinator's own node: a piece counts only if that has a copy,
// so that what counts is not lost while the coordinator lives. window is how many pieces one worker may have at once.
func New(sizes []int64, home string, window int) *Core {
	c := &Core{pieces: make([]piece, len(sizes)), members: map[string]*member{}, home: home, window: window}
	for i, n := range sizes {
		c.pieces[i].size = n
		c.stats.Bytes += n
	}
	return c
}

// maxHeld bounds the results that wait to be copied: beyond it no work is given.
const maxHeld = 32

// Join adds a member with its workers and the pieces that it has copies of. A member of that name must have left.
func (c *Core) Join(node string, workers []int, have []int) []Effect {
	if c.members[node] != nil {
		panic(fmt.Sprintf("job: %s joins twice", node))
	}
	m := &member{have: make([]bool, len(c.pieces)), asked: make([]string, len(c.pieces)),
		asking: make([]bool, len(c.pieces)), workers: map[int]*load{}}
	for _, w := range workers {
		m.workers[w] = &load{pieces: map[int]bool{}}
	}
	for _, p := range have {
		if p >= 0 && p < len(c.pieces) {
			m.have[p] = true
		}
	}
	c.members[node] = m
	c.names = append(c.names, node)
	sort.Strings(c.names)
	for p := range c.pieces {
		if s := c.pieces[p].state; m.have[p] && s != counted {
			c.hold(p)
		} else if !m.have[p] && s == counted {
			m.missing++
		}
		c.settle(p)
	}
	return c.effects()
}

// Leave removes a member that is lost, with its copies. What its workers had is pending again.
func (c *Core) Leave(node string) []Effect {
	if c.members[node] == nil {
		return nil
	}
	c.stats.Lost++
	delete(c.members, node)
	for i, n := range c.names {
		if n == node {
			c.names = append(c.names[:i], c.names[i+1:]...)
			break
		}
	}
	for _, m := range c.members {
		for p, from := range m.asked {
			if m.asking[p] && from == node {
				m.asking[p] = false
			}
		}
	}
	for p := range c.pieces {
		if c.pieces[p].state == given && c.pieces[p].node == node {
			c.giveBack(p)
		}
		c.settle(p)
	}
	return c.effects()
}

// WorkerUp adds a worker to a member.
func (c *Core) WorkerUp(node string, worker int) {
	if m := c.members[node]; m != nil && m.workers[worker] == nil {
		m.workers[worker] = &load{pieces: map[int]bool{}}
	}
}

// WorkerDown removes a worker that is lost. What it had is pending again.
func (c *Core) WorkerDown(node string, worker int) {
	m := c.members[node]
	if m == nil || m.workers[worker] == nil {
		return
	}
	l := m.workers[worker]
	delete(m.workers, worker)
	for p := range l.pieces {
		c.giveBack(p)
	}
}

// Arrived tells that the result of a piece has come from a worker, and is in hand unless the answer is to Drop it.
func (c *Core) Arrived(p int) []Effect {
	if p < 0 || p >= len(c.pieces) {
		return nil
	}
	x := &c.pieces[p]
	if x.state == given {
		if l := c.load(x); l != nil {
			l.done += x.size
		}
	}
	switch {
	case x.inHand: // done twice, and both are the same
		return nil
	case x.state == counted || x.state == held: // others have copies
		return []Effect{{Do: Drop, Piece: p}}
	}
	c.hold(p)
	x.inHand = true
	c.settle(p)
	return c.effects()
}

// Kept tells that a member has a copy of a piece's result.
func (c *Core) Kept(p int, node string) []Effect {
	m := c.members[node]
	if m == nil || p < 0 || p >= len(c.pieces) || m.have[p] {
		return nil
	}
	m.have[p], m.asking[p] = true, false
	if c.pieces[p].state == counted {
		m.missing--
		return nil
	}
	c.hold(p)
	c.settle(p)
	return c.effects()
}

// Next gives pieces to the workers with the least to do, until each has as many as the window allows.
func (c *Core) Next() []Effect {
	if c.stats.Held >= maxHeld {
		return nil
	}
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
		l := c.members[node].workers[worker]
		l.pieces[c.low] = true
		l.bytes += x.size
		c.stats.Given++
		c.out = append(c.out, Effect{Do: Give, Piece: c.low, Node: node, Worker: worker})
	}
	return c.effects()
}

// idlest is the worker with the least bytes to do, of those the one that has done least; "" if all have enough.
func (c *Core) idlest() (node string, worker int) {
	var best *load
	for _, n := range c.names {
		for w, l := range c.members[n].workers {
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

// Synced lists the members that have a copy of every counted piece, in order.
func (c *Core) Synced() []string {
	var list []string
	for _, n := range c.names {
		if c.members[n].missing == 0 {
			list = append(list, n)
		}
	}
	return list
}

// Members lists the members in order.
func (c *Core) Members() []string { return append([]string(nil), c.names...) }

// Counted reports whether a piece counts.
func (c *Core) Counted(p int) bool { return c.pieces[p].state == counted }

// Load is what a member's workers have to do: pieces and bytes.
func (c *Core) Load(node string) (pieces int, bytes int64) {
	if m := c.members[node]; m != nil {
		for _, l := range m.workers {
			pieces += len(l.pieces)
			bytes += l.bytes
		}
	}
	return pieces, bytes
}

// Stats reads the counters.
func (c *Core) Stats() Stats {
	s := c.stats
	s.Pieces = len(c.pieces)
	s.Pending = s.Pieces - s.Given - s.Held - s.Counted
	return s
}
