// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"errors"
	"slices"
	"testing"
	"time"
)

// calm is a world in which nothing goes wrong but what the test does.
func calm(seed uint64, voters int, loss float64) *world {
	w := newWorld(seed, None, voters, 0)
	w.loss = loss
	w.machine(1).core.Lead(true)
	return w
}

func (w *world) runFor(d time.Duration) {
	w.end = w.now + d
	w.run()
	w.now = w.end
}

// TestKillToDown: how long it takes until a node that is silent from one moment on is declared over, a fifth of all messages lost.
func TestKillToDown(t *testing.T) {
	var took []time.Duration
	for seed := uint64(1); seed <= 300; seed++ {
		w := calm(seed, 3, 0.2)
		w.ttl = 1500 * time.Millisecond
		w.nodes = nil
		w.queue = nil
		for id := uint64(1); id <= 3; id++ {
			w.nodes = append(w.nodes, &machine{id: id, rate: 1, offset: time.Second, life: Life{id, 1}})
		}
		for _, m := range w.nodes {
			w.start(m)
		}
		w.machine(1).core.Lead(true)
		w.runFor(5*time.Second + w.upTo(time.Second))
		m := w.machine(3)
		if _, until, term := m.core.Lease(); m.clock(w.now) >= until {
			t.Fatalf("seed %d: a node that is well has no lease (term %d)", seed, term)
		}
		began, downs := w.now, w.downs
		m.core = nil
		for w.downs == downs && w.now < began+time.Minute {
			w.runFor(5 * time.Millisecond)
		}
		if w.downs != 1 || w.cancels > 20 {
			t.Fatalf("seed %d: %d declared over, %d rounds cancelled", seed, w.downs, w.cancels)
		}
		took = append(took, w.now-began)
	}
	slices.Sort(took)
	p50, p99 := took[len(took)/2], took[len(took)*99/100]
	t.Logf("silent to Down: p50 %v, p99 %v, longest %v", p50, p99, took[len(took)-1])
	if p99 > 2*time.Second {
		t.Errorf("p99 is %v", p99)
	}
}

// TestQuietLife: with clocks as wrong as they may be and messages lost, nobody loses a lease.
func TestQuietLife(t *testing.T) {
	for seed := uint64(1); seed <= 20; seed++ {
		w := calm(seed, 5, 0.05)
		w.runFor(60 * w.ttl)
		for _, m := range w.nodes {
			if _, until, term := m.core.Lease(); m.clock(w.now) >= until || term != 1 {
				t.Errorf("seed %d: node %d holds its lease: %v, gained it %d times", seed, m.id, m.clock(w.now) < until, term)
			}
		}
		if w.downs+w.cancels > 0 {
			t.Errorf("seed %d: %d declared over, %d rounds cancelled", seed, w.downs, w.cancels)
		}
	}
}

// TestResumedLeaderBuriesNobody: one that stood still finds beats in its socket, and that it has not heard anybody for long.
func TestResumedLeaderBuriesNobody(t *testing.T) {
	for seed := uint64(1); seed <= 50; seed++ {
		w := calm(seed, 3, 0)
		w.runFor(5 * w.ttl)
		for id := uint64(1); id <= 3; id++ { // all stand still, as when a machine sleeps
			w.machine(id).paused = w.now + 2*w.ttl
		}
		w.runFor(5 * w.ttl)
		if w.downs > 0 {
			t.Errorf("seed %d: %d declared over", seed, w.downs)
		}
	}
}

// TestOneWayDeafness: a leader that does not hear a node, which others hear, lets it live.
func TestOneWayDeafness(t *testing.T) {
	w := calm(3, 3, 0)
	w.runFor(3 * w.ttl)
	w.cut[[2]uint64{3, 1}] = true
	w.runFor(20 * w.ttl)
	if _, until, term := w.machine(3).core.Lease(); w.downs > 0 || term != 1 || w.machine(3).clock(w.now) >= until {
		t.Errorf("%d declared over, node 3 gained its lease %d times", w.downs, term)
	}
}

