// SPDX-License-Identifier: Apache-2.0

package host

import (
	"errors"
	"fmt"
)

var (
	// ErrNotLeader: the replica here does not lead its group: ask another. Nothing happened. See NotLeader for whom.
	ErrNotLeader = errors.New("this replica does not lead the group")
	// ErrNoGroup: no replica of the group is here. Nothing happened.
	ErrNoGroup = errors.New("no replica of the group is here")
	// ErrBusy: the group has as much under way as it may. Nothing happened; try again after a moment.
	ErrBusy = errors.New("the group has too much under way")
	// ErrTooLarge: the proposal is larger than an entry may be. Nothing happened.
	ErrTooLarge = errors.New("the proposal is too large")
	// ErrDropped: the proposal was overtaken by another leader's entries. Surely not applied; try again.
	ErrDropped = errors.New("the proposal was dropped")
	// ErrUnknown: leadership was lost, or the host stopped, while the proposal was under way: it may be applied or not, now or later.
	ErrUnknown = errors.New("the proposal's outcome is unknown")
	// ErrStopped: the host has stopped. Nothing happened.
	ErrStopped = errors.New("the raft host has stopped")
	// ErrRefused: the change of members does not fit the configuration. Nothing happened.
	ErrRefused = errors.New("the change of members was refused")
)

// NotLeader is ErrNotLeader with the leader that this replica knows of, 0 if none.
type NotLeader struct{ Replica, Node uint64 }

// Error implements error.
func (e *NotLeader) Error() string {
	if e.Replica == 0 {
		return ErrNotLeader.Error() + ", and knows of no leader"
	}
	return fmt.Sprintf("%v: replica %d on node %d does", ErrNotLeader, e.Replica, e.Node)
}

// Is makes it an ErrNotLeader.
func (e *NotLeader) Is(target error) bool { return target == ErrNotLeader }
