// SPDX-License-Identifier: Apache-2.0

package host_test

import (
	"testing"

	"github.com/banyan-go/banyan/db/internal/host"
)

// TestOneSyncPerEntry: what a follower hears of the commit needs no sync of its own, so that the next entry does not wait behind it.
func TestOneSyncPerEntry(t *testing.T) {
	c := newThree(t, 1)
	c.ticks(30)
	lead := c.cores[c.leader(1)-1]
	c.appends = [3]int{}
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
	c := newThree(t, 1)
	c.ticks(30)
	lead := c.cores[c.leader(1)-1]
	of, _ := lead.Status(1)
	for n := uint64(1); n <= 3; n++ {
		if n != of.Replica {
			c.slow = n
		}
	}
	slow := c.slow
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
	if done != 3 || c.writing == nil {
		t.Fatalf("%d are done, the slow node writes %v", done, c.writing)
	}
	if got := match(); got != before {
		t.Errorf("the slow node has acknowledged %d, and has written up to %d", got, before)
	}
	a := c.writing
	c.slow = 0
	a.Run()
	c.cores[slow-1].Appended(a)
	c.settle()
	st, _ := lead.Status(1)
	if got := match(); got != st.Last.Index {
		t.Errorf("the slow node has acknowledged %d of %d", got, st.Last.Index)
	}
}
