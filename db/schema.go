// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/banyan-go/banyan/db/internal/txn"
)

// The definitions of tables are rows of table 0, under 'd' and the table's name; the next number for a table is there under 'n'.
var schema = func() (r tableRef) { r.init(0); return r }()

func definitionKey(name string) []byte {
	return appendString(append(append([]byte(nil), schema.prefix...), 'd'), name)
}

func nextKey() []byte { return append(append([]byte(nil), schema.prefix...), 'n') }

// define finds a table's definition, or makes it.
func (d *DB) define(ctx context.Context, name string, want definition) (ref tableRef, err error) {
	ref.name = name
	err = d.Update(ctx, func(tx *Tx) error {
		b, ok, err := tx.get(definitionKey(name))
		if err != nil {
			return err
		}
		if ok {
			have, err := decodeDefinition(b)
			if err != nil {
				return err
			}
			if have.Key != want.Key || have.Value != want.Value {
				return fmt.Errorf("%w: keys %s and values %s, not %s and %s", ErrType, have.Key, have.Value, want.Key, want.Value)
			}
			ref.init(have.ID)
			return nil
		}
		next := uint32(1)
		if b, ok, err := tx.get(nextKey()); err != nil {
			return err
		} else if ok && len(b) == 4 {
			next = binary.BigEndian.Uint32(b)
		}
		want.ID = next
		ref.init(next)
		if err := tx.write(txn.Write{Key: nextKey(), Value: binary.BigEndian.AppendUint32(nil, next+1)}); err != nil {
			return err
		}
		return tx.write(txn.Write{Key: definitionKey(name), Value: want.encode()})
	})
	return ref, err
}

// Drop removes a table with all its rows. Transactions that use it and are not committed yet end with ErrNoTable. A table that is not there is
// ErrNoTable too.
func (d *DB) Drop(ctx context.Context, name string) error {
	return d.Update(ctx, func(tx *Tx) error {
		b, ok, err := tx.get(definitionKey(name))
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("db: table %q: %w", name, ErrNoTable)
		}
		def, err := decodeDefinition(b)
		if err != nil {
			return err
		}
		var ref tableRef
		ref.init(def.ID)
		if err := tx.write(txn.Write{Key: ref.prefix, Clear: true}); err != nil {
			return err
		}
		return tx.write(txn.Write{Key: definitionKey(name), Delete: true})
	})
}

// TableInfo describes a table.
type TableInfo struct {
	Name       string
	Key, Value string // the types, as they are written down
}

// Tables lists the tables by name.
func (d *DB) Tables(ctx context.Context) (list []TableInfo, err error) {
	err = d.View(ctx, func(tx *Tx) error {
		list = nil
		prefix := append(append([]byte(nil), schema.prefix...), 'd')
		var bad error
		err := tx.rows(prefix, txn.After(prefix), false, func(key, value []byte) bool {
			name, _, err := cutString(key[len(prefix):])
			var def definition
			if err == nil {
				def, err = decodeDefinition(value)
			}
			bad = err
			list = append(list, TableInfo{name, def.Key, def.Value})
			return err == nil
		})
		if bad != nil {
			return bad
		}
		return err
	})
	return list, err
}
