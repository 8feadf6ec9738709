// SPDX-License-Identifier: Apache-2.0

package ets

import (
	"fmt"

	"github.com/banyan-go/banyan"
)

// OpenSet gives a handle to the table of that name on the node of by, if by may write to it: everybody if it is public, else its
// owner. Errors: ErrNoTable, ErrAccess, ErrTableType.
func OpenSet[K comparable, V any](by banyan.Spawner, name banyan.Atom) (*Set[K, V], error) {
	return open(by, name, kindSet, true, setOf[K, V])
}

// ReadSet is OpenSet for reading, which also a protected table allows.
func ReadSet[K comparable, V any](by banyan.Spawner, name banyan.Atom) (Reader[K, V], error) {
	return open(by, name, kindSet, false, readerOf[K, V])
}

// OpenOrderedSet is OpenSet for an ordered table.
func OpenOrderedSet[K comparable, V any](by banyan.Spawner, name banyan.Atom) (*OrderedSet[K, V], error) {
	return open(by, name, kindOrdered, true, orderedOf[K, V])
}

// ReadOrderedSet is ReadSet for an ordered table.
func ReadOrderedSet[K comparable, V any](by banyan.Spawner, name banyan.Atom) (OrderedReader[K, V], error) {
	return open(by, name, kindOrdered, false, func(c *core[K, V], i *info) OrderedReader[K, V] {
		return orderedOf(c, i).ReadOnly()
	})
}

func open[K comparable, V, H any](by banyan.Spawner, name banyan.Atom, kind string, writes bool, handle func(*core[K, V], *info) H) (h H, err error) {
	w, err := caller(by)
	if err != nil {
		return h, opError("open", name, err)
	}
	e, err := w.find(name)
	if err != nil {
		return h, opError("open", name, err)
	}
	k, ok := e.table.(*keptCore[K, V])
	if !ok || e.kind != kind {
		return h, opError("open", name, fmt.Errorf("%w: it is a %s from %s, not a %s from %s", ErrTableType,
			e.kind, e.types, kind, typesOf[K, V]()))
	}
	if mine := e.ownerNow() == w.pid; !mine && (e.access == Private || writes && e.access == Protected) {
		return h, opError("open", name, fmt.Errorf("%w: the table is %v and belongs to %v", ErrAccess, e.access, e.ownerNow()))
	}
	h = handle(k.core, e.info)
	return h, nil
}
