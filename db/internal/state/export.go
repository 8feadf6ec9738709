// SPDX-License-Identifier: Apache-2.0

package state

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Export is a group's state at one moment, on its way out. It belongs to one goroutine.
type Export struct {
	At   Applied
	Conf Conf

	view  *pebble.Snapshot
	spans []Span
	it    *pebble.Iterator
}

// Export opens a group's state for reading. Close it.
func (s *Store) Export(group uint64) (*Export, error) {
	e := &Export{view: s.db.NewSnapshot(), spans: s.machine.Spans(group)}
	var err error
	if e.At, e.Conf, err = s.load(e.view, group); err == nil && e.At.Index == 0 {
		err = fmt.Errorf("state: group %d has none here", group)
	}
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// Close ends the export.
func (e *Export) Close() error {
	var err error
	if e.it != nil {
		err = e.it.Close()
	}
	return errors.Join(err, e.view.Close())
}

// Next returns the next rows, about size bytes of them, and whether they are the last. The form is that of Import.Add.
func (e *Export) Next(size int) (rows []byte, last bool, err error) {
	for len(rows) < size {
		if e.it == nil {
			if len(e.spans) == 0 {
				return rows, true, nil
			}
			if e.it, err = e.view.NewIter(&pebble.IterOptions{LowerBound: e.spans[0].From, UpperBound: e.spans[0].To}); err != nil {
				return nil, false, err
			}
			e.spans = e.spans[1:]
			e.it.First()
		}
		if !e.it.Valid() {
			it := e.it
			e.it = nil
			if err := errors.Join(it.Error(), it.Close()); err != nil {
				return nil, false, err
			}
			continue
		}
		rows = AppendRow(rows, e.it.Key(), e.it.Value())
		e.it.Next()
	}
	return rows, false, nil
}

// AppendRow appends a row in the form of Export.Next and Import.Add. Rows must be in order.
func AppendRow(b, key, value []byte) []byte { return appendBytes(appendBytes(b, key), value) }

func appendBytes(b, v []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(v)))
	return append(b, v...)
}

func cutBytes(b []byte) (v, rest []byte, err error) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(len(b)-size) {
		return nil, nil, errors.New("state: a row of a snapshot is cut off")
	}
	b = b[size:]
	return b[:n:n], b[n:], nil
}
