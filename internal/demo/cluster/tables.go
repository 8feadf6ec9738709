// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/db"
	"github.com/banyan-go/banyan/internal/demo/index"
)

// tables are the job: all that is known of it stands here, replicated over the nodes, and nowhere else.
//
// Pieces, segments and counts of one lane lie in one group, so that a piece with all that it comes to is one transaction of one round.
type tables struct {
	db       *db.DB
	job      *db.Table[string, jobRow] // one row, jobKey
	plan     *db.Table[planKey, []byte]
	pieces   *db.Table[pieceKey, pieceRow] // Invariant: a piece has a row if all its segments are written and it is in counts, once
	segments *db.Table[segmentKey, []byte]
	counts   *db.Table[countKey, int64]
}

const jobKey = "job"

// jobRow is how far the job is.
type jobRow struct {
	Term   int    // of the coordinator that began last; never falls
	Digest string // of the plan; "" none yet
	Parts  int    // of the plan
	Done   bool   // the index is written
	Index  index.Summary
}

// planKey is a part of a plan. Two coordinators that make plans at once do not mix them.
type planKey struct {
	Digest string
	Part   int
}

type pieceKey struct{ Lane, Piece int }

// pieceRow says that a piece is done.
type pieceRow struct {
	Node  string // whose worker was first
	Files []byte // what became of its files: an index.Result without segments
}

// segmentKey is a part of what a piece says of a shard's words. All parts but the last are partSize long.
type segmentKey struct{ Lane, Piece, Shard, Part int }

// countKey is a sum of what a node's workers have done.
type countKey struct {
	Lane int
	Node string
	What string
}

// What is counted.
const (
	countPieces = "pieces"
	countBytes  = "bytes"
	countWords  = "words"
)

const (
	// lanes is how many parts the rows of pieces fall into: about as many as the database has groups.
	lanes = 8
	// partSize bounds a row, and entrySize what a transaction writes; it may write 4 MB.
	partSize  = 1 << 20
	entrySize = 2 << 20
	// tryTime is how long a transaction is tried before its process looks whether it still should.
	tryTime = 5 * time.Second
)

func laneOf(piece int) int { return piece % lanes }

var registerRows = sync.OnceFunc(func() {
	banyan.RegisterType[jobRow]("demo_job")
	banyan.RegisterType[index.Summary]("demo_summary")
	banyan.RegisterType[pieceRow]("demo_piece")
})

