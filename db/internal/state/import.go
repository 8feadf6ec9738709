// SPDX-License-Identifier: Apache-2.0

package state

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2/objstorage/objstorageprovider"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

const importPrefix = "import-"

// Import is a group's state on its way in: a sorted table that is written beside the store until it is complete. It belongs to one goroutine
// at a time.
type Import struct {
	At   Applied
	Conf Conf

	s     *Store
	group uint64
	path  string
	w     *sstable.Writer
	last  []byte
	spans []Span
}

// Import begins to take in a group's state.
func (s *Store) Import(group uint64, at Applied, conf Conf) (*Import, error) {
	s.imports++
	m := &Import{At: at, Conf: conf, s: s, group: group, path: s.guard.PathJoin(s.dir, fmt.Sprintf("%s%d-%d.sst", importPrefix, group, s.imports)), spans: s.machine.Spans(group)}
	f, err := s.guard.Create(m.path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, err
	}
	m.w = sstable.NewWriter(objstorageprovider.NewFileWritable(f), s.options)
	var v [16]byte
	binary.BigEndian.PutUint64(v[:], at.Index)
	binary.BigEndian.PutUint64(v[8:], at.Term)
	// What the group had here goes away in the same step: the rows of one table lie above its own deletions of ranges.
	for _, sp := range s.spans(group) {
		err = errors.Join(err, m.w.DeleteRange(sp.From, sp.To))
	}
	err = errors.Join(err, m.w.Set(groupKey(group, 'a'), v[:]), m.w.Set(groupKey(group, 'c'), conf.Encode()))
	if err != nil {
		return nil, errors.Join(err, m.Discard())
	}
	return m, nil
}

// Add takes rows as Export.Next gives them. Rows that are not in order, or not of the group, are an error.
func (m *Import) Add(rows []byte) error {
	for len(rows) > 0 {
		var k, v []byte
		var err error
		if k, rows, err = cutBytes(rows); err != nil {
			return err
		}
		if v, rows, err = cutBytes(rows); err != nil {
			return err
		}
		if bytes.Compare(k, m.last) <= 0 {
			return fmt.Errorf("state: a snapshot's key %x does not follow %x", k, m.last)
		}
		for len(m.spans) > 0 && bytes.Compare(k, m.spans[0].To) >= 0 {
			m.spans = m.spans[1:]
		}
		if len(m.spans) == 0 || bytes.Compare(k, m.spans[0].From) < 0 {
			return fmt.Errorf("state: a snapshot's key %x is not of its group", k)
		}
		m.last = append(m.last[:0], k...)
		if err := m.w.Set(k, v); err != nil {
			return err
		}
	}
	return nil
}

// Finish replaces the group's state. When it returns without error that is durable, and so is everything applied before.
func (m *Import) Finish() error {
	w := m.w
	m.w = nil
	if err := w.Close(); err != nil { // syncs the file
		return m.s.guard.Fail("import", err)
	}
	done := make(chan struct{})
	var err error
	go func() { // it may wait for a flush that never comes
		defer close(done)
		err = m.s.db.Ingest(context.Background(), []string{m.path})
	}()
	if err := m.s.guard.Wait(done); err != nil {
		return err
	}
	if err != nil {
		return m.s.guard.Fail("import", err)
	}
	m.s.settle()
	if r, ok := m.s.machine.(Replacer); ok {
		r.Replaced(m.group)
	}
	m.s.replaced(m.group)
	return nil
}

// Discard gives the import up.
func (m *Import) Discard() error {
	if m.w == nil {
		return nil
	}
	err := m.w.Close()
	m.w = nil
	return errors.Join(err, m.s.guard.Remove(m.path))
}
