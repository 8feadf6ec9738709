// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"sort"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/internal/demo/index"
	"github.com/banyan-go/banyan/supervisor"
)

// store holds this node's copies. It is the node's membership: who loses the store loses the member.
type store struct {
	e      *env
	lead   lead
	digest string // of the plan; "" none
	plan   []byte
	pieces map[int]copied
	bytes  int64
	shards map[int]banyan.PID // shards that have asked to be fed
	owned  map[int]banyan.PID // shards that are placed here, as children of the shards' supervisor
}

// copied is a piece's result as it travels, and taken apart; the parts are within data.
type copied struct {
	data   []byte
	result *index.Result
}

func newStore(e *env) func(context.Context, *banyan.Self) (*store, error) {
	return func(context.Context, *banyan.Self) (*store, error) {
		return &store{e: e, pieces: map[int]copied{}, shards: map[int]banyan.PID{}, owned: map[int]banyan.PID{}}, nil
	}
}

// obey reports whether a message of this coordinator counts, and notes a newer one.
func (s *store) obey(l lead) bool {
	if l.before(s.lead) {
		return false
	}
	s.lead = l
	return true
}

// Cast answers a coordinator that looks for members.
func (m hello) Cast(s *store, self *banyan.Self) error {
	if !s.obey(m.Lead) {
		return nil
	}
	have := make([]int, 0, len(s.pieces))
	for p := range s.pieces {
		have = append(have, p)
	}
	sort.Ints(have)
	s.reply(self, func() error {
		return castTo[*coordinator](self, s.lead.PID, here{s.e.node.Name(), self.PID(), s.digest, have})
	})
	return nil
}

// reply sends something to the coordinator, which may be gone: the next one asks again.
func (s *store) reply(self *banyan.Self, cast func() error) {
	if err := cast(); err != nil {
		s.e.log.Debug("the coordinator is not reached", "node", s.lead.Node, "error", err)
	}
}

// Cast takes a plan, and says so. Copies that belong to another one are dropped, with the shards made of them.
func (m setPlan) Cast(s *store, self *banyan.Self) error {
	if !s.obey(m.Lead) || m.Digest == s.digest {
		return nil
	}
	s.digest, s.plan, s.bytes = m.Digest, m.Data, 0
	s.pieces = map[int]copied{}
	for _, pid := range s.shards {
		if err := banyan.SendExit(self, pid, banyan.ErrKill); err != nil { // its supervisor starts it anew, empty
			return err
		}
	}
	s.shards = map[int]banyan.PID{}
	return hello{m.Lead}.Cast(s, self)
}

// Cast keeps a copy, feeds the shards of this node, and says so.
func (m keep) Cast(s *store, self *banyan.Self) error {
	if m.Plan != s.digest {
		return nil
	}
	if _, ok := s.pieces[m.Piece]; !ok {
		r, err := index.DecodeResult(m.Data)
		if err != nil {
			return fmt.Errorf("piece %d: %w", m.Piece, err)
		}
		if r.Piece != m.Piece || len(r.Segments) != s.e.Shards {
			return fmt.Errorf("piece %d: its result is of piece %d, with %d shards in place of %d",
				m.Piece, r.Piece, len(r.Segments), s.e.Shards)
		}
		s.pieces[m.Piece] = copied{m.Data, r}
		s.bytes += int64(len(m.Data))
		for number, pid := range s.shards {
			s.apply(self, pid, number, r)
		}
	}
	s.reply(self, func() error {
		return castTo[*coordinator](self, s.lead.PID, kept{self.PID(), s.digest, m.Piece})
	})
	return nil
}

// apply hands a shard its part. A shard that cannot take it must not miss it: it is started anew, and asks for all.
func (s *store) apply(self *banyan.Self, pid banyan.PID, number int, r *index.Result) {
	err := castTo[*shard](self, pid, apply{r.Piece, r.Segments[number]})
	if err == nil {
		return
	}
	delete(s.shards, number)
	if err := banyan.SendExit(self, pid, banyan.ErrKill); err != nil {
		s.e.log.Warn("a shard is behind and cannot be restarted", "shard", number, "error", err)
	}
}

