// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"errors"
	"fmt"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/db/internal/host"
	"github.com/banyan-go/banyan/db/internal/placement"
	"github.com/banyan-go/banyan/db/internal/txn"
)

func init() {
	banyan.RegisterCall[helloCall]("banyan_db_hello")
	banyan.RegisterCall[joinCall]("banyan_db_join")
	banyan.RegisterCall[proposeCall]("banyan_db_propose")
	banyan.RegisterCall[indexCall]("banyan_db_index")
	banyan.RegisterCall[lookCall]("banyan_db_look")
	banyan.RegisterType[helloAnswer]("{}")
	banyan.RegisterType[joinAnswer]("{}")
	banyan.RegisterType[answer]("{}")
	banyan.RegisterError("db.no_quorum", ErrNoQuorum)
	banyan.RegisterError("db.other_database", ErrOtherDatabase)
}

// desk answers what other nodes ask: a process under a name that all nodes know. It never waits for a group: answers are given when they are there.
type desk struct{ m *member }

// The codes of answers.
const (
	codeDone = iota
	codeNotLeader
	codeNoGroup
	codeBusy
	codeTooLarge
	codeDropped
	codeUnknown
	codeNotReady // the node does not serve the database, yet or any more
	codeOther    // it serves another one
	codeNoView
)

// answer is what a desk says to most calls. What of it is set depends on the call.
type answer struct {
	Code    int
	Lead    uint64 // the node that leads, with codeNotLeader, as far as the desk knows
	At      uint64 // an index
	View    uint64
	Verdict int
	Version uint64
	Key     []byte
	Holders []byte
	Known   bool
	Text    string
}

func (a answer) outcome() txn.Outcome {
	out := txn.Outcome{Verdict: txn.Verdict(a.Verdict), Version: a.Version, Key: a.Key}
	if h := txn.DecodeHolders(a.Holders); len(h) > 0 && out.Verdict == txn.Blocked {
		out.Holder = h[0]
	}
	return out
}

func (a answer) seen() txn.Seen {
	return txn.Seen{Outcome: a.outcome(), Known: a.Known, Holders: txn.DecodeHolders(a.Holders)}
}

func outcomeAnswer(out txn.Outcome) answer {
	a := answer{Verdict: int(out.Verdict), Version: out.Version, Key: out.Key}
	if out.Verdict == txn.Blocked {
		a.Holders = txn.AppendHolders(nil, []txn.Holder{out.Holder})
	}
	return a
}

func seenAnswer(s txn.Seen) answer {
	a := outcomeAnswer(s.Outcome)
	a.Known, a.Holders = s.Known, txn.AppendHolders(a.Holders, s.Holders)
	return a
}

// err is the answer's code as the error that the host gives for it.
func (a answer) err() error {
	switch a.Code {
	case codeDone:
		return nil
	case codeNotLeader, codeNoGroup, codeNotReady:
		return errNobody
	case codeBusy:
		return host.ErrBusy
	case codeTooLarge:
		return fmt.Errorf("%w: %s", host.ErrTooLarge, a.Text)
	case codeDropped:
		return host.ErrDropped
	case codeOther:
		return ErrOtherDatabase
	case codeNoView:
		return errViewOver
	}
	return fmt.Errorf("%w: %s", host.ErrUnknown, a.Text)
}

// failure is the answer for an error of the host.
func failure(err error) answer {
	a := answer{Code: codeUnknown, Text: err.Error()}
	var nl *host.NotLeader
	switch {
	case errors.As(err, &nl):
		a.Code, a.Lead = codeNotLeader, nl.Node
	case errors.Is(err, host.ErrNoGroup):
		a.Code = codeNoGroup
	case errors.Is(err, host.ErrBusy):
		a.Code = codeBusy
	case errors.Is(err, host.ErrTooLarge):
		a.Code = codeTooLarge
	case errors.Is(err, host.ErrDropped):
		a.Code = codeDropped
	case errors.Is(err, host.ErrStopped):
		a.Code = codeNotReady
	}
	return a
}

// serves says what is wrong with a call for a database, nil if nothing is.
func (d *desk) serves(cluster uint64) *answer {
	select {
	case <-d.m.ready:
	default:
		return &answer{Code: codeNotReady}
	}
	if cluster != d.m.cluster {
		return &answer{Code: codeOther}
	}
	return nil
}

