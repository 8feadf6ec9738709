// SPDX-License-Identifier: Apache-2.0

package state

import (
	"encoding/binary"

	"github.com/cockroachdb/pebble/v2"
)

// Entries carries out entries of one group, one after the other, and makes one batch of them: the state moves on by all of them at once. It belongs to
// the goroutine that applies, and ends with Commit or Close.
type Entries struct {
	s      *Store
	group  uint64
	hot    *hot
	b      *pebble.Batch
	read   int // bytes of the batch that hot has seen
	at     Applied
	some   bool // an entry had data
	closed bool
}

// Entries begins with what comes next of a group.
func (s *Store) Entries(group uint64) (*Entries, error) {
	h, err := s.hotOf(group)
	if err != nil {
		return nil, err
	}
	return &Entries{s: s, group: group, hot: h, b: s.db.NewIndexedBatch()}, nil
}

// Apply carries out one entry: what the machine makes of data, if there is any, and the new configuration, if there is one.
func (e *Entries) Apply(at Applied, data []byte, conf *Conf) (result any, err error) {
	if len(data) > 0 {
		if result, err = e.s.machine.Apply(e.group, at.Index, data, ahead{e.b, e.hot}, e.b); err != nil {
			return nil, e.s.guard.Fail("apply", err)
		}
		if err := e.follow(); err != nil {
			return nil, e.s.guard.Fail("apply", err)
		}
		e.some = true
	}
	e.at = at
	if conf == nil {
		return result, nil
	}
	return result, e.b.Set(groupKey(e.group, 'c'), conf.Encode(), nil)
}

// follow lets the mirror have what the last entry has written.
func (e *Entries) follow() error {
	if e.hot == nil {
		return nil
	}
	all := e.b.Reader()
	err := e.hot.follow(all[e.read:])
	e.read = len(all)
	return err
}

// Commit writes what the entries have made, and the applied index of the last of them, in one batch.
func (e *Entries) Commit() error {
	defer e.Close()
	if err := e.s.mark(e.b, e.group, e.at); err != nil {
		return err
	}
	if err := e.s.commit(e.b); err != nil {
		return err
	}
	if e.s.watcher != nil && e.some {
		e.s.watcher.Applied(e.group, e.b)
	}
	return nil
}

// Close gives up what is not committed. The store cannot be used any more then, since an entry has failed.
func (e *Entries) Close() {
	if !e.closed {
		e.closed = true
		_ = e.b.Close() // it fails when it is closed twice
	}
}

// MarkApart is a flaw for tests: it writes an applied index in a batch of its own.
func (s *Store) MarkApart(group uint64, at Applied) error {
	b := s.db.NewBatch()
	defer b.Close()
	if err := s.mark(b, group, at); err != nil {
		return err
	}
	return s.commit(b)
}

func (s *Store) mark(b *pebble.Batch, group uint64, at Applied) error {
	var v [16]byte
	binary.BigEndian.PutUint64(v[:], at.Index)
	binary.BigEndian.PutUint64(v[8:], at.Term)
	return b.Set(groupKey(group, 'a'), v[:], nil)
}
