// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"time"

	"github.com/banyan-go/banyan/db/internal/tenure"
)

// never is a lag of what had no contact at all.
const never = time.Duration(1<<63 - 1)

// asked notes that the replica here has all that its leader had at a moment: when the leader was asked, not when its answer came. What merely arrives from a leader says little: it may have
// waited in a queue, while this process stood still or the network was slow.
func (s *spread) asked(at time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.newAt = max(s.newAt, at)
}

// lag implements shard: how long ago the replica here had all that there was, at the least.
func (s *spread) lag() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.newAt == 0 {
		return never
	}
	return tenure.Clock() - s.newAt
}

// refresh implements shard. It asks once at a time.
func (s *spread) refresh() {
	if !s.refreshing.CompareAndSwap(false, true) {
		return
	}
	s.m.run(func(ctx context.Context) {
		defer s.refreshing.Store(false)
		ctx, cancel := context.WithTimeout(ctx, catchUp)
		defer cancel()
		_ = s.Confirm(ctx) // who reads beyond the bound asks himself, and hears why not
	})
}
