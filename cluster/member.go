// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"time"

	"github.com/banyan-go/banyan"
)

// State is where a member stands. Joining, Up, Draining and Left are what a node says of itself; Down is what others have
// established of it, and final for that incarnation. That a node is not heard of is no state: see Reach.
type State uint8

// The states.
const (
	// Joining: it is not yet established that no other node has its name.
	Joining State = iota + 1
	// Up: it takes part.
	Up
	// Draining: it finishes what it has, and gets nothing new.
	Draining
	// Left: it has said goodbye.
	Left
	// Down: it is gone, and will not come back in this incarnation: a successor of its name has taken over, or Forget was called.
	Down
)

var states = [...]string{"none", "joining", "up", "draining", "left", "down"}

// String is the state in lower case.
func (s State) String() string { return states[min(int(s), len(states)-1)] }

// Over reports whether the member's life has ended: Left or Down.
func (s State) Over() bool { return s == Left || s == Down }

// Reach is how well this node hears a member. It is this node's own view, no proof of anything, and can change back.
type Reach uint8

// The grades.
const (
	// Reachable: nothing is known against it.
	Reachable Reach = iota
	// Indirect: this node has no straight way to it, and others do hear it. Links to it were given up; new calls go through the member
	// Via, or will as soon as that way is made. Known within a second.
	Indirect
	// Suspect: nothing comes over the link to it, or there is none although there should be: it was lost, or cannot be made. A loss is known
	// at once, silence within a second. Whether anybody else hears it is not known.
	Suspect
	// Unreachable: nobody that we hear of hears it. Known after seconds.
	Unreachable
)

var reaches = [...]string{"reachable", "indirect", "suspect", "unreachable"}

// String is the grade in lower case.
func (r Reach) String() string { return reaches[min(int(r), len(reaches)-1)] }

// Incarnation numbers the lives of a name, rising. It is the time of the start in nanoseconds, or one more than that of the
// predecessor if that is higher.
type Incarnation uint64

// Member is what this node knows of a node of the cluster, itself included.
type Member struct {
	// Name is the node's name.
	Name banyan.Atom
	// Incarnation numbers its lives, Instance was drawn at random at its start; Creation is the one in its pids.
	Incarnation Incarnation
	Instance    uint64
	Creation    uint32
	// State is where it stands, Reach how well this node hears it.
	State State
	Reach Reach
	// Via is the member through which the link to it goes, when it is Indirect and there is one.
	Via banyan.Atom
	// Addr is where its gossip is reached.
	Addr string
	// Zone, Roles, Weight and Version are what its Config says. Roles must not be changed.
	Zone    string
	Roles   []string
	Weight  float64
	Version string
	// Load is its last report; Load.At is zero if there was none.
	Load Load
}

// Usable reports whether the member may get new work: it is Up, and Reachable or Indirect.
func (m Member) Usable() bool { return m.State == Up && (m.Reach == Reachable || m.Reach == Indirect) }

// Immutable lets members be sent without a copy.
func (Member) Immutable() {}

// Load is how busy a node is, as it said last.
type Load struct {
	// At is when this node heard of it, by its own clock.
	At time.Time
	// Runnable is how many goroutines wait for a processor, Processors how many there are.
	Runnable, Processors int
	// Memory is the bytes of the Go heap in use.
	Memory uint64
	// Processes is how many there are, Queued how many bytes wait in their mailboxes.
	Processes int
	Queued    int64
	// Turns is how many turns its processes had per second, lately. Negative: not measured.
	Turns float64
}
