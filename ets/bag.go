// SPDX-License-Identifier: Apache-2.0

package ets

import (
	"context"
	"fmt"
	"iter"
	"reflect"

	"github.com/banyan-go/banyan"
)

// Bag is a handle to a table with any number of values per key, each once, in the order in which they came (ets type bag).
type Bag[K, V comparable] struct{ bagTable[K, V] }

// DuplicateBag is a handle to a table with any number of values per key, also the same one several times (ets type
// duplicate_bag).
type DuplicateBag[K comparable, V any] struct{ bagTable[K, V] }

const (
	kindBag       = "bag"
	kindDuplicate = "duplicate_bag"
)

// NewBag makes a bag, see NewSet. Its values must be immutable, for they are compared.
func NewBag[K, V comparable](by banyan.Spawner, name banyan.Atom, opts ...Option) (*Bag[K, V], error) {
	iso, err := isolate[K, V]()
	if err == nil && iso.plan != nil {
		err = fmt.Errorf("a %v could be changed while it is in the bag: use numbers, strings or structs of these, or a duplicate bag", reflect.TypeFor[V]())
	}
	if err != nil {
		return nil, opError("new", name, err)
	}
	c, i, err := createBag[K, V](by, name, kindBag, newHandle(bagOf[K, V]), opts)
	if err != nil {
		return nil, err
	}
	return bagOf(c, i), nil
}

// NewDuplicateBag makes a duplicate bag, see NewSet.
func NewDuplicateBag[K comparable, V any](by banyan.Spawner, name banyan.Atom, opts ...Option) (*DuplicateBag[K, V], error) {
	if _, err := isolate[K, V](); err != nil {
		return nil, opError("new", name, err)
	}
	c, i, err := createBag[K, V](by, name, kindDuplicate, newHandle(duplicateOf[K, V]), opts)
	if err != nil {
		return nil, err
	}
	return duplicateOf(c, i), nil
}

func createBag[K comparable, V any](by banyan.Spawner, name banyan.Atom, kind string,
	handle func(*core[K, objects[V]], *info, banyan.PID, any) any, opts []Option) (*core[K, objects[V]], *info, error) {
	dir := func() directory[K, objects[V]] { return newHashDir[K, objects[V]]() }
	shared := func() (isolation[objects[V]], error) { return isolation[objects[V]]{}, nil } // values are copied one by one
	return create(by, name, kind, dir, shared, tellBag[K, V], handle, append([]Option{option(func(c *config) { c.bag = true })}, opts...))
}

func bagTableOf[K comparable, V any](c *core[K, objects[V]], i *info) bagTable[K, V] {
	return bagTable[K, V]{bagReaderOf(c, i), i.writePass()}
}

func bagReaderOf[K comparable, V any](c *core[K, objects[V]], i *info) BagReader[K, V] {
	iso, _ := isolate[K, V]() // it was made with these types
	return BagReader[K, V]{readerOf(c, i), iso}
}

func bagOf[K, V comparable](c *core[K, objects[V]], i *info) *Bag[K, V] {
	return &Bag[K, V]{bagTableOf(c, i)}
}

func duplicateOf[K comparable, V any](c *core[K, objects[V]], i *info) *DuplicateBag[K, V] {
	return &DuplicateBag[K, V]{bagTableOf(c, i)}
}

// OpenBag is OpenSet for a bag.
func OpenBag[K, V comparable](by banyan.Spawner, name banyan.Atom) (*Bag[K, V], error) {
	return open(by, name, kindBag, true, bagOf[K, V])
}

// OpenDuplicateBag is OpenSet for a duplicate bag.
func OpenDuplicateBag[K comparable, V any](by banyan.Spawner, name banyan.Atom) (*DuplicateBag[K, V], error) {
	return open(by, name, kindDuplicate, true, duplicateOf[K, V])
}

// ReadBag is ReadSet for a bag.
func ReadBag[K, V comparable](by banyan.Spawner, name banyan.Atom) (BagReader[K, V], error) {
	return open(by, name, kindBag, false, bagReaderOf[K, V])
}

// ReadDuplicateBag is ReadSet for a duplicate bag.
func ReadDuplicateBag[K comparable, V any](by banyan.Spawner, name banyan.Atom) (BagReader[K, V], error) {
	return open(by, name, kindDuplicate, false, bagReaderOf[K, V])
}