// later gives the answer of a call that f begins on the core's goroutine. f gets what it is to call, once.
func (d *desk) later(self *banyan.Self, cluster, group uint64, f func(c *host.Core, reply func(answer))) (answer, error) {
	if a := d.serves(cluster); a != nil {
		return *a, nil
	}
	if d.m.db.shards[group] == nil { // of a newer version
		return answer{Code: codeNoGroup}, nil
	}
	l := banyan.Defer[answer](self)
	if !d.m.db.engineOf(group).host.Do(func(c *host.Core) {
		f(c, func(a answer) { _ = l.Reply(a) }) // an error: the caller has gone
	}) {
		_ = l.Reply(answer{Code: codeNotReady})
	}
	return answer{}, nil
}

// proposeCall hands an entry in.
type proposeCall struct {
	Cluster, Group uint64
	Data           []byte
}

// Call implements banyan.Query.
func (m proposeCall) Call(d *desk, self *banyan.Self) (answer, error) {
	return d.later(self, m.Cluster, m.Group, func(c *host.Core, reply func(answer)) {
		c.Propose(m.Group, m.Data, func(r host.Result) {
			if r.Err != nil {
				reply(failure(r.Err))
				return
			}
			reply(outcomeAnswer(r.Value.(txn.Outcome)))
		})
	})
}

// indexCall asks how far a replica must be to have everything.
type indexCall struct{ Cluster, Group uint64 }

// Call implements banyan.Query.
func (m indexCall) Call(d *desk, self *banyan.Self) (answer, error) {
	return d.later(self, m.Cluster, m.Group, func(c *host.Core, reply func(answer)) {
		c.ReadIndex(m.Group, func(index uint64, err error) {
			if err != nil {
				reply(failure(err))
				return
			}
			reply(answer{At: index})
		})
	})
}

// lookCall asks about the newest state; see txn.Look.
type lookCall struct {
	Cluster, Group uint64
	Entry          []byte
}

// Call implements banyan.Query.
func (m lookCall) Call(d *desk, self *banyan.Self) (answer, error) {
	e, err := txn.Decode(m.Entry)
	if err != nil {
		return answer{}, err
	}
	return d.later(self, m.Cluster, m.Group, func(c *host.Core, reply func(answer)) {
		c.ReadIndex(m.Group, func(_ uint64, err error) {
			if err != nil {
				reply(failure(err))
				return
			}
			d.m.run(func(context.Context) { // it may go through many rows, and the core must not
				if seen, err := d.m.db.here(m.Group).Consult(d.m.ctx, e); err != nil {
					reply(failure(err))
				} else {
					reply(seenAnswer(seen))
				}
			})
		})
	})
}

// helloCall asks which database a node serves, if any.
type helloCall struct{}

// helloAnswer: Cluster is 0 of a node that has none yet.
type helloAnswer struct{ Cluster, Number uint64 }

// Call implements banyan.Query.
func (helloCall) Call(d *desk, _ *banyan.Self) (helloAnswer, error) {
	select {
	case <-d.m.ready:
		return helloAnswer{d.m.cluster, d.m.number}, nil
	default:
	}
	cluster, number := d.m.db.log.Member()
	return helloAnswer{cluster, number}, nil
}

// joinCall asks for a number in the database that the node serves.
type joinCall struct {
	Name  banyan.Atom
	Store uint64
}

// joinAnswer is the number, and who is there.
type joinAnswer struct {
	Cluster, Number uint64
	Numbers         []uint64
	Names           []banyan.Atom
}

// Call implements banyan.Query.
func (m joinCall) Call(d *desk, self *banyan.Self) (joinAnswer, error) {
	if a := d.serves(d.m.cluster); a != nil {
		return joinAnswer{}, errNotReady
	}
	l := banyan.Defer[joinAnswer](self)
	d.m.run(func(ctx context.Context) {
		number, rows, err := d.m.db.enter(ctx, m.Name, m.Store)
		if err != nil {
			_ = l.Fail(err) // an error: the caller has gone, and asks again
			return
		}
		a := joinAnswer{Cluster: d.m.cluster, Number: number}
		for _, r := range rows {
			if r.state != placement.Gone {
				a.Numbers, a.Names = append(a.Numbers, r.number), append(a.Names, r.name)
			}
		}
		d.m.peers.learn(number, m.Name)
		_ = l.Reply(a)
	})
	return joinAnswer{}, nil
}

// errNotReady: the node does not serve a database yet.
var errNotReady = errors.New("db: the node does not serve a database yet")
