// SPDX-License-Identifier: Apache-2.0

package ets

import (
	"errors"

	"github.com/banyan-go/banyan"
)

// The errors of tables, beside banyan.ErrNameTaken. They come inside a *banyan.OpError that names the table.
var (
	// ErrNoTable: the table was deleted, or died with its owner, or the handle is void because a table that is not public
	// has a new owner. Open it again, by name, or ask who has it now.
	ErrNoTable = errors.New("no such table")
	// ErrFull: the table has as many rows as its cap allows. Delete some, or make it with Evict.
	ErrFull = errors.New("table is full")
	// ErrAccess: the table is private or protected, and the process that asks is not its owner.
	ErrAccess = errors.New("not allowed for this process")
	// ErrTableType: the table has another kind, or other types of keys and values, than asked for.
	ErrTableType = errors.New("table of another type")
	// ErrBounds: the text is no key of the table, or the table has no order.
	ErrBounds = errors.New("not the bounds of this table")
	// ErrNoRow: a remote or checked read found no row of that key.
	ErrNoRow = errors.New("no row of this key")
	// ErrCorrupt: a file, or a page from another node, is not what it should be. Nothing was loaded from it.
	ErrCorrupt = errors.New("data are damaged")
)

func opError(op string, table banyan.Atom, err error) error {
	return &banyan.OpError{Op: "ets " + op, To: string(table), Err: err}
}
