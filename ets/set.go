// SPDX-License-Identifier: Apache-2.0

package ets

import (
	"cmp"
	"fmt"
	"reflect"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/internal/clone"
)

// Set is a handle to a table with one row per key, in no order (ets type set). It may be used from any goroutine and sent in
// messages.
type Set[K comparable, V any] struct{ Table[K, V] }

// OrderedSet is a handle to a table with one row per key, in the order of its keys (ets type ordered_set).
type OrderedSet[K comparable, V any] struct {
	Table[K, V]
	Scans[K, V]
}

// The kinds of tables, by Erlang's names.
const (
	kindSet     = "set"
	kindOrdered = "ordered_set"
)

// NewSet makes a table. It belongs to by: a process, with which it ends, or a node. With a name, which may be "", others
// find it by OpenSet. Errors: banyan.ErrNameTaken, banyan.ErrNodeStopped, or what is wrong with the types.
func NewSet[K comparable, V any](by banyan.Spawner, name banyan.Atom, opts ...Option) (*Set[K, V], error) {
	c, i, err := create(by, name, kindSet, func() directory[K, V] { return newHashDir[K, V]() }, isolate[K, V], tellRows[K, V], newHandle(setOf[K, V]), opts)
	if err != nil {
		return nil, err
	}
	return setOf(c, i), nil
}

// NewOrderedSet makes an ordered table whose keys compare by <, NaN before all. See NewSet.
func NewOrderedSet[K cmp.Ordered, V any](by banyan.Spawner, name banyan.Atom, opts ...Option) (*OrderedSet[K, V], error) {
	return newOrdered[K, V](by, name, natural[K], opts)
}

// NewOrderedSetFunc makes an ordered table for any keys: compare is below 0 if a comes first, 0 only if a == b.
func NewOrderedSetFunc[K comparable, V any](by banyan.Spawner, name banyan.Atom, compare func(a, b K) int, opts ...Option) (*OrderedSet[K, V], error) {
	return newOrdered[K, V](by, name, orderBy(compare), opts)
}

func newOrdered[K comparable, V any](by banyan.Spawner, name banyan.Atom, o order[K], opts []Option) (*OrderedSet[K, V], error) {
	c, i, err := create(by, name, kindOrdered, func() directory[K, V] { return newTreeDir[K, V](o) }, isolate[K, V], tellRows[K, V], newHandle(orderedOf[K, V]), opts)
	if err != nil {
		return nil, err
	}
	return orderedOf(c, i), nil
}

func readerOf[K comparable, V any](c *core[K, V], i *info) Reader[K, V] {
	return Reader[K, V]{c, i, i.readPass()}
}

func tableOfCore[K comparable, V any](c *core[K, V], i *info) Table[K, V] {
	return Table[K, V]{readerOf(c, i), i.writePass()}
}

func setOf[K comparable, V any](c *core[K, V], i *info) *Set[K, V] {
	return &Set[K, V]{tableOfCore(c, i)}
}

func orderedOf[K comparable, V any](c *core[K, V], i *info) *OrderedSet[K, V] {
	t := tableOfCore(c, i)
	return &OrderedSet[K, V]{t, Scans[K, V]{t.Reader}}
}

// ReadOnly gives a handle that can only read.
func (s *OrderedSet[K, V]) ReadOnly() OrderedReader[K, V] {
	return OrderedReader[K, V]{s.Table.Reader, s.Scans}
}

// Snapshot gives all rows as they are now, see Reader.Snapshot.
func (s *OrderedSet[K, V]) Snapshot() (*OrderedSnapshot[K, V], error) { return s.Scans.snapshot() }

// newCore makes the table itself.
func newCore[K comparable, V any](name banyan.Atom, dir directory[K, V], iso isolation[V], cfg *config) *core[K, V] {
	c := &core[K, V]{dir: dir, capacity: cfg.capacity, evicts: cfg.evicts, ttl: cfg.ttl, born: time.Now(), copies: iso}
	if cfg.checked {
		c.check = newChecker[K, V](name, cfg.report)
	}
	return c
}

// typesOf names the types of a table; those of a bag's rows are the values'.
func typesOf[K comparable, V any]() string {
	v := reflect.TypeFor[V]()
	var row V
	if o, ok := any(row).(sized); ok {
		v = o.of()
	}
	return fmt.Sprintf("%v to %v", reflect.TypeFor[K](), v)
}

// create makes a table and has the node's keeper enter it.
func create[K comparable, V any](by banyan.Spawner, name banyan.Atom, kind string, dir func() directory[K, V],
	isolate func() (isolation[V], error), tell func(*core[K, V], *info, banyan.PID), handle func(*core[K, V], *info, banyan.PID, any) any, opts []Option) (*core[K, V], *info, error) {
	var cfg config
	for _, o := range opts {
		o.apply(&cfg)
	}
	p, err := caller(by)
	if err != nil {
		return nil, nil, opError("new", name, err)
	}
	iso, err := isolate()
	if err != nil {
		return nil, nil, opError("new", name, err)
	}
	c := newCore(name, dir(), iso, &cfg)
	data, err := clone.Any(cfg.data)
	if err != nil {
		return nil, nil, opError("new", name, err)
	}
	i := &info{name: name, kind: kind, types: typesOf[K, V](),
		node: p.node, access: cfg.access, owner: p.pid, heir: cfg.heir, data: data}
	if cfg.bag {
		c.bag = &bagHooks[V]{}
	}
	if !cfg.events.IsZero() {
		tell(c, i, cfg.events)
	}
	e := &entry{i, &keptCore[K, V]{c, i, handle}}
	if err := p.enter(e); err != nil {
		return nil, nil, opError("new", name, err)
	}
	return c, i, nil
}