// openTables opens the tables, and creates them where they are not.
func openTables(ctx context.Context, d *db.DB) (t *tables, err error) {
	registerRows()
	t = &tables{db: d}
	lane := func(n int) []byte { return []byte{byte(n)} }
	for _, open := range []func() error{
		func() error { t.job, err = db.NewTable[string, jobRow](ctx, d, "job"); return err },
		func() error { t.plan, err = db.NewTable[planKey, []byte](ctx, d, "plan"); return err },
		func() error {
			t.pieces, err = db.NewTable[pieceKey, pieceRow](ctx, d, "pieces", db.PartitionBy("lane", func(k pieceKey) []byte { return lane(k.Lane) }))
			return err
		},
		func() error {
			t.segments, err = db.NewTable[segmentKey, []byte](ctx, d, "segments", db.PartitionBy("lane", func(k segmentKey) []byte { return lane(k.Lane) }))
			return err
		},
		func() error {
			t.counts, err = db.NewTable[countKey, int64](ctx, d, "counts", db.PartitionBy("lane", func(k countKey) []byte { return lane(k.Lane) }))
			return err
		},
	} {
		if err := persist(ctx, func(context.Context) error { return open() }); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// persist does a transaction until it is done, or ctx ends. It must be one that may be done twice: after db.ErrUnknown it may have been done already.
func persist(ctx context.Context, do func(ctx context.Context) error) error {
	for {
		bound, cancel := context.WithTimeout(ctx, tryTime)
		err := do(bound)
		cancel()
		switch {
		case ctx.Err() != nil:
			return errors.Join(ctx.Err(), err)
		case errors.Is(err, db.ErrNoQuorum), errors.Is(err, db.ErrConflict), errors.Is(err, db.ErrUnknown), errors.Is(err, context.DeadlineExceeded):
		default:
			return err
		}
	}
}

func (t *tables) update(ctx context.Context, fn func(tx *db.Tx) error) error {
	return persist(ctx, func(ctx context.Context) error { return t.db.Update(ctx, fn) })
}

func (t *tables) view(ctx context.Context, fn func(tx *db.Tx) error) error {
	return persist(ctx, func(ctx context.Context) error { return t.db.View(ctx, fn) })
}

// begin starts a term. walk makes the plan, if there is none.
func (t *tables) begin(ctx context.Context, walk func() (*index.Plan, error)) (row jobRow, plan *index.Plan, err error) {
	if err := t.view(ctx, func(tx *db.Tx) (err error) { row, err = t.job.Get(tx, jobKey); return err }); err != nil {
		return row, nil, err
	}
	var digest string
	var parts [][]byte
	if row.Digest == "" {
		if plan, err = walk(); err != nil {
			return row, nil, err
		}
		if digest, parts, err = t.putPlan(ctx, plan); err != nil {
			return row, nil, err
		}
	}
	err = t.update(ctx, func(tx *db.Tx) error {
		if row, err = t.job.Get(tx, jobKey); err != nil {
			return err
		}
		row.Term++
		if row.Digest == "" {
			row.Digest, row.Parts = digest, len(parts)
		}
		return t.job.Put(tx, jobKey, row)
	})
	if err == nil && (plan == nil || row.Digest != digest) {
		plan, err = t.getPlan(ctx, row)
	}
	return row, plan, err
}

func (t *tables) putPlan(ctx context.Context, plan *index.Plan) (digest string, parts [][]byte, err error) {
	data, err := plan.Encode()
	if err != nil {
		return "", nil, err
	}
	sum := sha256.Sum256(data)
	digest, parts = hex.EncodeToString(sum[:8]), cut(data)
	for i, p := range parts {
		if err := t.update(ctx, func(tx *db.Tx) error { return t.plan.Put(tx, planKey{digest, i}, p) }); err != nil {
			return "", nil, err
		}
	}
	return digest, parts, nil
}

func (t *tables) getPlan(ctx context.Context, row jobRow) (*index.Plan, error) {
	var data []byte
	for i := range row.Parts {
		err := t.view(ctx, func(tx *db.Tx) error {
			part, err := t.plan.Get(tx, planKey{row.Digest, i})
			if err == nil {
				data = append(data[:i*partSize], part...)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return index.DecodePlan(data)
}

// cut parts data: all parts but the last are partSize long, and the last is shorter, perhaps empty, so that it is known for the last.
func cut(data []byte) (parts [][]byte) {
	for len(data) >= partSize {
		parts, data = append(parts, data[:partSize]), data[partSize:]
	}
	return append(parts, data)
}

// errFenced: another coordinator has begun since.
var errFenced = errors.New("another coordinator has taken over")

// finish notes that the index is written, if this term's coordinator is still the last one.
func (t *tables) finish(ctx context.Context, term int, sum index.Summary) error {
	return t.update(ctx, func(tx *db.Tx) error {
		row, err := t.job.Get(tx, jobKey)
		if err != nil {
			return err
		}
		if row.Term != term {
			return errFenced
		}
		row.Done, row.Index = true, sum
		return t.job.Put(tx, jobKey, row)
	})
}

// count writes what a piece comes to, and counts it: once, whoever has done it how often. bytes of text were read.
func (t *tables) count(ctx context.Context, node string, r *index.Result, bytes int64) (first bool, err error) {
	type row struct {
		key  segmentKey
		data []byte
	}
	var rows []row
	size, lane := 0, laneOf(r.Piece)
	put := func(tx *db.Tx) error {
		for _, x := range rows {
			if err := t.segments.Put(tx, x.key, x.data); err != nil {
				return err
			}
		}
		return nil
	}
	for shard, seg := range r.Segments {
		for i, part := range cut(seg) {
			if size+len(part) > entrySize { // it goes ahead: as long as the piece has no row nobody reads it, and all who write it write the same
				if err := t.update(ctx, put); err != nil {
					return false, err
				}
				rows, size = nil, 0
			}
			rows, size = append(rows, row{segmentKey{lane, r.Piece, shard, i}, part}), size+len(part)
		}
	}
	words := uint64(0)
	for _, f := range r.Files {
		words += f.Words
	}
	files := (&index.Result{Piece: r.Piece, Files: r.Files}).Encode()
	err = t.update(ctx, func(tx *db.Tx) error {
		_, there, err := t.pieces.Lookup(tx, pieceKey{lane, r.Piece})
		if err != nil || there {
			first = false
			return err
		}
		first = true
		return errors.Join(put(tx), t.pieces.Put(tx, pieceKey{lane, r.Piece}, pieceRow{node, files}),
			db.Add(tx, t.counts, countKey{lane, node, countPieces}, 1),
			db.Add(tx, t.counts, countKey{lane, node, countBytes}, bytes),
			db.Add(tx, t.counts, countKey{lane, node, countWords}, int64(words)))
	})
	return first, err
}

// done is what became of the files of all pieces that count.
func (t *tables) done(ctx context.Context) (files map[int][]index.FileResult, err error) {
	err = t.view(ctx, func(tx *db.Tx) error {
		files = map[int][]index.FileResult{}
		for row, err := range t.pieces.All(tx, db.Range[pieceKey]{}) {
			if err != nil {
				return err
			}
			r, err := index.DecodeResult(row.Value.Files)
			if err != nil {
				return fmt.Errorf("piece %d: %w", row.Key.Piece, err)
			}
			files[row.Key.Piece] = r.Files
		}
		return nil
	})
	return files, err
}

// read gives what pieces that count say of a shard's words. It takes one view for each lane.
func (t *tables) read(ctx context.Context, shard int, pieces []int) (segs map[int][]byte, err error) {
	byLane := map[int][]int{}
	for _, p := range pieces {
		byLane[laneOf(p)] = append(byLane[laneOf(p)], p)
	}
	segs = map[int][]byte{}
	for _, list := range byLane {
		err := t.view(ctx, func(tx *db.Tx) error {
			for _, p := range list {
				seg, err := t.segment(tx, p, shard)
				if err != nil {
					return err
				}
				segs[p] = seg
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return segs, nil
}

// segment puts a segment together.
func (t *tables) segment(tx *db.Tx, piece, shard int) (seg []byte, err error) {
	for i := 0; ; i++ {
		part, ok, err := t.segments.Lookup(tx, segmentKey{laneOf(piece), piece, shard, i})
		if err == nil && !ok {
			err = fmt.Errorf("piece %d counts, and lacks part %d of its segment for shard %d", piece, i, shard)
		}
		if err != nil {
			return nil, err
		}
		if seg = append(seg, part...); len(part) < partSize {
			return seg, nil
		}
	}
}

// Counts are the sums of what has been counted.
type Counts struct {
	Pieces       int
	Bytes, Words int64
}

func (c Counts) plus(what string, n int64) Counts {
	switch what {
	case countPieces:
		c.Pieces += int(n)
	case countBytes:
		c.Bytes += n
	case countWords:
		c.Words += n
	}
	return c
}

// sums are the counts of each node.
func (t *tables) sums(ctx context.Context) (by map[string]Counts, err error) {
	err = t.view(ctx, func(tx *db.Tx) error {
		by = map[string]Counts{}
		for row, err := range t.counts.All(tx, db.Range[countKey]{}) {
			if err != nil {
				return err
			}
			by[row.Key.Node] = by[row.Key.Node].plus(row.Key.What, row.Value)
		}
		return nil
	})
	return by, err
}
