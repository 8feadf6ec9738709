// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/internal/demo/index"
)

// shard holds one part of the index, in memory. When it starts it asks the store of its node for all pieces.
type shard struct {
	number int
	index  *index.Shard
}

func newShard(number int) func(context.Context, *banyan.Self) (*shard, error) {
	return func(_ context.Context, self *banyan.Self) (*shard, error) {
		m := feed{number, self.PID()}
		if err := banyan.Cast(self, banyan.At[*store](storeName, ""), m); err != nil {
			return nil, fmt.Errorf("shard %d: %w", number, err)
		}
		return &shard{number, index.NewShard()}, nil
	}
}

// apply gives a shard its segment of a piece.
type apply struct {
	Piece   int
	Segment []byte
}

// Immutable marks it as safe to share: nobody writes to a segment.
func (apply) Immutable() {}

// Cast adds the segment, once.
func (m apply) Cast(s *shard, _ *banyan.Self) error {
	if _, err := s.index.Apply(m.Piece, m.Segment); err != nil {
		return fmt.Errorf("shard %d: %w", s.number, err)
	}
	return nil
}

// Call gives some lines.
func (m lines) Call(s *shard, _ *banyan.Self) (someLines, error) {
	b, next, err := s.index.Lines(m.From, m.Size)
	return someLines{b, next, s.index.Pieces()}, err
}

// size asks a shard how large it is.
type size struct{}

// shardSize is the answer.
type shardSize struct {
	Pieces, Words int
	Bytes         int64
}

// Call tells it.
func (size) Call(s *shard, _ *banyan.Self) (shardSize, error) {
	return shardSize{s.index.Pieces(), s.index.Words(), s.index.Bytes()}, nil
}
