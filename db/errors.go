// SPDX-License-Identifier: Apache-2.0

package db

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/banyan-go/banyan/db/internal/disk"
	"github.com/banyan-go/banyan/db/internal/twophase"
	"github.com/banyan-go/banyan/db/internal/txn"
)

var (
	// ErrConflict: until the context ended, what the transaction had read was changed by others each time. Nothing was done. Try again
	// later; if it comes often, read fewer rows, or narrower ranges.
	ErrConflict = errors.New("the transaction was overtaken by others")
	// ErrNoQuorum: until the context ended, no leader with a majority could be found. Nothing was done; try again.
	ErrNoQuorum = twophase.ErrNoQuorum
	// ErrUnknown: the context ended, or the database stopped, while the commit was under way. It may have been done. The error is an *UnknownError, whose ID
	// DB.Outcome takes.
	ErrUnknown = twophase.ErrUnknown
	// ErrExists: Create found the key.
	ErrExists = errors.New("the key exists")
	// ErrNoTable: the table was dropped, or never created.
	ErrNoTable = errors.New("no such table")
	// ErrType: the table exists with another type of key or value, or with other options.
	ErrType = errors.New("the table is another one")
	// ErrStorage: there is no such kind of storage.
	ErrStorage = errors.New("the table cannot be stored like that")
	// ErrReplicas: a table cannot have that many copies.
	ErrReplicas = errors.New("no table has that many replicas")
	// ErrReadOnly: a write in DB.View.
	ErrReadOnly = errors.New("a view cannot write")
	// ErrTxDone: the transaction was used after its function had returned.
	ErrTxDone = errors.New("the transaction is over")
	// ErrTooLarge: the transaction has more writes, or has read more, than one entry takes (4 MB). Split it.
	ErrTooLarge = twophase.ErrTooLarge
	// ErrFormat: the folder was written by a version of this package whose files this one does not read. What is in it can be read by that version only.
	ErrFormat = errors.New("the folder has another format")
	// ErrOtherDatabase: a node that is linked serves another database than the one in this node's folder. Databases are never merged: give one of the
	// two an empty folder, or keep their nodes apart.
	ErrOtherDatabase = errors.New("the node serves another database")
	// ErrClosed: the database was closed.
	ErrClosed = errors.New("the database is closed")
	// ErrDead: the disk failed under the database. Nothing more can be written: end the process and start it again, when the disk is
	// well. What was acknowledged is on the disk.
	ErrDead = disk.ErrDead
)

// TxID names a transaction whose outcome is not known. It is of use as long as the DB it came from is open.
type TxID struct {
	session txn.Session
	seq     uint64
	group   uint64 // knows how it ended
}

// String implements fmt.Stringer.
func (id TxID) String() string {
	return fmt.Sprintf("%x-%d", binary.BigEndian.Uint64(id.session[8:]), id.seq)
}

// UnknownError is ErrUnknown with the transaction's name.
type UnknownError struct {
	ID  TxID
	Err error // why it is unknown
}

// Error implements error.
func (e *UnknownError) Error() string { return fmt.Sprintf("transaction %v: %v", e.ID, e.Err) }

// Is makes it an ErrUnknown.
func (e *UnknownError) Is(target error) bool { return target == ErrUnknown }

// Unwrap gives the reason.
func (e *UnknownError) Unwrap() error { return e.Err }
