// SPDX-License-Identifier: Apache-2.0

package state

import "github.com/cockroachdb/pebble/v2"

// Watcher hears what changes in a store, after it has changed and before anybody hears that it has. It is called on the goroutine that applies, which waits for it.
type Watcher interface {
	// Applied: the batch of some entries of a group. It must not be kept.
	Applied(group uint64, b *pebble.Batch)
	// Replaced: a group's state was replaced as a whole, or removed.
	Replaced(group uint64)
}

// Watch sets the watcher. It must be called before anything is applied.
func (s *Store) Watch(w Watcher) { s.watcher = w }

func (s *Store) replaced(group uint64) {
	s.cool(group)
	if s.watcher != nil {
		s.watcher.Replaced(group)
	}
}
