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
	// RAM: in memory only, of the nodes that have a replica. A node that is started anew gets its replica from the others. When a majority of a group's voters has ended at
	// once, what was in the group is lost: the table is there, the rows are not, and DB.OnLost tells so. With one voter, as on one or two nodes, its end is enough. A transaction that also writes to tables on the disk is as durable as each of them: after a
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

// Everywhere as the number of Replicas: each node has a copy, and three of them vote. Reads are local on all nodes, which is for tables that are small and read often.
const Everywhere = txn.Everywhere

// Replicas says on how many nodes a row is: 1, 3, which is the default, 5, 7 or Everywhere. With 3, a write waits for two of them, and one may be lost without a row or a
// pause being lost; with 5 it is two that may be lost. Even numbers cost a copy and allow the loss of no node more, so there are none. Where there are fewer nodes, there are fewer
// copies, until nodes come: Inspector.Tables says so.
func Replicas(n int) TableOption {
	return tableOption(func(o *tableOptions) error {
		if _, ok := txn.ClassFor(false, n); !ok {
			return fmt.Errorf("%w: %d: it is 1, 3, 5, 7 or Everywhere", ErrReplicas, n)
		}
		o.def.Copies = n
		return nil
	})
}

func copiesText(n int) string {
	if n == Everywhere {
		return "all nodes"
	}
	return fmt.Sprintf("%d nodes", n)
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