// BagReader is a handle by which a bag can be read and not written.
type BagReader[K comparable, V any] struct {
	r      Reader[K, objects[V]]
	copies isolation[V]
}

// Immutable marks it as safe to share.
func (BagReader[K, V]) Immutable() {}

// Name is the name that the table was made with, "" if none.
func (r BagReader[K, V]) Name() banyan.Atom { return r.r.Name() }

// Err is nil while the handle can be used, and ErrNoTable afterwards.
func (r BagReader[K, V]) Err() error { return r.r.Err() }

// Owner is the process that the table belongs to; zero if that is the node.
func (r BagReader[K, V]) Owner() banyan.PID { return r.r.Owner() }

// Stats tells about the table. Rows are keys.
func (r BagReader[K, V]) Stats() (Stats, error) { return r.r.Stats() }

// Lookup gives the values of a key, the oldest first; none if there is no such key. The list is the caller's.
func (r BagReader[K, V]) Lookup(k K) []V {
	o, _ := r.r.Lookup(k)
	return r.out(o)
}

func (r BagReader[K, V]) out(o objects[V]) []V {
	if len(o.list) == 0 {
		return nil
	}
	list := make([]V, len(o.list))
	for i, v := range o.list {
		list[i] = r.copies.out(v)
	}
	return list
}

// Has reports whether a key has a value.
func (r BagReader[K, V]) Has(k K) bool { return r.r.Has(k) }

// Len is the number of values, of all keys together.
func (r BagReader[K, V]) Len() int {
	if !r.r.pass.ok() {
		return 0
	}
	return int(r.r.core.bag.objects.Load())
}

// Keys is the number of keys.
func (r BagReader[K, V]) Keys() int { return r.r.Len() }

// All gives every value with its key, those of one key together. What it promises for keys is what Reader.All promises for
// rows; the values of a key are of one moment.
func (r BagReader[K, V]) All() iter.Seq2[K, V] { return r.Select(nil) }

// Select gives the values for which where is true. where gets values that it must not change or keep; nil is every one.
func (r BagReader[K, V]) Select(where func(k K, v V) bool) iter.Seq2[K, V] {
	return flatten(r.r.All(), r.copies, where)
}

func flatten[K, V any](rows iter.Seq2[K, objects[V]], copies isolation[V], where func(k K, v V) bool) iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for k, o := range rows {
			for _, v := range o.list {
				if (where == nil || where(k, v)) && !yield(k, copies.out(v)) {
					return
				}
			}
		}
	}
}

// Snapshot gives the bag as it is now, at one moment, see Reader.Snapshot.
func (r BagReader[K, V]) Snapshot() (*BagSnapshot[K, V], error) {
	s, err := r.r.Snapshot()
	if err != nil {
		return nil, err
	}
	return &BagSnapshot[K, V]{s, r}, nil
}

// BagSnapshot is a bag as it was at one moment.
type BagSnapshot[K comparable, V any] struct {
	s *Snapshot[K, objects[V]]
	r BagReader[K, V]
}

// Immutable marks it as safe to share.
func (*BagSnapshot[K, V]) Immutable() {}

// Lookup gives the values that a key had.
func (s *BagSnapshot[K, V]) Lookup(k K) []V {
	o, _ := s.s.Lookup(k)
	return s.r.out(o)
}

// All gives every value with its key.
func (s *BagSnapshot[K, V]) All() iter.Seq2[K, V] { return flatten(s.s.All(), s.r.copies, nil) }

// Keys is the number of keys.
func (s *BagSnapshot[K, V]) Keys() int { return s.s.Len() }

// tellBag is tell for a bag, whose events have all values of a key.
func tellBag[K comparable, V any](c *core[K, objects[V]], i *info, to banyan.PID) {
	ctx := banyan.NoWait(i.node.Context(context.Background()))
	r := bagReaderOf(c, i)
	c.notify = func(e Event[K, objects[V]]) {
		if banyan.Send(ctx, to, Event[K, []V]{i.name, e.What, e.Key, r.out(e.Value)}) != nil {
			c.stats.eventsLost.Add(1)
		}
	}
}
