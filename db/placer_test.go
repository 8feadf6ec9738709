// SPDX-License-Identifier: Apache-2.0

package db

import (
	"testing"

	"github.com/banyan-go/banyan/db/internal/placement"
)

// TestFew: a group that has fewer voters than three that are heard, or than it shall have, does not wait for others to have moved.
func TestFew(t *testing.T) {
	voter := placement.Replica{Voter: true, Heard: true}
	silent := placement.Replica{Voter: true}
	learner := placement.Replica{Heard: true}
	for _, c := range []struct {
		what   string
		copies int
		has    []placement.Replica
		want   bool
	}{
		{"new", 3, []placement.Replica{voter}, true},
		{"on its way to three", 3, []placement.Replica{voter, learner, learner}, true},
		{"all there", 3, []placement.Replica{voter, voter, voter}, false},
		{"one is silent", 3, []placement.Replica{voter, voter, silent}, true},
		{"three of five", 5, []placement.Replica{voter, voter, voter, learner}, false},
		{"two of five", 5, []placement.Replica{voter, voter, silent, silent, silent}, true},
		{"one copy is all that it shall have", 1, []placement.Replica{voter}, false},
	} {
		if got := few(placement.Group{Rule: placement.Rule{Copies: c.copies}, Replicas: c.has}); got != c.want {
			t.Errorf("%s: %v", c.what, got)
		}
	}
}
