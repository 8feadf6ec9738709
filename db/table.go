// SPDX-License-Identifier: Apache-2.0

package db

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"reflect"

	"github.com/banyan-go/banyan/db/internal/txn"
	"github.com/banyan-go/banyan/etf"
)

// Table is a table of rows: one value for each key, in the order of the keys. It may be used by any number of goroutines, and
// several times for one table.
type Table[K, V any] struct {
	tableRef
	db     *DB
	copy   *tableCopy // in memory, for dirty reads; nil if there is none
	key    keyCodec
	slot   uint16         // of all rows, if part is empty
	partOf func(K) []byte // nil: the whole key
}

// NewTable opens a table, and creates it if it is not there. The types and options of a table that is there must be those that it was created with, as far
// as they are written down: the shape of the key, the name of the value's type, and the options.
func NewTable[K, V any](ctx context.Context, d *DB, name string, options ...TableOption) (*Table[K, V], error) {
	fail := func(err error) (*Table[K, V], error) { return nil, fmt.Errorf("db: table %q: %w", name, err) }
	key, err := keyCodecOf(reflect.TypeFor[K]())
	if err != nil {
		return fail(err)
	}
	var zero V
	if _, err := etf.Marshal(zero); err != nil {
		return fail(err)
	}
	var o tableOptions
	for _, opt := range options {
		if err := opt.apply(&o); err != nil {
			return fail(err)
		}
	}
	partOf, err := partition[K](&o)
	if err != nil {
		return fail(err)
	}
	o.def.Key, o.def.Value = key.sig, reflect.TypeFor[V]().String()
	ref, err := d.define(ctx, name, o.def)
	if err != nil {
		return fail(err)
	}
	t := newTable[K, V](ref, key, partOf)
	t.db = d
	if t.copy, err = d.copyOf(&ref); err != nil {
		return fail(err)
	}
	return t, nil
}

func newTable[K, V any](ref tableRef, key keyCodec, partOf func(K) []byte) *Table[K, V] {
	t := &Table[K, V]{tableRef: ref, key: key, partOf: partOf}
	if ref.part == "" {
		t.slot = txn.TableSlot(ref.class, ref.id)
	}
	return t
}

// systemTable is a table of the meta group that the database keeps for itself: it has a number below firstTable, and no definition.
func systemTable[K, V any](name string, id uint32) *Table[K, V] {
	key, err := keyCodecOf(reflect.TypeFor[K]())
	if err != nil || id == 0 || id >= firstTable {
		panic(fmt.Sprintf("db: table %q cannot be %d of the system's: %v", name, id, err))
	}
	return newTable[K, V](tableRef{name: name, id: id, class: txn.Meta, system: true}, key, nil)
}

// Name is the table's name.
func (t *Table[K, V]) Name() string { return t.name }

// at is where the row of a key is.
func (t *Table[K, V]) at(k K) []byte {
	key, ok := plainKey(txn.Prefix(t.slot, t.id), &k)
	if !ok {
		other := k // so that k itself stays off the heap
		key = t.key.append(key, reflect.ValueOf(&other).Elem())
	}
	if t.part == "" {
		return key
	}
	return txn.InSlot(key, t.slotOf(k, key[txn.PrefixLen:]))
}

// slotOf is the slot of the row of a key, which is encoded in plain.
func (t *Table[K, V]) slotOf(k K, plain []byte) uint16 {
	switch {
	case t.part == "":
		return t.slot
	case t.partOf != nil:
		return txn.PartSlot(t.class, t.partOf(k))
	}
	return txn.PartSlot(t.class, plain)
}

// row is at, for a transaction that uses the table.
func (t *Table[K, V]) row(tx *Tx, k K) ([]byte, error) {
	key := t.at(k)
	return key, tx.use(&t.tableRef, txn.GroupOf(key))
}

