// SPDX-License-Identifier: Apache-2.0

package db

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/db/internal/host"
)

// members are the nodes with a replica of a group, as its leader has it.
func (p *party) members(group uint64) (list []uint64) {
	for _, d := range p.dbs {
		if st, ok := d.host.Status(group); ok && st.Leading && !st.Conf.Joint() {
			for _, m := range st.Conf.Members {
				list = append(list, m.Node)
			}
			return list
		}
	}
	return nil
}

// without reports whether no group has a replica on a node, and each has three voters.
func (p *party) without(node uint64) func() bool {
	return func() bool {
		for _, g := range groups() {
			if m := p.members(g); len(m) < 3 || slices.Contains(m, node) {
				return false
			}
		}
		return true
	}
}

// TestReplace: what a silent node had is replaced elsewhere after a while, and it is a node again when it comes back; one whose disk is lost comes back as another node,
// and what it had is replaced, too.
func TestReplace(t *testing.T) {
	p := newParty(t, 4, Options{ReplaceAfter: 2 * time.Second})
	p.opts.Expect = sims(p.names)
	p.start(p.names...)
	p.until(20*time.Second, "three voters everywhere", p.settled("3+1", "3+0"))
	var w writer
	w.run(t, p.dbs[p.names[1]])
	silent := p.dbs[p.names[3]]
	p.sim.Isolate(p.names[3])
	p.dbs[p.names[3]] = nil
	delete(p.dbs, p.names[3])
	p.until(30*time.Second, "the silent node is replaced", p.without(silent.member.number))
	p.sim.HealAll()
	p.dbs[p.names[3]] = silent
	p.until(30*time.Second, "it is a node again", p.settled("3+1", "3+0"))

	lost := p.names[0]
	old := p.dbs[lost].member.number
	if err := p.dbs[lost].Close(); err != nil {
		t.Fatal(err)
	}
	delete(p.dbs, lost)
	p.fs[lost] = vfs.NewMem()
	p.start(lost)
	if n := p.dbs[lost].member.number; n == old {
		t.Errorf("a node without its disk is number %d again", n)
	}
	p.until(30*time.Second, "the lost store is replaced", func() bool { return p.without(old)() && p.settled("3+1", "3+0")() })
	w.end(t, p.dbs[lost])
}

// TestStrangeFrames: what is no frame, or not for this database or node, costs nothing but itself.
func TestStrangeFrames(t *testing.T) {
	p := newParty(t, 2, Options{})
	p.opts.Expect = sims(p.names)
	p.start(p.names...)
	a, b := p.dbs[p.names[0]].member, p.dbs[p.names[1]].member
	send := func(data []byte) {
		t.Helper()
		if err := banyan.Cast(a.ctx, banyan.At[*door](frameDoor, b.node.Name()), frameNote{data}); err != nil {
			t.Fatal(err)
		}
	}
	frame := func(f host.Frame, cluster uint64) []byte {
		data, err := f.Append(appendEnvelope(nil, isFrame, cluster, a.node.Name()))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	before := b.badFrames.Load()
	for _, data := range [][]byte{nil, {1}, bytes.Repeat([]byte{0xff}, 100), frame(host.Frame{From: a.number, To: 99}, a.cluster),
		frame(host.Frame{From: b.number, To: b.number}, a.cluster), append(frame(host.Frame{From: a.number, To: b.number}, a.cluster), 7)} {
		send(data)
	}
	send(frame(host.Frame{From: a.number, To: b.number}, a.cluster+1))
	p.until(5*time.Second, "six bad frames", func() bool { return b.badFrames.Load() == before+6 })
	p.until(5*time.Second, "a stranger", func() bool { return b.otherDatabase() != nil })
	heard := make(chan string, 1)
	b.listen(func(from uint64, data []byte) {
		if from == a.number {
			heard <- string(data)
		}
	})
	a.whisper(b.number, []byte("psst"))
	select {
	case s := <-heard:
		if s != "psst" {
			t.Errorf("heard %q", s)
		}
	case <-time.After(5 * time.Second):
		t.Error("a whisper is not heard")
	}
	if _, err := NewTable[string, int](t.Context(), b.db, "t"); err != nil {
		t.Error(err)
	}
}

// TestBeatsPass: large messages between the nodes and large rows do not keep beats from being on time: nobody loses a leader over a link with little room.
func TestBeatsPass(t *testing.T) {
	p := newParty(t, 3, Options{})
	p.opts.Expect = sims(p.names)
	p.start(p.names...)
	p.until(20*time.Second, "three voters everywhere", p.settled("3+0", "3+0"))
	for _, a := range p.names {
		for _, b := range p.names {
			if a < b {
				p.sim.Bandwidth(a, b, 100*time.Microsecond, 500*time.Microsecond, 4<<20)
			}
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	terms := map[uint64]uint64{}
	for _, g := range groups() {
		st, _ := p.dbs[p.names[0]].host.Status(g)
		terms[g] = st.Term
	}
	sink, err := banyan.SpawnState(p.sim.Node(p.names[1]), &hole{}, banyan.Name("hole"))
	if err != nil || sink.IsZero() {
		t.Fatal(err)
	}
	tab, err := NewTable[string, []byte](t.Context(), p.dbs[p.names[0]], "large", Partitioned())
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() { // somebody else's: 2 MB at a time
		for ctx.Err() == nil {
			_ = banyan.SendName(p.sim.Node(p.names[0]).Context(ctx), "hole", banyan.Atom(p.names[1]), make([]byte, 2<<20)) // as many as go
		}
	})
	rows := 0
	for i := byte(0); ctx.Err() == nil; i++ {
		if p.dbs[p.names[0]].Update(ctx, func(tx *Tx) error { return tab.Put(tx, string(i), make([]byte, 300<<10)) }) == nil {
			rows++
		}
	}
	wg.Wait()
	for _, g := range groups() {
		if st, _ := p.dbs[p.names[0]].host.Status(g); st.Term != terms[g] {
			t.Errorf("group %d is in term %d, was in %d", g, st.Term, terms[g])
		}
	}
	t.Logf("%d rows of 300 KB in 3 s", rows)
	if rows == 0 {
		t.Error("no row at all was written")
	}
}

// hole takes what comes.
type hole struct{}

// Info drops it.
func (*hole) Info(*banyan.Self, any) error { return nil }
