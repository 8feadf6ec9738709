// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/internal/demo/index"
)

// shard holds one part of the index, in memory, made of its segments in the database. When it starts it asks the host of its node which pieces
// count; it reads their segments, some at a time.
type shard struct {
	e       *env
	number  int
	index   *index.Shard
	want    []int // pieces that count, and whose segments are not read
	reading bool  // a goroutine reads the first of them
}

// batch is how many segments are read at a time.
const batch = 32

func newShard(e *env, number int) func(context.Context, *banyan.Self) (*shard, error) {
	return func(_ context.Context, self *banyan.Self) (*shard, error) {
		m := feed{number, self.PID()}
		if err := banyan.Cast(self, banyan.At[*host](hostName, ""), m); err != nil {
			return nil, fmt.Errorf("shard %d: %w", number, err)
		}
		return &shard{e: e, number: number, index: index.NewShard()}, nil
	}
}

// more tells a shard of pieces that count.
type more struct{ Pieces []int }

// Cast reads their segments.
func (m more) Cast(s *shard, self *banyan.Self) error {
	s.want = append(s.want, m.Pieces...)
	s.read(self)
	return nil
}

// segments brings what was read.
type segments struct {
	Pieces []int
	List   [][]byte
}

// Immutable marks it as safe to share: nobody writes to a segment.
func (segments) Immutable() {}

// Cast adds the segments, once, and reads on.
func (m segments) Cast(s *shard, self *banyan.Self) error {
	for i, p := range m.Pieces {
		if _, err := s.index.Apply(p, m.List[i]); err != nil {
			return fmt.Errorf("shard %d: %w", s.number, err)
		}
	}
	s.reading = false
	s.read(self)
	return nil
}

// read has the next segments read, outside the process: it waits for the database.
func (s *shard) read(self *banyan.Self) {
	if s.reading || len(s.want) == 0 {
		return
	}
	n := min(len(s.want), batch)
	m := segments{Pieces: s.want[:n:n]}
	s.want, s.reading = s.want[n:], true
	me, e, number := self.PID(), s.e, s.number
	self.Go(func(ctx context.Context) error {
		for _, p := range m.Pieces {
			seg, err := e.tables.segment(ctx, p, number)
			if err != nil {
				return err
			}
			m.List = append(m.List, seg)
		}
		return castFrom[*shard](ctx, e.node, me, m)
	})
}

// Call gives some lines.
func (m lines) Call(s *shard, _ *banyan.Self) (someLines, error) {
	b, next, err := s.index.Lines(m.From, m.Size)
	return someLines{b, next, s.index.Pieces()}, err
}
