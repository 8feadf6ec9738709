// SPDX-License-Identifier: Apache-2.0

package twophase

import (
	"context"
	"errors"
	"time"

	"github.com/banyan-go/banyan/db/internal/txn"
)

var (
	// ErrNoQuorum: until the context ended, no leader with a majority could be found. Nothing was done.
	ErrNoQuorum = errors.New("no majority of replicas can be reached")
	// ErrUnknown: the context ended, or the database stopped, while the commit was under way. It may have been done.
	ErrUnknown = errors.New("the outcome of the transaction is unknown")
	// ErrTooLarge: the entry is larger than a log takes. Nothing was done.
	ErrTooLarge = errors.New("the transaction is too large")
	// ErrCrash is what everything ends with when a coordinator dies by way of World.Dies.
	ErrCrash = errors.New("the coordinator dies, as a test wants it")
)

// Shard is a group, as transactions see it, wherever its replicas are. An error
// that wraps host.ErrStopped says that this process's database has stopped; what other errors mean is said with each.
type Shard interface {
	// Confirm returns once every view that is opened afterwards has all that was committed before Confirm was called. After an error nothing is known: it
	// may be tried again.
	Confirm(ctx context.Context) error
	// Propose puts an encoded txn.Entry into the group's log, once, and returns how it ended. After an error that wraps host.ErrUnknown it may be carried out,
	// now or later; host.ErrTooLarge will not get better; after others nothing has happened, and it may be proposed again.
	Propose(ctx context.Context, data []byte) (txn.Outcome, error)
	// Consult asks about a state that is as new as that of a view; see txn.Look. After an error it may be asked again.
	Consult(ctx context.Context, e *txn.Entry) (txn.Seen, error)
}

// World is all that a coordinator has to do with.
type World interface {
	// Shard finds a group.
	Shard(group uint64) (Shard, error)
	// Stopped is why the database has stopped.
	Stopped() error
	// Now is the time, for patience only: nothing that is decided depends on it.
	Now() time.Time
	// Pause waits a moment before another attempt, the longer the more there were. It fails when ctx ends, or the database is closed.
	Pause(ctx context.Context, attempt int) error
	// Each calls do for all numbers below n, at the same time, and returns when all have returned. The first error ends the context of the others, and is
	// returned.
	Each(ctx context.Context, n int, do func(ctx context.Context, i int) error) error
	// Later calls do again and again in the background, until it returns nil or ErrCrash, or the database is closed. What is left undone then is done at the
	// next start, or by whoever meets it.
	Later(do func(ctx context.Context) error)
	// Dies is where tests let the coordinator die.
	Dies(step string) bool
}

// The steps between which a coordinator may die; see World.Dies.
const (
	StepBegin    = "begin"    // nothing is done
	StepPartly   = "partly"   // one group is prepared
	StepPrepared = "prepared" // all groups are prepared, but for the one that decides
	StepDecided  = "decided"  // the transaction is committed, and no lock is given back
	StepResolved = "resolved" // one lock is given back
)
