// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/db/internal/placement"
	"github.com/banyan-go/banyan/db/internal/txn"
)

// The nodes of the database are rows of a table of the meta group: under 'n' and the node's number what the node is, under 'c' the number that
// the next one gets.
var nodesTable = txn.Prefix(txn.Meta.Base(), 30)

// nodeRow is a node of the database.
type nodeRow struct {
	number uint64
	store  uint64 // of its logs
	ram    uint64 // of its logs in memory: of its newest process; 0 of a node that is gone: this process has ended
	state  placement.State
	name   banyan.Atom
}

func nodeKey(number uint64) []byte {
	return binary.BigEndian.AppendUint64(append(append([]byte(nil), nodesTable...), 'n'), number)
}

func counterKey() []byte { return append(append([]byte(nil), nodesTable...), 'c') }

// nodeFormat is the form of the rows. Format 1 had no ram.
const nodeFormat = 2

func (r nodeRow) encode() []byte {
	b := binary.BigEndian.AppendUint64([]byte{nodeFormat, byte(r.state)}, r.store)
	return append(binary.BigEndian.AppendUint64(b, r.ram), r.name...)
}

func decodeNode(key, value []byte) (r nodeRow, err error) {
	if len(key) != len(nodesTable)+9 || len(value) < 10 || value[0] > nodeFormat || value[0] == nodeFormat && len(value) < 18 {
		return r, fmt.Errorf("db: the row of a node has %d and %d bytes: it is damaged, or written by a newer version", len(key), len(value))
	}
	r = nodeRow{number: binary.BigEndian.Uint64(key[len(nodesTable)+1:]), state: placement.State(value[1]), store: binary.BigEndian.Uint64(value[2:])}
	rest := value[10:]
	if value[0] == nodeFormat {
		r.ram, rest = binary.BigEndian.Uint64(rest), rest[8:]
	}
	r.name = banyan.Atom(rest)
	return r, nil
}

// nodesOf reads the nodes, by rising number.
func nodesOf(tx *Tx) (list []nodeRow, err error) {
	from := append(append([]byte(nil), nodesTable...), 'n')
	var bad error
	err = tx.rows([]txn.Scan{{From: from, To: txn.After(from)}}, false, func(key, value []byte) bool {
		r, err := decodeNode(key, value)
		list, bad = append(list, r), err
		return err == nil
	})
	return list, errors.Join(err, bad)
}

// enter gives a node with an empty store a number. A node of the same name that had another store is gone: a name has one node, so the other
// store's process has ended, and its disk is empty. Asked again for the same store it gives the same number.
func (d *DB) enter(ctx context.Context, name banyan.Atom, store uint64) (number uint64, nodes []nodeRow, err error) {
	err = d.Update(ctx, func(tx *Tx) error {
		var err error
		if nodes, err = nodesOf(tx); err != nil {
			return err
		}
		number = 0
		for i, r := range nodes {
			switch {
			case r.name == name && r.store == store && r.state != placement.Gone:
				number = r.number
			case r.name == name && r.store != store && r.state != placement.Gone:
				nodes[i].state, nodes[i].ram = placement.Gone, 0
				if err := tx.write(txn.Write{Key: nodeKey(r.number), Value: nodes[i].encode()}); err != nil {
					return err
				}
			}
		}
		if number != 0 {
			return nil
		}
		if number, err = nextNumber(tx); err != nil {
			return err
		}
		r := nodeRow{number: number, store: store, state: placement.Up, name: name}
		nodes = append(nodes, r)
		return tx.write(txn.Write{Key: nodeKey(number), Value: r.encode()})
	})
	return number, nodes, err
}

// nextNumber takes a number that no node ever had. Number 1 is the founder's.
func nextNumber(tx *Tx) (uint64, error) {
	number := uint64(2)
	if b, ok, err := tx.get(counterKey()); err != nil {
		return 0, err
	} else if ok && len(b) == 8 {
		number = binary.BigEndian.Uint64(b)
	}
	return number, tx.write(txn.Write{Key: counterKey(), Value: binary.BigEndian.AppendUint64(nil, number+1)})
}

// setState writes what a node is from now on, if that is something else.
func setState(tx *Tx, number uint64, to placement.State) error {
	b, ok, err := tx.get(nodeKey(number))
	if err != nil || !ok {
		return err
	}
	r, err := decodeNode(nodeKey(number), b)
	if err != nil || r.state == to {
		return err
	}
	r.state = to
	return tx.write(txn.Write{Key: nodeKey(number), Value: r.encode()})
}

// appear makes sure that the database knows this node as it is. ErrLeft: it is not one of its nodes any more.
func (m *member) appear(tx *Tx) error {
	want := nodeRow{m.number, m.db.log.ID(), m.db.ram.log.ID(), placement.Up, m.node.Name()}
	b, ok, err := tx.get(nodeKey(m.number))
	if err != nil {
		return err
	}
	if ok {
		have, err := decodeNode(nodeKey(m.number), b)
		switch {
		case err != nil:
			return err
		case have.state == placement.Gone:
			return fmt.Errorf("db: node %d of database %s: %w", m.number, databaseName(m.cluster), ErrLeft)
		case have.state == placement.Leaving:
			want.state = placement.Leaving // it goes on
		}
		if have == want {
			return nil
		}
	} else if m.number != founder { // the rows of nodes that are gone are removed in the end, but for the founder's, who finds none when it begins
		return fmt.Errorf("db: node %d of database %s: %w", m.number, databaseName(m.cluster), ErrLeft)
	}
	return tx.write(txn.Write{Key: nodeKey(m.number), Value: want.encode()})
}
