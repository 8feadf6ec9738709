// SPDX-License-Identifier: Apache-2.0

package state

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/batchrepr"
)

// Warmer is what a Machine may be besides: it names the keys of a group that nearly every entry looks up, mostly in vain. They are kept in memory, too, so they should be few
// and small.
type Warmer interface{ Hot(group uint64) []Span }

// hot is a mirror of some of a group's keys. The goroutine that applies owns it: it has everything that the entries so far have written, committed or not.
type hot struct {
	spans []Span
	rows  map[string][]byte
}

// hotOf finds or reads the mirror of a group; nil: the machine wants none.
func (s *Store) hotOf(group uint64) (*hot, error) {
	w, ok := s.machine.(Warmer)
	if !ok {
		return nil, nil
	}
	s.hotMu.Lock()
	defer s.hotMu.Unlock()
	if h := s.hots[group]; h != nil {
		return h, nil
	}
	h := &hot{spans: w.Hot(group), rows: map[string][]byte{}}
	for _, sp := range h.spans {
		if err := h.load(s.db, sp); err != nil {
			return nil, s.guard.Fail("read", err)
		}
	}
	s.hots[group] = h
	return h, nil
}

// cool drops the mirror of a group whose state is another one now.
func (s *Store) cool(group uint64) {
	s.hotMu.Lock()
	defer s.hotMu.Unlock()
	delete(s.hots, group)
}

func (h *hot) load(r pebble.Reader, sp Span) (err error) {
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: sp.From, UpperBound: sp.To})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.First(); ok; ok = it.Next() {
		h.rows[string(it.Key())] = bytes.Clone(it.Value())
	}
	return it.Error()
}

func (h *hot) has(key []byte) bool {
	for _, sp := range h.spans {
		if bytes.Compare(sp.From, key) <= 0 && bytes.Compare(key, sp.To) < 0 {
			return true
		}
	}
	return false
}

// follow carries out what was written.
func (h *hot) follow(ops batchrepr.Reader) error {
	for len(ops) > 0 {
		kind, key, value, ok, err := ops.Next()
		if err != nil || !ok {
			return err
		}
		switch kind {
		case pebble.InternalKeyKindSet:
			if h.has(key) {
				h.rows[string(key)] = bytes.Clone(value)
			}
		case pebble.InternalKeyKindDelete:
			delete(h.rows, string(key))
		case pebble.InternalKeyKindRangeDelete:
			h.drop(Span{key, value})
		default:
			return fmt.Errorf("state: the machine has written a record of kind %v", kind)
		}
	}
	return nil
}

// drop removes the rows of a range.
func (h *hot) drop(gone Span) {
	touched := false
	for _, sp := range h.spans {
		touched = touched || bytes.Compare(gone.From, sp.To) < 0 && bytes.Compare(sp.From, gone.To) < 0
	}
	if !touched {
		return
	}
	from, to := string(gone.From), string(gone.To)
	for k := range h.rows {
		if from <= k && k < to {
			delete(h.rows, k)
		}
	}
}

// ahead is the state as an entry finds it: that of the entries before, which are not committed yet.
type ahead struct {
	*pebble.Batch
	hot *hot
}

// Get implements pebble.Reader.
func (a ahead) Get(key []byte) ([]byte, io.Closer, error) {
	if a.hot == nil || !a.hot.has(key) {
		return a.Batch.Get(key)
	}
	v, ok := a.hot.rows[string(key)]
	if !ok {
		return nil, nil, pebble.ErrNotFound
	}
	return v, open{}, nil
}

// open is the closer of what need not be closed.
type open struct{}

func (open) Close() error { return nil }
