// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"time"

	"github.com/banyan-go/banyan/db/internal/twophase"
	"github.com/banyan-go/banyan/db/internal/txn"
)

// shard is a group, as transactions see it, wherever its replicas are. Its methods may be called from any goroutine. An error
// that wraps host.ErrStopped says that this process's database has stopped; what other errors mean is said with each.
type shard interface {
	twophase.Shard
	// view opens the group's state of one moment. It may be an old one, if Confirm was not called before.
	view(ctx context.Context) (view, error)
	// lag is how old what the replica here has may be, refresh has that become less, without waiting for it.
	lag() time.Duration
	refresh()
}

// view is the state of one group at one moment. It belongs to one goroutine, and must be closed.
type view interface {
	// at is the index of the last entry in it.
	at() uint64
	// get reads a row; version 0: it is not there. The value belongs to the caller.
	get(ctx context.Context, key []byte) (row, error)
	// page reads the first rows of a range, or with backward the last ones, at most max of each slot. The rows belong to the caller.
	page(ctx context.Context, s txn.Scan, backward bool, max int) ([]run, error)
	// writers are those whose outcome may be that what the entry has read is not what it seems.
	writers(ctx context.Context, e *txn.Entry) ([]txn.Holder, error)
	close()
}

// row is a stored row.
type row struct {
	key, value []byte
	version    uint64
}

// run is what a page has of one slot: rows in order, falling ones if the page is a backward one.
type run struct {
	rows []row
	more bool // there are further ones in the range
}