func (t *Table[K, V]) decode(key, value []byte) (r Row[K, V], err error) {
	rest, err := t.key.cut(key[txn.PrefixLen:], reflect.ValueOf(&r.Key).Elem())
	if err == nil && len(rest) > 0 {
		err = errKey
	}
	if err == nil {
		err = etf.Unmarshal(value, &r.Value)
	}
	if err != nil {
		return r, fmt.Errorf("db: table %q: %w", t.name, err)
	}
	return r, nil
}

// Row is a key and its value.
type Row[K, V any] struct {
	Key   K
	Value V
}

// Lookup reads a row; ok is false if there is none.
func (t *Table[K, V]) Lookup(tx *Tx, k K) (v V, ok bool, err error) {
	key, err := t.row(tx, k)
	if err != nil {
		return v, false, err
	}
	b, ok, err := tx.get(key)
	if err != nil || !ok {
		return v, false, err
	}
	r, err := t.decode(key, b)
	return r.Value, err == nil, err
}

// Get is Lookup for those to whom no row is as good as the zero value.
func (t *Table[K, V]) Get(tx *Tx, k K) (V, error) {
	v, _, err := t.Lookup(tx, k)
	return v, err
}

// Put writes a row, over what is there.
func (t *Table[K, V]) Put(tx *Tx, k K, v V) error {
	key, err := t.row(tx, k)
	if err != nil {
		return err
	}
	b, err := etf.Marshal(v)
	if err != nil {
		return fmt.Errorf("db: table %q: %w", t.name, err)
	}
	return tx.write(txn.Write{Key: key, Value: b})
}

// Create writes a row that must not be there yet; if it is, the error is ErrExists.
func (t *Table[K, V]) Create(tx *Tx, k K, v V) error {
	_, ok, err := t.Lookup(tx, k)
	if err != nil {
		return err
	}
	if ok {
		return fmt.Errorf("db: table %q, key %v: %w", t.name, k, ErrExists)
	}
	return t.Put(tx, k, v)
}

// Delete removes a row, if there is one.
func (t *Table[K, V]) Delete(tx *Tx, k K) error {
	key, err := t.row(tx, k)
	if err != nil {
		return err
	}
	return tx.write(txn.Write{Key: key, Delete: true})
}

// Range is a part of a table, for All and Backward. The zero value is all of it.
type Range[K any] struct {
	// From is the first key, To the first behind the last; nil: no bound.
	From, To *K
}

// Within is the range from a key up to, not with, another.
func Within[K any](from, to K) Range[K] { return Range[K]{&from, &to} }

// All goes through a range by rising keys. The transaction conflicts with whatever changes, comes or goes in the part that was
// gone through. An error ends it.
func (t *Table[K, V]) All(tx *Tx, r Range[K]) iter.Seq2[Row[K, V], error] {
	return t.rows(tx, r, false)
}

// Backward is All by falling keys.
func (t *Table[K, V]) Backward(tx *Tx, r Range[K]) iter.Seq2[Row[K, V], error] {
	return t.rows(tx, r, true)
}

func (t *Table[K, V]) rows(tx *Tx, r Range[K], backward bool) iter.Seq2[Row[K, V], error] {
	return func(yield func(Row[K, V], error) bool) {
		stopped := false
		err := t.each(tx, r, backward, func(key, value []byte) bool {
			row, err := t.decode(key, value)
			stopped = !yield(row, err) || err != nil
			return !stopped
		})
		if err != nil && !stopped {
			yield(Row[K, V]{}, err)
		}
	}
}

func (t *Table[K, V]) each(tx *Tx, r Range[K], backward bool, yield func(key, value []byte) bool) error {
	ranges := t.ranges()
	for i := range ranges {
		s := &ranges[i]
		if r.From != nil {
			s.From = txn.SameSlot(t.at(*r.From), s.From)
		}
		if r.To != nil {
			s.To = txn.SameSlot(t.at(*r.To), s.From)
		}
		if bytes.Compare(s.From, s.To) >= 0 {
			return tx.usable()
		}
		if err := tx.use(&t.tableRef, txn.GroupOf(s.From)); err != nil {
			return err
		}
	}
	return tx.rows(ranges, backward, yield)
}
