// SPDX-License-Identifier: Apache-2.0

package db

import (
	"encoding/binary"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/db/internal/placement"
	"github.com/banyan-go/banyan/db/internal/tenure"
	"github.com/banyan-go/banyan/db/internal/txn"
	"github.com/banyan-go/banyan/supervisor"
)

// TestBuried: what comes of a session that was ended from outside is refused, for as long as 256 others; the rows of nodes that are gone go.
func TestBuried(t *testing.T) {
	d := openOn(t, vfs.NewMem())
	const n, group = 300, 2
	name := func(i int) (s txn.Session) {
		binary.BigEndian.PutUint64(s[:], uint64(i+1000))
		return s
	}
	carry := func(e *txn.Entry) txn.Verdict {
		t.Helper()
		out, err := d.txns.Propose(t.Context(), d.shards[group], e)
		if err != nil {
			t.Fatal(err)
		}
		return out.Verdict
	}
	row := txn.Write{Key: append(txn.Prefix(0, firstTable), 1), Value: []byte("x")}
	for i := range n {
		s := name(i)
		if v := carry(&txn.Entry{Kind: txn.KindCommit, Session: s, Seq: 1, Writes: []txn.Write{row}}); v != txn.Committed {
			t.Fatalf("a commit of session %d: %v", i, v)
		}
		if v := carry(&txn.Entry{Kind: txn.KindExpire, Session: s}); v != txn.Committed {
			t.Fatalf("the end of session %d: %v", i, v)
		}
	}
	list, err := txn.Sessions(d.state.Reader(), group)
	if err != nil || len(list) > 1 {
		t.Errorf("%d sessions are remembered: %v", len(list), err)
	}
	for i, want := range map[int]txn.Verdict{n - 1: txn.Closed, n - 256: txn.Closed, n - 257: txn.Committed} {
		if v := carry(&txn.Entry{Kind: txn.KindCommit, Session: name(i), Seq: 1, Writes: []txn.Write{row}}); v != want {
			t.Errorf("a late copy of session %d, of %d: %v, want %v", i, n, v, want)
		}
	}

	rows := []nodeRow{{number: 7, state: placement.Gone, name: "a@x"}, {number: 8, state: placement.Up, name: "b@x"}}
	update(t, d, func(tx *Tx) error {
		for _, r := range rows {
			if err := tx.write(txn.Write{Key: nodeKey(r.number), Value: r.encode()}); err != nil {
				return err
			}
			if err := livesTable.Put(tx, r.number, tenure.Row{Inc: 1}); err != nil {
				return err
			}
		}
		return nil
	})
	update(t, d, func(tx *Tx) error { return forgetNodes(tx, rows) })
	update(t, d, func(tx *Tx) error {
		left, err := nodesOf(tx)
		_, seven, err7 := livesTable.Lookup(tx, 7)
		_, eight, err8 := livesTable.Lookup(tx, 8)
		if len(left) != 1 || left[0].number != 8 || seven || !eight {
			t.Errorf("%+v are left, lives %v %v: %v %v %v", left, seven, eight, err, err7, err8)
		}
		return nil
	})
}

// TestProcessesFail: whichever process of a node's part in the database is killed, it is started again, and the node takes part as before.
func TestProcessesFail(t *testing.T) {
	p := newParty(t, 2, Options{})
	p.opts.Expect = sims(p.names)
	p.start(p.names...)
	a, b := p.dbs[p.names[0]], p.dbs[p.names[1]]
	tab, err := NewTable[string, int](t.Context(), a, "counts", Partitioned())
	if err != nil {
		t.Fatal(err)
	}
	ctx := a.member.node.Context(t.Context())
	done := 0
	for _, d := range []*DB{a, b} {
		killed := map[string]banyan.PID{}
		for _, tree := range d.member.trees {
			list, err := supervisor.Which(d.member.node.Context(t.Context()), tree)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range list {
				killed[c.ID] = c.PID
				if err := banyan.SendExit(ctx, c.PID, banyan.ErrKilled); err != nil {
					t.Error(err)
				}
			}
		}
		if len(killed) != 6 {
			t.Errorf("%d processes were killed, want 6: %v", len(killed), killed)
		}
		for _, other := range []*DB{a, b} {
			on, err := NewTable[string, int](t.Context(), other, "counts", Partitioned())
			if err != nil {
				t.Fatal(err)
			}
			for _, key := range []string{"x", "y", "z"} {
				if err := add(t.Context(), other, on, key); err != nil {
					t.Error(err)
				}
				done++
			}
		}
	}
	if sum, err := total(t.Context(), a, tab); err != nil || sum != done {
		t.Errorf("%d rows, want %d: %v", sum, done, err)
	}
	if err := b.member.otherDatabase(); err != nil {
		t.Error(err)
	}
}
