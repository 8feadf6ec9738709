// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/banyan-go/banyan/db"
	"github.com/banyan-go/banyan/internal/demo/index"
)

func testTables(t *testing.T) *tables {
	t.Helper()
	t.Parallel()
	d, err := db.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	x, err := openTables(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// result is what a piece comes to that has a word in each shard, and segments of this size.
func result(piece, shards, size int) *index.Result {
	r := &index.Result{Piece: piece, Files: []index.FileResult{{Status: index.Indexed, Words: 10}, {Status: index.Binary}}}
	for s := range shards {
		r.Segments = append(r.Segments, bytes.Repeat([]byte{byte(piece), byte(s)}, size/2))
	}
	return r
}

// Every piece is done by several, at once and one after the other; each counts once, for the one who was first.
func TestCountOnce(t *testing.T) {
	x := testTables(t)
	const pieces, shards, nodes = 40, 3, 3
	var wg sync.WaitGroup
	var mu sync.Mutex
	firsts := map[string]int{}
	for n := range nodes {
		wg.Go(func() {
			node := Name(n)
			for i := range pieces {
				first, err := x.count(t.Context(), node, result((i+n*11)%pieces, shards, 100), 7)
				if err != nil {
					t.Error(err)
					return
				}
				if first {
					mu.Lock()
					firsts[node]++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	sums, err := x.sums(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := 0
	for node, s := range sums {
		if want := (Counts{firsts[node], int64(7 * firsts[node]), int64(10 * firsts[node])}); s != want {
			t.Errorf("%s: %+v, want %+v", node, s, want)
		}
		all += s.Pieces
	}
	done, err := x.done(t.Context())
	if err != nil || all != pieces || len(done) != pieces || len(done[3]) != 2 || done[3][0].Words != 10 {
		t.Errorf("%d counted, %d rows, %v", all, len(done), err)
	}
}

// Segments may be larger than a row, and a piece than a transaction.
func TestLargePiece(t *testing.T) {
	x := testTables(t)
	for _, size := range []int{0, partSize - 2, partSize, 2*partSize + 10} {
		r := result(size%97, 3, size)
		if first, err := x.count(t.Context(), "a@h", r, 1); err != nil || !first {
			t.Fatal(first, err)
		}
		for s := range r.Segments {
			if got, err := x.read(t.Context(), s, []int{r.Piece}); err != nil || !bytes.Equal(got[r.Piece], r.Segments[s]) {
				t.Errorf("size %d, shard %d: %d bytes, %v", size, s, len(got[r.Piece]), err)
			}
		}
	}
	if _, err := x.read(t.Context(), 0, []int{96}); err == nil {
		t.Error("a piece that does not count has a segment")
	}
}

// Terms rise, the plan is made once, and a coordinator that was overtaken does not end the job.
func TestBegin(t *testing.T) {
	x := testTables(t)
	walked := 0
	walk := func() (*index.Plan, error) {
		walked++
		p := &index.Plan{}
		for i := range 30000 { // some parts
			p.Files = append(p.Files, index.File{Path: fmt.Sprintf("some/folder/with/a/long/name/%d", i)})
		}
		p.Pieces = []index.Piece{{First: 0, Last: len(p.Files)}}
		return p, nil
	}
	for term := 1; term < 4; term++ {
		row, plan, err := x.begin(t.Context(), walk)
		if err != nil || row.Term != term || row.Parts < 2 || len(plan.Files) != 30000 || walked != 1 {
			t.Fatalf("term %d: %+v, walked %d times, %v", term, row, walked, err)
		}
	}
	if err := x.finish(t.Context(), 2, index.Summary{Words: 5}); !errors.Is(err, errFenced) {
		t.Errorf("an old coordinator ends the job: %v", err)
	}
	if err := x.finish(t.Context(), 3, index.Summary{Words: 5, Trouble: []string{"x"}}); err != nil {
		t.Fatal(err)
	}
	if row, _, err := x.begin(t.Context(), walk); err != nil || !row.Done || row.Index.Words != 5 || len(row.Index.Trouble) != 1 {
		t.Errorf("%+v, %v", row, err)
	}
}
