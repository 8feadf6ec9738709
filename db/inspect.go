// SPDX-License-Identifier: Apache-2.0

package db

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/db/internal/host"
	"github.com/banyan-go/banyan/db/internal/placement"
	"github.com/banyan-go/banyan/db/internal/txn"
)

// Inspector looks at the database by way of one of its nodes, without knowing the types of tables: for operators. Everything is a call to that node's part
// of the database, so it works for databases that Start has begun. ctx must carry the own node, see banyan.Node.Context.
type Inspector struct{ node banyan.Atom }

// At asks a node. Nothing is asked yet.
func At(node banyan.Atom) Inspector { return Inspector{node} }

func (i Inspector) desk() banyan.Named[*desk] { return banyan.At[*desk](askDoor, i.node) }

func init() {
	banyan.RegisterCall[statusCall]("banyan_db_status")
	banyan.RegisterCall[tablesCall]("banyan_db_tables")
	banyan.RegisterCall[textCall]("banyan_db_text")
	banyan.RegisterType[Status]("{}")
	banyan.RegisterType[NodeStatus]("{}")
	banyan.RegisterType[GroupStatus]("{}")
	banyan.RegisterType[TableInfo]("{}")
	banyan.RegisterType[RowText]("{}")
	banyan.RegisterType[textAnswer]("{}")
	banyan.RegisterError("db.no_table", ErrNoTable)
	banyan.RegisterError("db.key_text", ErrKeyText)
	banyan.RegisterError("db.closed", ErrClosed)
	banyan.RegisterError("db.not_ready", errNotReady)
}

// Status is the database as one of its nodes sees it.
type Status struct {
	// Database names it.
	Database string
	// Node is the number of the node that was asked.
	Node uint64
	// Nodes are all nodes, those that are gone included, by number.
	Nodes []NodeStatus
	// Groups are those that have a replica on the node that was asked, by number.
	Groups []GroupStatus
	// BadFrames counts what came to the node and was not for it.
	BadFrames uint64
}

// NodeStatus is a node of the database.
type NodeStatus struct {
	Number uint64
	Name   banyan.Atom
	// State is up, dead (replaced for its silence), leaving or gone.
	State string
	// Silent is for how long the node that was asked has heard nothing of it.
	Silent time.Duration
}

// GroupStatus is a replica of a group.
type GroupStatus struct {
	Group, Replica uint64
	// Leader is the node that leads, 0 if that is not known, Term the how manieth term it is.
	Leader, Term uint64
	// Voters and Learners are nodes.
	Voters, Learners []uint64
	// Storage is where its tables are: disk or ram. Missing is how many nodes more should have a replica: there are fewer nodes, or it is on its way.
	Storage string
	Missing int
	// Applied is the index up to which the replica has carried entries out, Commit up to which it knows that it may.
	Applied, Commit uint64
	// Quiet: nothing happens in the group.
	Quiet bool
	// Refused says why the replica does not run; empty if it does.
	Refused string
}

// Status asks how the database is.
func (i Inspector) Status(ctx context.Context) (Status, error) {
	return banyan.Call(ctx, i.desk(), statusCall{})
}

// Tables asks for the tables, by name.
func (i Inspector) Tables(ctx context.Context) ([]TableInfo, error) {
	return banyan.Call(ctx, i.desk(), tablesCall{})
}

// RowText is a row, for people and for programs that do not know its types. Key and Value are JSON.
type RowText struct{ Key, Value string }

// Get asks for a row by its key, as JSON; a string key needs no quotes. Errors: ErrNoTable, ErrKeyText.
func (i Inspector) Get(ctx context.Context, table, key string) (row RowText, ok bool, err error) {
	a, err := banyan.Call(ctx, i.desk(), textCall{Table: table, Key: key, One: true, Most: 1})
	if err != nil || len(a.Rows) == 0 {
		return row, false, err
	}
	return a.Rows[0], true, nil
}

// Rows calls f for the rows of a table in order until it returns false: from a key up to, not with, another, both as JSON; "": no bound. They are fetched some
// hundred at a time, each of these at one moment of its own. Errors: as Get.
func (i Inspector) Rows(ctx context.Context, table, from, before string, f func(RowText) bool) error {
	q := textCall{Table: table, Key: from, Before: before, Most: pageRows}
	for {
		a, err := banyan.Call(ctx, i.desk(), q)
		if err != nil {
			return err
		}
		for _, r := range a.Rows {
			if !f(r) {
				return nil
			}
		}
		if !a.More {
			return nil
		}
		q.Key, q.Next = "", a.Next
	}
}

type statusCall struct{}

