// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/internal/demo/index"
)

// collected tells the coordinator that the index is written.
type collected struct {
	Summary index.Summary
	Sums    map[string]Counts
}

// Immutable marks it as safe to share: it is made for one.
func (collected) Immutable() {}

// Cast notes it: the job is done.
func (m collected) Cast(c *coordinator, _ *banyan.Self) error {
	c.finished, c.sums = &m.Summary, m.Sums
	c.e.log.Info("the index is written", "digest", m.Summary.Digest)
	return nil
}

const (
	blockSize  = 256 << 10       // lines asked for at once
	blockWait  = 3 * time.Second // for one answer
	notYet     = 20 * time.Millisecond
	notYetMost = 500 // times notYet, then the collector gives up and is started anew
)

// collector makes the process that merges the shards' lines into the index file. It ends in an error if anything is lost
// on the way; the coordinator then starts another. It is not linked with the coordinator: one that outlives it writes the same
// file as the next one will, and files are replaced whole.
func (c *coordinator) collector(boss banyan.PID) func(*banyan.Self) error {
	plan, term, place, e := c.plan, c.lead.Term, maps.Clone(c.place), c.e
	return func(self *banyan.Self) error {
		ctx := self.Context()
		done, err := e.tables.done(ctx)
		if err != nil {
			return err
		}
		files, err := fileList(plan, done)
		if err != nil {
			return err
		}
		sum, err := writeIndex(e.Out, func(x *index.Writer) error {
			if err := x.Files(plan, files); err != nil {
				return err
			}
			sources := make([]index.Source, 0, len(place))
			for s := range e.Shards {
				sources = append(sources, source(self, banyan.At[*shard](shardName(s), banyan.Atom(place[s])), len(plan.Pieces)))
			}
			return index.Merge(x, sources)
		})
		if err != nil {
			return err
		}
		sums, err := e.tables.sums(ctx)
		if err != nil {
			return err
		}
		if err := e.tables.finish(ctx, term, sum); err != nil {
			return err
		}
		return castTo[*coordinator](self, boss, collected{sum, sums})
	}
}

// fileList puts together what became of the files.
func fileList(plan *index.Plan, done map[int][]index.FileResult) ([]index.FileResult, error) {
	list := make([]index.FileResult, 0, len(plan.Files))
	for i, p := range plan.Pieces {
		if len(done[i]) != p.Last-p.First {
			return nil, fmt.Errorf("piece %d has %d files, and rows of %d", i, p.Last-p.First, len(done[i]))
		}
		list = append(list, done[i]...)
	}
	return list, nil
}

// writeIndex writes a file next to path and renames it when it is whole.
func writeIndex(path string, write func(*index.Writer) error) (index.Summary, error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".index-*")
	if err != nil {
		return index.Summary{}, err
	}
	x := index.NewWriter(f)
	err = write(x)
	sum, cerr := x.Close()
	if err = errors.Join(err, cerr, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return index.Summary{}, errors.Join(err, os.Remove(f.Name()))
	}
	return sum, nil
}

// source reads a shard block by block. A shard that is still being fed is asked again.
func source(self *banyan.Self, to banyan.Named[*shard], pieces int) index.Source {
	at, end := 0, false
	return func() ([]byte, error) {
		for try := 0; !end; try++ {
			r, err := banyan.Call(self, to, lines{at, blockSize}, banyan.Timeout(blockWait))
			if err == nil && r.Pieces == pieces {
				at, end = r.Next, r.Next == 0
				if len(r.Lines) == 0 {
					continue // an empty shard: end is set
				}
				return r.Lines, nil
			}
			if err != nil && !errors.Is(err, banyan.ErrNoProcess) {
				return nil, fmt.Errorf("%v: %w", to, err)
			}
			if try == notYetMost {
				return nil, fmt.Errorf("%v has %d of %d pieces", to, r.Pieces, pieces)
			}
			if _, err := self.Receive(banyan.Within(self, notYet), banyan.OfType[never]()); !errors.Is(err, banyan.ErrTimeout) {
				return nil, err
			}
		}
		return nil, nil
	}
}

// never is a message that nobody sends: waiting for it is a pause that an exit signal ends.
type never struct{}
