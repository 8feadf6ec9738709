// SPDX-License-Identifier: Apache-2.0

package host_test

import (
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/banyan-go/banyan/db/internal/disk"
	"github.com/banyan-go/banyan/db/internal/host"
	"github.com/banyan-go/banyan/db/internal/raftlog"
	"github.com/banyan-go/banyan/db/internal/state"
)

// trio is three cores that lead one group together, carried out by the test's goroutine.
type trio struct {
	cores   []*host.Core
	appends []int
	held    []*host.Append // of nodes whose disk is slow: not run yet
	slow    int            // such a node
}

func newTrio(t *testing.T) *trio {
	t.Helper()
	c := &trio{appends: make([]int, 4), held: make([]*host.Append, 4)}
	var members []state.Member
	var logs []*raftlog.Store
	for n := uint64(1); n <= 3; n++ {
		log, err := raftlog.Open(disk.Options{FS: vfs.NewMem(), Dir: "log"}, func() uint64 { return n })
		if err != nil {
			t.Fatal(err)
		}
		logs = append(logs, log)
		members = append(members, state.Member{Replica: n, Node: n, Store: n})
	}
	for n := uint64(1); n <= 3; n++ {
		st, err := state.Open(disk.Options{FS: vfs.NewMem(), Dir: "state"}, n, counters{})
		if err != nil {
			t.Fatal(err)
		}
		core, err := host.New(host.Config{Node: n, Log: logs[n-1], State: st, Rand: rand.New(rand.NewPCG(n, 2))})
		if err == nil {
			err = core.Create(1, members)
		}
		if err != nil {
			t.Fatal(err)
		}
		c.cores = append(c.cores, core)
		t.Cleanup(func() {
			core.Close()
			_ = st.Close()
			_ = logs[n-1].Close()
		})
	}
	return c
}

// settle carries out everything that there is to do without time going by.
func (c *trio) settle() {
	for busy := true; busy; {
		busy = false
		for i, core := range c.cores {
			w := core.Work()
			for _, f := range w.Frames {
				c.cores[f.To-1].Receive(f)
			}
			if a := w.Append; a != nil {
				c.appends[i]++
				if i+1 == c.slow {
					c.held[i] = a
				} else {
					a.Run()
					core.Appended(a)
				}
			}
			for _, a := range w.Apply {
				a.Run()
				core.Applied(a)
			}
			busy = busy || len(w.Frames) > 0 || w.Append != nil || len(w.Apply) > 0
		}
	}
}

// leader lets time go by until somebody leads, and all are done with that.
func (c *trio) leader(t *testing.T) *host.Core {
	t.Helper()
	for range 1000 {
		for _, core := range c.cores {
			core.Tick()
		}
		c.settle()
		for _, core := range c.cores {
			if st, _ := core.Status(1); st.Leading && st.Applied.Index == st.Last.Index {
				for range 3 { // commit indexes ride with the next write, or wait for a tick
					for _, core := range c.cores {
						core.Tick()
					}
					c.settle()
				}
				return core
			}
		}
	}
	t.Fatal("nobody leads")
	return nil
}

// TestOneSyncPerEntry: what a follower hears of the commit needs no sync of its own, so that the next entry does not wait behind it.
func TestOneSyncPerEntry(t *testing.T) {
	c := newTrio(t)
	lead := c.leader(t)
	clear(c.appends)
	const entries = 10
	for range entries {
		done := false
		lead.Propose(1, []byte("x"), func(r host.Result) { done = r.Err == nil })
		c.settle()
		if !done {
			t.Fatal("a proposal is not done")
		}
	}
	for i, core := range c.cores {
		st, _ := core.Status(1)
		if c.appends[i] != entries || st.Applied.Index != st.Last.Index {
			t.Errorf("node %d: %d syncs for %d entries, %v applied of %v", i+1, c.appends[i], entries, st.Applied, st.Last)
		}
	}
}

// TestAcknowledgementWaits: a follower whose disk is slow hears of a commit while it writes; what it answers to that tells of entries that it does not have yet,
// and does not pass their write.
func TestAcknowledgementWaits(t *testing.T) {
	c := newTrio(t)
	lead := c.leader(t)
	of, _ := lead.Status(1)
	for n := 1; n <= 3; n++ {
		if uint64(n) != of.Replica {
			c.slow = n
		}
	}
	slow := uint64(c.slow)
	match := func() uint64 {
		st, _ := lead.Status(1)
		for _, p := range st.Progress {
			if p.Replica == slow {
				return p.Match
			}
		}
		return 0
	}
	before := match()
	done := 0
	for range 3 {
		lead.Propose(1, []byte("x"), func(r host.Result) { done++ })
		c.settle() // the other two commit it, and tell
	}
	if done != 3 || c.held[slow-1] == nil {
		t.Fatalf("%d are done, the slow node writes %v", done, c.held[slow-1])
	}
	if got := match(); got != before {
		t.Errorf("the slow node has acknowledged %d, and has written up to %d", got, before)
	}
	a := c.held[slow-1]
	c.slow = 0
	a.Run()
	c.cores[slow-1].Appended(a)
	c.settle()
	st, _ := lead.Status(1)
	if got := match(); got != st.Last.Index {
		t.Errorf("the slow node has acknowledged %d of %d", got, st.Last.Index)
	}
}
