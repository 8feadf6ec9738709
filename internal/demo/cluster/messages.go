// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"sync"
	"time"

	"github.com/banyan-go/banyan"
)

// The messages between nodes. Those within a node stand beside their receivers.

// work asks a worker for one piece: the files of these paths, of which the first has the number First.
type work struct {
	Piece, First int
	Paths        []string
	Take         time.Duration // how long to take at least
	To           banyan.PID    // the coordinator
}

// counts tells the coordinator that a piece counts.
type counts struct{ Piece int }

// hello asks a host to be a member.
type hello struct{ Lead lead }

// here answers hello.
type here struct {
	Node banyan.Atom
	Host banyan.PID
}

// news tells a host which pieces count: all to a new member, then what is new.
type news struct{ Pieces []int }

// own tells a host which shards are placed on its node.
type own struct {
	Lead   lead
	Shards []int
}

// lead says who coordinates.
type lead struct {
	Term int // from the database; before the coordinator has it: one more than its keeper has heard of
	Node banyan.Atom
	PID  banyan.PID
}

// before reports whether l gives way to other.
func (l lead) before(other lead) bool {
	return l.Term < other.Term || l.Term == other.Term && (l.Node == "" || other.Node < l.Node && other.Node != "")
}

// ask asks a keeper who coordinates; tell is the answer, and the news of a new coordinator.
type (
	ask  struct{ From banyan.Atom }
	tell struct {
		From banyan.Atom // the keeper that answers; "" if it is news from the coordinator
		Lead lead
	}
)

// lines asks a shard for its part of the index from a position on.
type lines struct{ From, Size int }

// someLines is the answer. Next is 0 at the end.
type someLines struct {
	Lines  []byte
	Next   int
	Pieces int // applied so far
}

var registerOnce sync.Once

// register gives the messages their names on the wire. Every node of a run is the same program.
func register() {
	registerOnce.Do(func() {
		banyan.RegisterType[lead]("demo_lead")
		banyan.RegisterType[someLines]("demo_some_lines")
		banyan.RegisterCast[work]("demo_work")
		banyan.RegisterCast[counts]("demo_counts")
		banyan.RegisterCast[hello]("demo_hello")
		banyan.RegisterCast[here]("demo_here")
		banyan.RegisterCast[news]("demo_news")
		banyan.RegisterCast[own]("demo_own")
		banyan.RegisterCast[ask]("demo_ask")
		banyan.RegisterCast[tell]("demo_tell")
		banyan.RegisterCall[lines]("demo_lines")
	})
}

// castTo casts to a server known by its pid, on any node. A receiver that is gone is no error: whoever needs to know
// monitors it.
func castTo[S any, M banyan.Note[S]](self *banyan.Self, pid banyan.PID, m M) error {
	return castFrom[S](self, self.Node(), pid, m)
}

// castFrom is castTo for goroutines of processes, with the context that they get.
func castFrom[S any, M banyan.Note[S]](ctx context.Context, n *banyan.Node, pid banyan.PID, m M) error {
	ref, err := banyan.RefOf[S](n, pid)
	if err != nil {
		return err
	}
	return banyan.Cast(banyan.Within(ctx, later), ref, m)
}
