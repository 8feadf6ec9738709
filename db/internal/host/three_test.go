// SPDX-License-Identifier: Apache-2.0

package host_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/banyan-go/banyan/db/internal/disk"
	"github.com/banyan-go/banyan/db/internal/host"
	"github.com/banyan-go/banyan/db/internal/raftlog"
	"github.com/banyan-go/banyan/db/internal/state"
)

// openCore opens the host of a node in a folder. Its stores are closed when the test ends.
func openCore(tb testing.TB, fs vfs.FS, dir string, node uint64, keep uint64) (*host.Core, *raftlog.Store) {
	tb.Helper()
	log, err := raftlog.Open(disk.Options{FS: fs, Dir: dir + "log"}, rand.New(rand.NewPCG(9, node)).Uint64)
	if err != nil {
		tb.Fatal(err)
	}
	st, err := state.Open(disk.Options{FS: fs, Dir: dir + "state"}, log.ID(), counters{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := errors.Join(st.Close(), log.Close()); err != nil {
			tb.Error(err)
		}
	})
	core, err := host.New(host.Config{Node: node, Log: log, State: st, Rand: rand.New(rand.NewPCG(1, node)), KeepEntries: keep})
	if err != nil {
		tb.Fatal(err)
	}
	return core, log
}

// createAll gives each of the nodes a replica of every group.
func createAll(tb testing.TB, cores []*host.Core, logs []*raftlog.Store, groups uint64) {
	tb.Helper()
	var members []state.Member
	for i, log := range logs {
		node := uint64(i + 1)
		members = append(members, state.Member{Replica: node, Node: node, Store: log.ID()})
	}
	for _, c := range cores {
		for g := uint64(1); g <= groups; g++ {
			if err := c.Create(g, members); err != nil {
				tb.Fatal(err)
			}
		}
	}
}

// three is three hosts in one goroutine. Disks and the network take no time; lost drops what it says.
type three struct {
	t       *testing.T
	cores   []*host.Core // of the nodes 1 to 3
	logs    []*raftlog.Store
	lost    func(from, to uint64, m *host.Message) bool
	held    func(node uint64) bool // its apply lane stands still; nil: none does
	lanes   [3][]*host.Apply
	slow    uint64       // this node's disk is: what it writes is not run
	writing *host.Append // by the slow node
	appends [3]int
	frames  map[[2]uint64]int // that were sent with something in them, by way
}

// newThree starts three nodes, of which each has a replica of every group.
func newThree(t *testing.T, groups uint64) *three {
	t.Helper()
	tr := &three{t: t, frames: map[[2]uint64]int{}}
	for node := uint64(1); node <= 3; node++ {
		core, log := openCore(t, vfs.NewMem(), "", node, 2)
		t.Cleanup(core.Close)
		tr.cores, tr.logs = append(tr.cores, core), append(tr.logs, log)
	}
	createAll(t, tr.cores, tr.logs, groups)
	return tr
}

// settle does all that there is to do, until nobody wants anything.
func (tr *three) settle() {
	for busy := true; busy; {
		busy = false
		for i, c := range tr.cores {
			w := c.Work()
			for _, f := range w.Frames {
				busy = true
				tr.carry(f)
			}
			if w.Append != nil {
				busy = true
				tr.appends[i]++
				if uint64(i+1) == tr.slow {
					tr.writing = w.Append
				} else {
					w.Append.Run()
					c.Appended(w.Append)
				}
			}
			tr.lanes[i] = append(tr.lanes[i], w.Apply...)
			for len(tr.lanes[i]) > 0 && (tr.held == nil || !tr.held(uint64(i+1))) {
				busy = true
				a := tr.lanes[i][0]
				tr.lanes[i] = tr.lanes[i][1:]
				a.Run()
				c.Applied(a)
			}
		}
	}
}

func (tr *three) carry(f *host.Frame) {
	if len(f.Messages) > 0 {
		tr.frames[[2]uint64{f.From, f.To}]++
	}
	g := *f
	g.Messages = nil
	for i := range f.Messages {
		if tr.lost == nil || !tr.lost(f.From, f.To, &f.Messages[i]) {
			g.Messages = append(g.Messages, f.Messages[i])
		}
	}
	if tr.lost == nil || !tr.lost(f.From, f.To, nil) {
		tr.cores[f.To-1].Receive(&g)
	}
}

// ticks lets time go by.
func (tr *three) ticks(n int) {
	for range n {
		for _, c := range tr.cores {
			c.Tick()
			tr.settle()
		}
	}
}

// leader is the node that leads a group, which must be one.
func (tr *three) leader(group uint64) (node uint64) {
	tr.t.Helper()
	term := uint64(0)
	for i, c := range tr.cores {
		if st, ok := c.Status(group); ok && st.Leading && st.Term > term {
			node, term = uint64(i+1), st.Term
		}
	}
	if node == 0 {
		tr.t.Fatalf("nobody leads group %d", group)
	}
	return node
}

// quiet is how many replicas do not tick.
func (tr *three) quiet(groups uint64) (n int) {
	for _, c := range tr.cores {
		for g := uint64(1); g <= groups; g++ {
			if st, _ := c.Status(g); st.Quiet {
				n++
			}
		}
	}
	return n
}

// propose proposes at the leader, and fails if that is not done when there is nothing left to do.
func (tr *three) propose(group uint64) {
	tr.t.Helper()
	err := errors.New("it hangs")
	tr.cores[tr.leader(group)-1].Propose(group, []byte("x"), func(r host.Result) { err = r.Err })
	tr.settle()
	if err != nil {
		tr.t.Errorf("a proposal to group %d: %v", group, err)
	}
}
