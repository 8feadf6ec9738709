// SPDX-License-Identifier: Apache-2.0

package state

import (
	"encoding/binary"

	"github.com/cockroachdb/pebble/v2"
)

// Apply carries out one entry: what the machine makes of data, if there is any, the new configuration, if there is one, and the applied index, in
// one batch.
func (s *Store) Apply(group uint64, at Applied, data []byte, conf *Conf) (result any, err error) {
	b := s.db.NewBatch()
	defer b.Close()
	if len(data) > 0 {
		if result, err = s.machine.Apply(group, at.Index, data, s.db, b); err != nil {
			return nil, s.guard.Fail("apply", err)
		}
	}
	if err := s.mark(b, group, at, conf); err != nil {
		return nil, err
	}
	if err := s.commit(b); err != nil {
		return nil, err
	}
	if s.watcher != nil && len(data) > 0 {
		s.watcher.Applied(group, b)
	}
	return result, nil
}

// ApplyApart is a flaw for tests: the applied index is written in a batch of its own, one entry late.
func (s *Store) ApplyApart(group uint64, at, before Applied, data []byte, conf *Conf) (result any, err error) {
	result, err = s.Apply(group, at, data, conf)
	if err != nil {
		return result, err
	}
	b := s.db.NewBatch()
	defer b.Close()
	if err := s.mark(b, group, before, nil); err != nil {
		return nil, err
	}
	return result, s.commit(b)
}

func (s *Store) mark(b *pebble.Batch, group uint64, at Applied, conf *Conf) error {
	var v [16]byte
	binary.BigEndian.PutUint64(v[:], at.Index)
	binary.BigEndian.PutUint64(v[8:], at.Term)
	if err := b.Set(groupKey(group, 'a'), v[:], nil); err != nil {
		return err
	}
	if conf == nil {
		return nil
	}
	return b.Set(groupKey(group, 'c'), conf.Encode(), nil)
}
