// SPDX-License-Identifier: Apache-2.0

package db

import (
	"bytes"
	"context"
	"encoding/binary"
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
	key keyCodec
}

// tableRef is what a transaction knows of a table.
type tableRef struct {
	name    string
	id      uint32
	version uint64 // of its definition
	prefix  []byte
	end     []byte
}

// NewTable opens a table, and creates it if it is not there. The types of a table that is there must be those that it was created with, as far
// as they are written down: the shape of the key, and the name of the value's type.
func NewTable[K, V any](ctx context.Context, d *DB, name string) (*Table[K, V], error) {
	fail := func(err error) (*Table[K, V], error) { return nil, fmt.Errorf("db: table %q: %w", name, err) }
	key, err := keyCodecOf(reflect.TypeFor[K]())
	if err != nil {
		return fail(err)
	}
	var zero V
	if _, err := etf.Marshal(zero); err != nil {
		return fail(err)
	}
	def := definition{Key: key.sig, Value: reflect.TypeFor[V]().String()}
	ref, err := d.define(ctx, name, def)
	if err != nil {
		return fail(err)
	}
	return &Table[K, V]{ref, key}, nil
}

// Name is the table's name.
func (t *Table[K, V]) Name() string { return t.name }

func (t *Table[K, V]) encode(k K) []byte {
	return t.key.append(bytes.Clone(t.prefix), reflect.ValueOf(&k).Elem())
}

func (t *Table[K, V]) decode(key, value []byte) (r Row[K, V], err error) {
	rest, err := t.key.cut(key[len(t.prefix):], reflect.ValueOf(&r.Key).Elem())
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
	if err := tx.use(&t.tableRef); err != nil {
		return v, false, err
	}
	key := t.encode(k)
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
	if err := tx.use(&t.tableRef); err != nil {
		return err
	}
	b, err := etf.Marshal(v)
	if err != nil {
		return fmt.Errorf("db: table %q: %w", t.name, err)
	}
	return tx.write(txn.Write{Key: t.encode(k), Value: b})
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
	if err := tx.use(&t.tableRef); err != nil {
		return err
	}
	return tx.write(txn.Write{Key: t.encode(k), Delete: true})
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
		from, to := t.prefix, t.end
		if r.From != nil {
			from = t.encode(*r.From)
		}
		if r.To != nil {
			to = t.encode(*r.To)
		}
		if bytes.Compare(from, to) >= 0 {
			return
		}
		stopped := false
		err := tx.use(&t.tableRef)
		if err == nil {
			err = tx.rows(from, to, backward, func(key, value []byte) bool {
				row, err := t.decode(key, value)
				stopped = !yield(row, err) || err != nil
				return !stopped
			})
		}
		if err != nil && !stopped {
			yield(Row[K, V]{}, err)
		}
	}
}

// id is the prefix's table.
func (r *tableRef) init(id uint32) {
	r.id = id
	r.prefix = txn.Prefix(txn.SlotOf(id), id)
	r.end = txn.After(r.prefix)
}

// use makes the transaction depend on the table's definition, so that none commits to a table that was dropped meanwhile.
func (tx *Tx) use(t *tableRef) error {
	if err := tx.usable(); err != nil {
		return err
	}
	key := definitionKey(t.name)
	if v, ok := tx.reads[string(key)]; ok && v == t.version {
		return nil
	}
	b, ok, err := tx.get(key)
	if err != nil {
		return err
	}
	if def, err := decodeDefinition(b); !ok || err != nil || def.ID != t.id {
		return fmt.Errorf("db: table %q: %w", t.name, ErrNoTable)
	}
	return nil
}

// definition is what is written down of a table.
type definition struct {
	ID         uint32
	Key, Value string
}

func (d definition) encode() []byte {
	b := binary.BigEndian.AppendUint32(nil, d.ID)
	return appendString(appendString(b, d.Key), d.Value)
}

func decodeDefinition(b []byte) (d definition, err error) {
	if len(b) < 4 {
		return d, errKey
	}
	d.ID = binary.BigEndian.Uint32(b)
	if d.Key, b, err = cutString(b[4:]); err == nil {
		d.Value, _, err = cutString(b)
	}
	return d, err
}