// TestVotersMove: from one voter to three to five, and nobody loses a lease.
func TestVotersMove(t *testing.T) {
	w := calm(11, 1, 0.05)
	next := View{Conf: w.head().Conf}
	for id := uint64(1); id <= 5; id++ {
		if id > 1 {
			m := &machine{id: id, rate: 1, offset: time.Second, life: Life{id, 1}}
			w.nodes = append(w.nodes, m)
		}
		next.Members = append(next.Members, Member{Life: Life{id, 1}})
	}
	w.append(next)
	for _, m := range w.nodes[1:] {
		w.start(m)
	}
	w.runFor(5 * w.ttl)
	for _, want := range [][]uint64{{1, 2, 3}, {1, 2, 3, 4, 5}, {3, 4, 5}} {
		w.machine(1).core.Want(want)
		w.runFor(10 * w.ttl)
		if got := w.head().Conf; len(got.Lists) != 1 || !slices.Equal(got.Lists[0], want) {
			t.Fatalf("voters are %v, not %v", got, want)
		}
	}
	for _, m := range w.nodes {
		if _, until, term := m.core.Lease(); m.clock(w.now) >= until || term != 1 {
			t.Errorf("node %d gained its lease %d times", m.id, term)
		}
	}
}

// TestVotersGone: when most voters have gone for ever before others took their place, the others do, and there are leases again.
func TestVotersGone(t *testing.T) {
	w := calm(5, 3, 0)
	w.runFor(3 * w.ttl)
	w.machine(2).core, w.machine(3).core = nil, nil
	w.machine(1).core.Want([]uint64{1})
	w.runFor(5 * w.ttl)
	if len(w.head().Conf.Lists) != 2 {
		t.Fatalf("voters %v: without a majority of the old list", w.head().Conf.Lists)
	}
	next := *w.head()
	next.Gone = []uint64{2, 3}
	w.append(next)
	w.runFor(5 * w.ttl)
	m := w.machine(1)
	if _, until, _ := m.core.Lease(); len(w.head().Conf.Lists) != 1 || m.clock(w.now) >= until {
		t.Errorf("voters %v, lease %v", w.head().Conf.Lists, m.clock(w.now) < until)
	}
}

func TestMessagesAndSavesAreReadBack(t *testing.T) {
	m := Message{Kind: KindClaim, From: 3, To: 4, Life: Life{1 << 40, 7}, Num: 1 << 60, Conf: 12, TTL: time.Second}
	b := m.Append(nil)
	if got, err := Decode(3, 4, b); err != nil || got != m {
		t.Errorf("%+v %v", got, err)
	}
	for i := range b {
		if _, err := Decode(3, 4, b[:i]); !errors.Is(err, ErrMessage) {
			t.Errorf("the first %d bytes are taken for a message", i)
		}
	}
	v := voter{floor: 9, grants: map[Life]uint64{{1, 2}: 3, {4, 5}: 6}}
	saved := v.save()
	got := voter{grants: map[Life]uint64{}}
	if err := got.load(saved); err != nil || got.floor != 9 || len(got.grants) != 2 || got.grants[Life{4, 5}] != 6 {
		t.Errorf("%+v %v", got, err)
	}
	for i := range saved {
		bad := slices.Clone(saved)
		bad[i] ^= 1
		if _, err := New(Config{Node: 1}, 1, bad); !errors.Is(err, ErrSaved) {
			t.Errorf("byte %d was changed, and nobody noticed", i)
		}
	}
}

func TestMajorities(t *testing.T) {
	is := func(list ...uint64) func(uint64) bool { return func(v uint64) bool { return slices.Contains(list, v) } }
	one, both := Conf{1, [][]uint64{{1, 2, 3}}}, Conf{2, [][]uint64{{1, 2, 3}, {3, 4, 5, 6}}}
	for _, c := range []struct {
		conf Conf
		who  []uint64
		want bool
	}{
		{one, []uint64{1}, false}, {one, []uint64{1, 3}, true}, {one, []uint64{1, 4, 5}, false}, {Conf{}, nil, false},
		{both, []uint64{1, 2, 3}, false}, {both, []uint64{1, 3, 4}, false}, {both, []uint64{1, 3, 4, 5}, true}, {both, []uint64{3, 4, 5, 6}, false},
	} {
		if got := c.conf.majority(is(c.who...)); got != c.want {
			t.Errorf("%v of %v: %v", c.who, c.conf.Lists, got)
		}
	}
}