// feed asks the store for all that a shard needs, now and from now on.
type feed struct {
	Shard int
	PID   banyan.PID
}

// Cast sends all pieces, and remembers the shard.
func (m feed) Cast(s *store, self *banyan.Self) error {
	s.shards[m.Shard] = m.PID
	for _, c := range s.pieces {
		if s.shards[m.Shard] != m.PID { // it failed on the way
			return nil
		}
		s.apply(self, m.PID, m.Shard, c.result)
	}
	return nil
}

// Cast sends a copy to another store.
func (m pass) Cast(s *store, self *banyan.Self) error {
	c, ok := s.pieces[m.Piece]
	if !ok || m.Plan != s.digest {
		return nil
	}
	if err := castTo[*store](self, m.To, keep{m.Plan, m.Piece, c.data}); err != nil {
		s.e.log.Info("a copy did not go out", "piece", m.Piece, "to", m.To.Node, "error", err) // the coordinator asks again
	}
	return nil
}

// Cast starts and stops shards until those run here that are placed here.
func (m own) Cast(s *store, self *banyan.Self) error {
	if !s.obey(m.Lead) {
		return nil
	}
	sup := banyan.At[*supervisor.Server](shardsName, "")
	want := map[int]bool{}
	for _, n := range m.Shards {
		want[n] = true
		if n < 0 || n >= s.e.Shards || s.owned[n] != (banyan.PID{}) {
			continue
		}
		name := shardName(n)
		if pid, ok := s.e.node.Whereis(name); ok { // left over from a lost order
			s.owned[n] = pid
			continue
		}
		spec := supervisor.Worker(string(name), newShard(n), supervisor.With(banyan.Name(name)))
		pid, err := supervisor.StartChild(self, sup, spec)
		if err != nil {
			return fmt.Errorf("shard %d: %w", n, err)
		}
		s.owned[n] = pid
	}
	for n := range s.owned {
		if want[n] {
			continue
		}
		delete(s.owned, n)
		delete(s.shards, n)
		if pid, ok := s.e.node.Whereis(shardName(n)); ok { // it may have been restarted
			if err := supervisor.TerminatePID(self, sup, pid); err != nil { // then it goes on unasked
				s.e.log.Warn("a shard that is placed elsewhere does not stop", "shard", n, "error", err)
			}
		}
	}
	return nil
}

func shardName(n int) banyan.Atom { return banyan.Atom(fmt.Sprintf("shard_%d", n)) }

// stored asks the store of this node what it has.
type stored struct{}

// holdings is the answer.
type holdings struct {
	Digest string
	Plan   []byte
	Pieces int
	Bytes  int64
	Shards []int
}

// Immutable marks it as safe to share: nobody writes to a plan.
func (holdings) Immutable() {}

// Call tells it.
func (stored) Call(s *store, _ *banyan.Self) (holdings, error) {
	h := holdings{s.digest, s.plan, len(s.pieces), s.bytes, nil}
	for n := range s.owned {
		h.Shards = append(h.Shards, n)
	}
	sort.Ints(h.Shards)
	return h, nil
}

// table asks the store of this node what became of the files.
type table struct{}

// fileTable is the answer: per piece, in any order.
type fileTable struct {
	Digest string
	Pieces map[int][]index.FileResult
}

// Immutable marks it as safe to share: results are not changed.
func (fileTable) Immutable() {}

// Call gives it.
func (table) Call(s *store, _ *banyan.Self) (fileTable, error) {
	t := fileTable{s.digest, make(map[int][]index.FileResult, len(s.pieces))}
	for n, c := range s.pieces {
		t.Pieces[n] = c.result.Files
	}
	return t, nil
}
