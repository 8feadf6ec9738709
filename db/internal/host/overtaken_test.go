// SPDX-License-Identifier: Apache-2.0

package host_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/banyan-go/banyan/db/internal/host"
)

// TestSnapshotOvertakesChanges: a snapshot comes while changes of members that it has are still to be applied. They are not applied to what raft has from the snapshot.
func TestSnapshotOvertakesChanges(t *testing.T) {
	tr := newThree(t, 1)
	tr.ticks(30)
	lead := tr.leader(1)
	slow := lead%3 + 1
	change := func(ch host.Change) {
		t.Helper()
		err := errors.New("it hangs")
		tr.cores[lead-1].Change(1, ch, func(r host.Result) { err = r.Err })
		tr.ticks(3)
		if err != nil {
			t.Fatal(err)
		}
	}
	tr.held = func(node uint64) bool { return node == slow }
	change(host.Change{Demote: []uint64{slow}}) // it comes to the slow node, and is not applied
	tr.lost = func(_, to uint64, m *host.Message) bool {
		return to == slow && m != nil && m.Kind == host.KindRaft && len(m.Raft.GetEntries()) > 0
	}
	change(host.Change{Promote: []uint64{slow}})
	for range 10 {
		tr.propose(1)
	}
	tr.cores[lead-1].Flush(nil) // and its log is cut: the slow one needs a snapshot
	tr.ticks(5)
	if st, _ := tr.cores[lead-1].Status(1); st.Start.Index < 10 {
		t.Fatalf("the log begins at %d", st.Start.Index)
	}
	tr.lost = nil
	tr.ticks(20)
	if st, _ := tr.cores[slow-1].Status(1); !st.Installing {
		t.Fatalf("no snapshot is being installed: %+v", st)
	}
	tr.held = nil
	tr.ticks(20)
	for i, c := range tr.cores {
		if v := c.RaftVoters(1); !slices.Equal(v, []uint64{1, 2, 3}) {
			t.Errorf("raft at node %d has the voters %v", i+1, v)
		}
	}
	tr.propose(1)
}
