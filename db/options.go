// SPDX-License-Identifier: Apache-2.0

package db

import (
	"fmt"
	"reflect"

	"github.com/banyan-go/banyan/db/internal/txn"
)

// TableOption is an option of NewTable. Tables that exist must be opened with the options that they were created with.
type TableOption interface{ apply(*tableOptions) error }

type tableOptions struct {
	def  definition
	part any // func(K) []byte; nil: of the whole key
}

type tableOption func(*tableOptions) error

func (f tableOption) apply(o *tableOptions) error { return f(o) }

// Storage says where the rows of a table are kept.
type Storage byte

// The kinds of storage.
const (
	// Disk: on the disk, with what is read often in memory.
	Disk Storage = iota
	// RAM: in memory only. The table is empty after the process has ended. A transaction that also writes to tables on the disk is as durable as each of them: after a
	// crash the rows on the disk are there, and those in memory are not.
	RAM
	// DiskRAM: on the disk, and besides as a whole in memory, from where Dirty reads.
	DiskRAM
)

// String implements fmt.Stringer.
func (s Storage) String() string {
	switch s {
	case Disk:
		return "disk"
	case RAM:
		return "ram"
	case DiskRAM:
		return "disk+ram"
	}
	return fmt.Sprintf("storage %d", byte(s))
}

func (s Storage) class() txn.Class {
	if s == RAM {
		return txn.RAM
	}
	return txn.Disk
}

// Stored says where the rows of a table are kept; without it, on the disk.
func Stored(s Storage) TableOption {
	return tableOption(func(o *tableOptions) error {
		if s > DiskRAM {
			return fmt.Errorf("%w: %v is not known", ErrStorage, s)
		}
		o.def.Storage = s
		return nil
	})
}

// Partitioned spreads the rows of a table over 4096 slots, and so over all groups, by a hash of the whole key. A transaction over rows of several groups
// takes two rounds instead of one; going through a range asks all groups, and puts what they have in the order of the keys. Without the option, or
// PartitionBy, a table lies in one slot of one group: one round for any transaction in it, and one group's throughput.
func Partitioned() TableOption {
	return tableOption(func(o *tableOptions) error {
		o.def.Part, o.part = "key", nil
		return nil
	})
}

// PartitionBy is Partitioned by a part of the key: rows whose partition keys have the same bytes are together in one slot, those of other tables that are
// partitioned included, so that a transaction over them takes one round: orders and their lines by the customer, say. The name says what the partition key is, and is
// written down: fn must give the same bytes for ever, as long as the name is the same.
func PartitionBy[K any](name string, fn func(k K) []byte) TableOption {
	return tableOption(func(o *tableOptions) error {
		if name == "" || name == "key" {
			return fmt.Errorf("%q cannot name a partition key", name)
		}
		o.def.Part, o.part = name, fn
		return nil
	})
}

// partition takes the function of PartitionBy as one of keys K.
func partition[K any](o *tableOptions) (func(K) []byte, error) {
	if o.part == nil {
		return nil, nil
	}
	fn, ok := o.part.(func(K) []byte)
	if !ok {
		return nil, fmt.Errorf("the partition key is taken from a %v, and keys are %v", reflect.TypeOf(o.part).In(0), reflect.TypeFor[K]())
	}
	return fn, nil
}
