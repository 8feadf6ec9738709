// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"cmp"
	"slices"
)

// Kind says what an Event tells.
type Kind uint8

// The kinds.
const (
	// Snapshot has all members in Members. It comes first; and again in place of events that a slow reader would have had.
	Snapshot Kind = iota + 1
	// Joined: Member is new, or a new incarnation.
	Joined
	// StateChanged: Member.State is another than Was.State.
	StateChanged
	// ReachChanged: Member.Reach is another than Was.Reach.
	ReachChanged
	// Updated: something else that Member says of itself. Load reports are no events.
	Updated
	// Forgotten: a member that was over, or silent for very long, is no longer known.
	Forgotten
)

var kinds = [...]string{"none", "snapshot", "joined", "state", "reach", "updated", "forgotten"}

// String is a word for the kind.
func (k Kind) String() string { return kinds[min(int(k), len(kinds)-1)] }

// Event is a change of the membership as this node sees it. Several kinds of change at once are several events.
type Event struct {
	Kind Kind
	// Member is how it is now, Was how it was: zero if Joined as a new name.
	Member, Was Member
	// Members are all, sorted by name, of a Snapshot. It must not be changed.
	Members []Member
}

// Immutable lets events be sent without a copy.
func (Event) Immutable() {}

func byName(a, b Member) int { return cmp.Compare(a.Name, b.Name) }

// difference is the events that lead from one view of a name to another. Each step is a member that could have been.
func difference(was Member, had bool, is Member, has bool) (events []Event) {
	add := func(k Kind, m Member) {
		events = append(events, Event{Kind: k, Member: m, Was: was})
		was = m
	}
	switch {
	case !had && !has:
		return nil
	case !has:
		add(Forgotten, was)
		return events
	case !had:
		add(Joined, is)
		return events
	}
	if is.Instance != was.Instance {
		if !was.State.Over() && is.Incarnation > was.Incarnation {
			gone := was
			gone.State = Down
			add(StateChanged, gone)
		}
		add(Joined, is)
		return events
	}
	if is.State != was.State {
		m := was
		m.State = is.State
		add(StateChanged, m)
	}
	if is.Reach != was.Reach {
		m := was
		m.Reach, m.Via = is.Reach, is.Via
		add(ReachChanged, m)
	}
	if is.Incarnation != was.Incarnation || is.Addr != was.Addr || is.Via != was.Via || is.Zone != was.Zone || is.Weight != was.Weight ||
		is.Version != was.Version || is.Creation != was.Creation || !slices.Equal(is.Roles, was.Roles) {
		add(Updated, is)
	}
	return events
}
