// SPDX-License-Identifier: Apache-2.0

package job

import (
	"reflect"
	"testing"
)

func sizes(n int) []int64 {
	list := make([]int64, n)
	for i := range list {
		list[i] = int64(10 + i)
	}
	return list
}

func give(p int, node string, w int) Effect { return Effect{Do: Give, Piece: p, Node: node, Worker: w} }
func send(p int, from, to string) Effect    { return Effect{Do: Copy, Piece: p, From: from, Node: to} }

func expect(t *testing.T, what string, got []Effect, want ...Effect) {
	t.Helper()
	if len(got) == 0 && len(want) == 0 {
		return
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %+v, want %+v", what, got, want)
	}
}

// The life of a piece, and what the loss of its node does to it.
func TestLife(t *testing.T) {
	c := New(sizes(2), "a", 1)
	expect(t, "join a", c.Join("a", []int{1}, nil))
	expect(t, "join b", c.Join("b", []int{1}, nil))
	expect(t, "next", c.Next(), give(0, "a", 1), give(1, "b", 1))
	expect(t, "all are busy", c.Next())
	expect(t, "0 arrived", c.Arrived(0), send(0, "", "a"), send(0, "", "b"))
	expect(t, "a has 0", c.Kept(0, "a"))
	expect(t, "b has 0", c.Kept(0, "b"), Effect{Do: Count, Piece: 0})
	expect(t, "b has 0 again", c.Kept(0, "b"))
	expect(t, "0 arrived again", c.Arrived(0), Effect{Do: Drop, Piece: 0})
	expect(t, "b is lost", c.Leave("b"))
	if s := c.Stats(); s.Counted != 1 || s.Pending != 1 || s.Again != 1 {
		t.Errorf("stats %+v", s)
	}
	expect(t, "1 goes to a", c.Next(), give(1, "a", 1))
	expect(t, "b is back", c.Join("b", []int{1}, nil), send(0, "a", "b"))
	if got := c.Synced(); !reflect.DeepEqual(got, []string{"a"}) {
		t.Errorf("synced: %v", got)
	}
	expect(t, "1 arrived", c.Arrived(1), send(1, "", "a"), send(1, "", "b"))
	expect(t, "a has 1", c.Kept(1, "a"))
	if c.Done() {
		t.Error("done before b has a copy")
	}
	expect(t, "b is lost with copies under way", c.Leave("b"), Effect{Do: Count, Piece: 1})
	if !c.Done() {
		t.Errorf("not done: %+v", c.Stats())
	}
}

// A new coordinator learns all from the copies.
func TestTakeOver(t *testing.T) {
	c := New(sizes(4), "b", 2)
	expect(t, "b joins alone", c.Join("b", []int{1}, []int{0, 1}), Effect{Do: Count, Piece: 0}, Effect{Do: Count, Piece: 1})
	expect(t, "c has one more, and lacks one", c.Join("c", []int{1}, []int{0, 2}), send(1, "b", "c"), send(2, "c", "b"))
	expect(t, "next", c.Next(), give(3, "b", 1))
	expect(t, "2 reaches b", c.Kept(2, "b"), Effect{Do: Count, Piece: 2})
	if got := c.Synced(); !reflect.DeepEqual(got, []string{"b"}) {
		t.Errorf("synced: %v", got)
	}
	expect(t, "1 reaches c", c.Kept(1, "c"))
	if got := c.Synced(); !reflect.DeepEqual(got, []string{"b", "c"}) {
		t.Errorf("synced: %v", got)
	}
}

// When the one that a copy was to come from is lost, another sends it; when nobody has it, it is done again.
func TestSenderLost(t *testing.T) {
	c := New(sizes(2), "a", 1)
	c.Join("a", nil, []int{0})
	expect(t, "b wants 0", c.Join("b", nil, nil), send(0, "a", "b"))
	expect(t, "c has 0, and 1 alone", c.Join("c", []int{1}, []int{0, 1}), send(1, "c", "a"), send(1, "c", "b"))
	expect(t, "a is lost", c.Leave("a"), send(0, "c", "b"))
	expect(t, "c is lost", c.Leave("c"))
	if s := c.Stats(); s.Counted != 0 || s.Pending != 2 || s.Held != 0 {
		t.Errorf("stats %+v", s)
	}
	if got := c.Synced(); !reflect.DeepEqual(got, []string{"b"}) {
		t.Errorf("synced: %v", got)
	}
	c.WorkerUp("b", 7)
	expect(t, "0 is done again", c.Next(), give(0, "b", 7))
}

func TestWorkerLost(t *testing.T) {
	c := New(sizes(3), "a", 2)
	c.Join("a", []int{1, 2}, nil)
	expect(t, "next", c.Next(), give(0, "a", 1), give(1, "a", 2), give(2, "a", 1))
	c.WorkerDown("a", 1)
	c.WorkerDown("a", 1)
	expect(t, "one goes to the other", c.Next(), give(0, "a", 2))
	c.WorkerUp("a", 1)
	expect(t, "and one to the worker that is back", c.Next(), give(2, "a", 1))
	if s := c.Stats(); s.Again != 2 || s.Given != 3 {
		t.Errorf("stats %+v", s)
	}
}

// Nobody gets work while too many results wait to be copied.
func TestHeldIsBounded(t *testing.T) {
	c := New(sizes(100), "a", 100)
	c.Join("a", []int{1}, nil)
	c.Next()
	for p := range maxHeld {
		c.Arrived(p)
	}
	c.WorkerDown("a", 1)
	c.WorkerUp("a", 1)
	expect(t, "too many held", c.Next())
	c.Kept(0, "a")
	if len(c.Next()) == 0 {
		t.Error("one counts, and still nobody gets work")
	}
}

func TestAskAgain(t *testing.T) {
	c := New(sizes(2), "a", 1)
	c.Join("a", nil, []int{0})
	c.Join("b", nil, nil)
	expect(t, "b is asked about", c.AskAgain("b"), send(0, "a", "b"))
	expect(t, "a lacks nothing", c.AskAgain("a"))
	expect(t, "nobody", c.AskAgain("x"))
}

func TestPlace(t *testing.T) {
	p := Place(6, []string{"a", "b", "c"}, nil)
	count := func(p map[int]string) map[string]int {
		m := map[string]int{}
		for _, n := range p {
			m[n]++
		}
		return m
	}
	if got := count(p); !reflect.DeepEqual(got, map[string]int{"a": 2, "b": 2, "c": 2}) {
		t.Errorf("three nodes: %v", got)
	}
	q := Place(6, []string{"a", "c"}, p)
	if got := count(q); !reflect.DeepEqual(got, map[string]int{"a": 3, "c": 3}) {
		t.Errorf("b is gone: %v", got)
	}
	for s, n := range p {
		if n != "b" && q[s] != n {
			t.Errorf("shard %d moved from %s to %s, though its node lives", s, n, q[s])
		}
	}
	r := Place(6, []string{"a", "b", "c"}, q)
	if got := count(r); !reflect.DeepEqual(got, map[string]int{"a": 2, "b": 2, "c": 2}) {
		t.Errorf("b is back: %v", got)
	}
	if moved := diff(q, r); moved != 2 {
		t.Errorf("%d shards moved for a node that takes 2", moved)
	}
	if p := Place(3, nil, r); len(p) != 0 {
		t.Errorf("no nodes: %v", p)
	}
}

func diff(a, b map[int]string) int {
	n := 0
	for s := range a {
		if a[s] != b[s] {
			n++
		}
	}
	return n
}
