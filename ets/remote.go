// SPDX-License-Identifier: Apache-2.0

package ets

import (
	"context"
	"errors"
	"fmt"

	"github.com/banyan-go/banyan"
)

// Remote reads a table of another node, or of this one, by calls to the process that Serve started there. K and V must be what
// they are there.
//
// A Get is a call: about as long as a message there and back, some tens of microseconds on one machine, against 0.1 for
// Lookup. Each and EachIn fetch pages of one block, up to some hundred rows, one call each; all rows within the bounds travel, for a
// function cannot. The table's node copies what it sends, nothing else waits for it.
type Remote[K comparable, V any] struct {
	name, node banyan.Atom
}

// At is the table that a node serves under a name; node "" is the own one. It is not looked for before it is used.
func At[K comparable, V any](name, node banyan.Atom) Remote[K, V] { return Remote[K, V]{name, node} }

// serverName is the registered name of the process that serves a table.
func serverName(table banyan.Atom) banyan.Atom { return "banyan_ets." + table }

// RegisterRemote makes the messages known by which tables of these types are read from other nodes. Both sides call it at
// start-up. K and V need what any type on the wire needs, see banyan.RegisterType.
func RegisterRemote[K comparable, V any]() {
	banyan.RegisterCall[getRow[K, V]]("ets_lookup")
	banyan.RegisterCall[getPage[K, V]]("ets_page")
	banyan.RegisterCall[getSize[K, V]]("ets_size")
	banyan.RegisterType[rowsOnTheWire[K, V]]("{}")
}

func init() {
	banyan.RegisterError("ets.no_row", ErrNoRow)
	banyan.RegisterError("ets.no_table", ErrNoTable)
	banyan.RegisterError("ets.table_type", ErrTableType)
}

// Serve lets other nodes read a table: by starts a process for it, linked if by is a process, which ends when it is stopped
// or, with ErrNoTable, when it is asked and the table is gone. The table must have a name.
func Serve[K comparable, V any](by banyan.Spawner, t Reader[K, V], opts ...banyan.SpawnOption) (banyan.PID, error) {
	if t.info.name == "" {
		return banyan.PID{}, opError("serve", "", errors.New("the table has no name by which others could ask for it"))
	}
	opts = append([]banyan.SpawnOption{banyan.Name(serverName(t.info.name))}, opts...)
	if _, ok := by.(*banyan.Self); ok {
		opts = append(opts, banyan.Linked())
	}
	ref, err := banyan.SpawnState(by, &server[K, V]{t}, opts...)
	return ref.PID(), err
}

// server answers for one table.
type server[K comparable, V any] struct{ t Reader[K, V] }

func (s *server[K, V]) check(self *banyan.Self) error {
	err := s.t.Err()
	if err != nil {
		self.Stop(banyan.ErrNormal)
	}
	return err
}

type getRow[K comparable, V any] struct{ Key K }

// Call looks the key up.
func (m getRow[K, V]) Call(s *server[K, V], self *banyan.Self) (v V, err error) {
	if err := s.check(self); err != nil {
		return v, err
	}
	return s.t.Get(self, m.Key)
}

type getSize[K comparable, V any] struct{}

// Call gives the number of rows.
func (m getSize[K, V]) Call(s *server[K, V], self *banyan.Self) (int, error) {
	return s.t.Len(), s.check(self)
}

// getPage asks for the rows of one block: of an ordered table the lowest within bounds, else the one of a hash.
type getPage[K comparable, V any] struct {
	Hash         uint64
	Lo, Hi       K
	Low, High    bool
	LoOut, HiOut bool
}

// rowsOnTheWire is a page, and where the next one begins.
type rowsOnTheWire[K comparable, V any] struct {
	Keys   []K
	Values []V
	More   bool
	Hash   uint64
	Lo     K
}

// Call reads a block.
func (m getPage[K, V]) Call(s *server[K, V], self *banyan.Self) (w rowsOnTheWire[K, V], err error) {
	if err := s.check(self); err != nil {
		return w, err
	}
	c := s.t.core
	page := c.takePage()
	defer c.dropPage(page)
	if d, ordered := c.dir.(*treeDir[K, V]); ordered {
		b := Bounds[K]{m.Lo, m.Hi, m.Low, m.High, m.LoOut, m.HiOut}
		b, w.More = Scans[K, V]{s.t}.up(d, b, page)
		w.Lo = b.lo
	} else if m.Low || m.High {
		return w, ErrTableType
	} else {
		at := c.page(cursor[K]{hash: m.Hash}, page)
		w.More, w.Hash = !at.end, at.hash
	}
	for _, x := range page.rows { // the reply is copied on its way out
		w.Keys, w.Values = append(w.Keys, x.k), append(w.Values, x.v)
	}
	return w, nil
}

func (r Remote[K, V]) server() banyan.Named[*server[K, V]] {
	return banyan.At[*server[K, V]](serverName(r.name), r.node)
}

// Get asks for the value of a key. Errors: ErrNoRow, ErrNoTable, and those of banyan.Call: banyan.ErrNoProcess if nobody serves
// the table there.
func (r Remote[K, V]) Get(ctx context.Context, k K) (V, error) {
	return banyan.Call(ctx, r.server(), getRow[K, V]{k})
}

// Size is the number of rows.
func (r Remote[K, V]) Size(ctx context.Context) (int, error) {
	return banyan.Call(ctx, r.server(), getSize[K, V]{})
}

// Each calls f for every row until it returns false. A deadline of ctx is for all of it; without one each page has the node's
// default.
func (r Remote[K, V]) Each(ctx context.Context, f func(k K, v V) bool) error {
	return r.EachIn(ctx, Bounds[K]{}, f)
}

// EachIn is Each for the rows within bounds; of a table without order it gives ErrTableType, unless bounds are zero.
func (r Remote[K, V]) EachIn(ctx context.Context, b Bounds[K], f func(k K, v V) bool) error {
	m := getPage[K, V]{0, b.lo, b.hi, b.low, b.high, b.loOut, b.hiOut}
	for {
		w, err := banyan.Call(ctx, r.server(), m)
		if err != nil {
			return err
		}
		if len(w.Keys) != len(w.Values) {
			return opError("read", r.name, fmt.Errorf("%w: a page of %d keys and %d values", ErrCorrupt, len(w.Keys), len(w.Values)))
		}
		for i, k := range w.Keys {
			if !f(k, w.Values[i]) {
				return nil
			}
		}
		if !w.More {
			return nil
		}
		if m.Hash = w.Hash; w.Hash == 0 { // ordered
			m.Lo, m.Low, m.LoOut = w.Lo, true, false
		}
	}
}
