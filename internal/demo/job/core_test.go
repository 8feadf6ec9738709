// SPDX-License-Identifier: Apache-2.0

package job

import (
	"reflect"
	"slices"
	"testing"
)

func sizes(n int) []int64 {
	list := make([]int64, n)
	for i := range list {
		list[i] = int64(10 + i)
	}
	return list
}

func expect(t *testing.T, what string, got []Give, want ...Give) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %+v, want %+v", what, got, want)
	}
}

// joined is a core with these workers on each of some nodes.
func joined(c *Core, workers int, nodes ...string) *Core {
	for _, n := range nodes {
		c.Join(n)
		for w := range workers {
			c.WorkerUp(n, w+1)
		}
	}
	return c
}

// The life of a piece, and what the loss of its node does to it.
func TestLife(t *testing.T) {
	c := joined(New(sizes(3), 1), 1, "a", "b")
	expect(t, "next", c.Next(), Give{0, "a", 1}, Give{1, "b", 1})
	expect(t, "all are busy", c.Next())
	if !c.Count(0) || c.Count(0) || c.Count(-1) || c.Count(3) {
		t.Error("a piece counts once, and only if there is one")
	}
	c.Leave("b")
	c.Leave("b")
	if s := c.Stats(); s.Counted != 1 || s.Pending != 2 || s.Again != 1 || s.Lost != 1 || s.CountedBytes != 10 {
		t.Errorf("stats %+v", s)
	}
	expect(t, "1 goes to a", c.Next(), Give{1, "a", 1})
	joined(c, 1, "b")
	if !c.Count(1) { // b had done it, and its word was late
		t.Error("1 does not count")
	}
	expect(t, "2 goes to who has done less", c.Next(), Give{2, "b", 1})
	if c.Done() {
		t.Error("done before 2 counts")
	}
	c.Count(2)
	if !c.Done() || !slices.Equal(c.Counted(), []int{0, 1, 2}) {
		t.Errorf("not done: %+v", c.Stats())
	}
}

// A new core is told what counts, and gives only the rest.
func TestTakeOver(t *testing.T) {
	c := New(sizes(4), 2)
	for _, p := range []int{2, 0} {
		c.Count(p)
	}
	joined(c, 1, "b")
	expect(t, "next", c.Next(), Give{1, "b", 1}, Give{3, "b", 1})
	if n, bytes := c.Load("b"); n != 2 || bytes != 24 {
		t.Errorf("b has %d pieces, %d bytes", n, bytes)
	}
}

func TestWorkerLost(t *testing.T) {
	c := joined(New(sizes(3), 2), 2, "a")
	expect(t, "next", c.Next(), Give{0, "a", 1}, Give{1, "a", 2}, Give{2, "a", 1})
	c.WorkerDown("a", 1)
	c.WorkerDown("a", 1)
	expect(t, "one goes to the other", c.Next(), Give{0, "a", 2})
	c.WorkerUp("a", 1)
	expect(t, "and one to the worker that is back", c.Next(), Give{2, "a", 1})
	if s := c.Stats(); s.Again != 2 || s.Given != 3 {
		t.Errorf("stats %+v", s)
	}
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
