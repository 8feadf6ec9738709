// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"time"

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
	reading bool  // a goroutine reads some, or has done so just now
}

const (
	// batch is how many segments are read at a time: they are held in memory.
	batch = 64
	// pace is how often they are read: many at a time cost much less than one by one.
	pace = 500 * time.Millisecond
)

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

// segments brings what was read, by piece.
type segments struct{ by map[int][]byte }

// Immutable marks it as safe to share: nobody writes to a segment.
func (segments) Immutable() {}

// Cast adds the segments, once, and reads on.
func (m segments) Cast(s *shard, self *banyan.Self) error {
	for p, seg := range m.by {
		if _, err := s.index.Apply(p, seg); err != nil {
			return fmt.Errorf("shard %d: %w", s.number, err)
		}
	}
	if len(s.want) > 0 {
		return readOn{}.Cast(s, self)
	}
	banyan.CastAfter(self, pace, readOn{})
	return nil
}

// readOn is a shard's message to itself: it may read again.
type readOn struct{}

// Cast reads what has come meanwhile.
func (readOn) Cast(s *shard, self *banyan.Self) error {
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
	pieces := s.want[:n:n]
	s.want, s.reading = s.want[n:], true
	me, e, number := self.PID(), s.e, s.number
	self.Go(func(ctx context.Context) error {
		by, err := e.tables.read(ctx, number, pieces)
		if err != nil {
			return err
		}
		return castFrom[*shard](ctx, e.node, me, segments{by})
	})
}

// Call gives some lines.
func (m lines) Call(s *shard, _ *banyan.Self) (someLines, error) {
	b, next, err := s.index.Lines(m.From, m.Size)
	return someLines{b, next, s.index.Pieces()}, err
}