// Call implements banyan.Query.
func (statusCall) Call(d *desk, self *banyan.Self) (Status, error) {
	if a := d.serves(d.m.cluster); a != nil {
		return Status{}, errNotReady
	}
	m := d.m
	l := banyan.Defer[Status](self)
	m.run(func(context.Context) {
		st := Status{Database: databaseName(m.cluster), Node: m.number, BadFrames: m.badFrames.Load()}
		rows := m.localNodes()
		for _, e := range m.db.engines() {
			if !e.do(func(c *host.Core) {
				for _, r := range rows {
					if e == &m.db.engine {
						st.Nodes = append(st.Nodes, NodeStatus{r.number, r.name, r.state.String(), time.Duration(c.Silent(r.number)) * tick})
					}
				}
				for _, g := range c.Groups() {
					s, _ := c.Status(g)
					st.Groups = append(st.Groups, groupStatus(s, rows))
				}
			}) {
				_ = l.Fail(m.db.stopped())
				return
			}
		}
		_ = l.Reply(st) // an error: the caller has gone
	})
	return Status{}, nil
}

func groupStatus(s host.Status, rows []nodeRow) GroupStatus {
	storage, rule := Disk, ruleOf(s.Group)
	if txn.ClassOf(s.Group).InRAM() {
		storage = RAM
	}
	want := rule.Copies
	if rule.All {
		want = 0
		for _, r := range rows {
			if r.state == placement.Up || r.state == placement.Dead {
				want++
			}
		}
	}
	g := GroupStatus{Group: s.Group, Replica: s.Replica, Term: s.Term, Applied: s.Applied.Index, Commit: s.Commit, Quiet: s.Quiet, Refused: s.Refused,
		Storage: storage.String(), Missing: max(want-len(s.Conf.Members), 0)}
	for _, mem := range s.Conf.Members {
		if mem.Replica == s.Lead {
			g.Leader = mem.Node
		}
		if s.Conf.Voter(mem.Replica) {
			g.Voters = append(g.Voters, mem.Node)
		} else {
			g.Learners = append(g.Learners, mem.Node)
		}
	}
	return g
}

type tablesCall struct{}

// Call implements banyan.Query.
func (tablesCall) Call(d *desk, self *banyan.Self) ([]TableInfo, error) {
	if a := d.serves(d.m.cluster); a != nil {
		return nil, errNotReady
	}
	l := banyan.Defer[[]TableInfo](self)
	d.m.run(func(ctx context.Context) {
		list, err := d.m.db.Tables(ctx)
		if err != nil {
			_ = l.Fail(err)
			return
		}
		_ = l.Reply(list)
	})
	return nil, nil
}

// textCall asks for rows: of one key, or from a key on. Next, of a further page, is where it begins, as the answer before said.
type textCall struct {
	Table, Key, Before string
	One                bool
	Next               []byte
	Most               int
}

type textAnswer struct {
	Rows []RowText
	More bool
	Next []byte
}

// Call implements banyan.Query.
func (q textCall) Call(d *desk, self *banyan.Self) (textAnswer, error) {
	if a := d.serves(d.m.cluster); a != nil {
		return textAnswer{}, errNotReady
	}
	l := banyan.Defer[textAnswer](self)
	d.m.run(func(ctx context.Context) {
		var a textAnswer
		err := d.m.db.View(ctx, func(tx *Tx) (err error) {
			a, err = q.read(tx)
			return err
		})
		if err != nil {
			_ = l.Fail(err)
			return
		}
		_ = l.Reply(a)
	})
	return textAnswer{}, nil
}

func (q textCall) read(tx *Tx) (a textAnswer, err error) {
	b, ok, err := tx.get(definitionKey(q.Table))
	if err == nil && !ok {
		err = fmt.Errorf("db: table %q: %w", q.Table, ErrNoTable)
	}
	if err != nil {
		return a, err
	}
	def, err := decodeDefinition(b)
	if err != nil {
		return a, err
	}
	t, err := keyType(def.Key)
	if err != nil {
		return a, err
	}
	codec, err := keyCodecOf(t)
	if err != nil {
		return a, err
	}
	encode := func(text string) ([]byte, error) {
		v := reflect.New(t).Elem()
		if err := setKey(v, text); err != nil {
			return nil, err
		}
		return codec.append(nil, v), nil
	}
	from, before := q.Next, []byte(nil)
	if q.Key != "" {
		if from, err = encode(q.Key); err != nil {
			return a, err
		}
	}
	if q.One {
		before = append(bytes.Clone(from), 0)
	} else if q.Before != "" {
		if before, err = encode(q.Before); err != nil {
			return a, err
		}
	}
	ref := def.ref(q.Table)
	ranges := ref.ranges()
	for i, r := range ranges {
		prefix := r.From
		ranges[i].From = append(bytes.Clone(prefix), from...)
		if before != nil {
			ranges[i].To = append(bytes.Clone(prefix), before...)
		}
	}
	skip := len(txn.Prefix(0, 0))
	var bad error
	err = tx.rows(ranges, false, func(key, value []byte) bool {
		key = key[skip:]
		if len(a.Rows) >= max(q.Most, 1) {
			a.More, a.Next = !q.One, bytes.Clone(key)
			return false
		}
		v := reflect.New(t).Elem()
		if _, bad = codec.cut(key, v); bad != nil {
			return false
		}
		a.Rows = append(a.Rows, RowText{string(must(json.Marshal(keyText(v)))), valueText(value)})
		return true
	})
	if bad != nil {
		return a, fmt.Errorf("db: table %q: %w", q.Table, bad)
	}
	return a, err
}
