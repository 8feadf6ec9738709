// SPDX-License-Identifier: Apache-2.0

package clone

import (
	"reflect"
	"sync"
	"sync/atomic"
	"unsafe"
)

// The types that the tests copy and refuse.

type point struct {
	x, y int
	name string
}

type line struct {
	sku  string
	qty  int
	tags []string
}

type order struct {
	ID    uint64
	lines []line
	by    map[string]int
	sets  map[string]struct{}
	deep  map[string][]int
	keyed map[point]*line
	next  *point
	arr   [2][]byte
	note  string
	flag  bool
	any   any
	err   error
}

type list struct {
	v    int
	next *list
}

type graph struct {
	name  string
	edges []*graph
	byKey map[string]*graph
}

type frozen struct{ data []int }

func (frozen) Immutable() {}

type frozenPtr struct{ data []int }

func (*frozenPtr) Immutable() {}

// promoted gets Immutable from a field, which must not count.
type promoted struct {
	frozen
	lines []int
}

type cloner struct {
	data  []int
	calls *int
}

func (c cloner) Clone() cloner {
	*c.calls++
	return cloner{data: append([]int(nil), c.data...), calls: c.calls}
}

type clonerPtr struct{ data []int }

func (c *clonerPtr) Clone() *clonerPtr { return &clonerPtr{append([]int{-1}, c.data...)} }

type clonerAddr struct{ data []int }

func (c *clonerAddr) Clone() clonerAddr { return clonerAddr{append([]int{-2}, c.data...)} }

type myErr struct{ why []string }

func (e *myErr) Error() string { return "mine" }

// errEmbeds is an error only by what it embeds.
type errEmbeds struct {
	error
	lines []int
}

type spin struct{ v int32 }

func (*spin) Lock()   {}
func (*spin) Unlock() {}

type refusedLine struct{ done chan struct{} }

type refusedOrder struct {
	Lines []refusedLine
}

type hook struct{ f func() }

type guarded struct {
	sync.Mutex
	n int
}

type noCompare struct {
	_ [0]func()
	n int
}

type locked struct {
	mu   sync.Mutex
	seen atomic.Int64
	ch   chan int
}

func (*locked) Immutable() {}

func of[T any]() *Plan {
	p, err := Of(reflect.TypeFor[T]())
	if err != nil {
		panic(err)
	}
	return p
}

func cp[T any](v T) (T, error) {
	var out T
	p, err := Of(reflect.TypeFor[T]())
	if err != nil {
		return out, err
	}
	if err = p.Copy(unsafe.Pointer(&out), unsafe.Pointer(&v)); err != nil {
		return out, err
	}
	// In place it must come to the same; the copy of the copy is what the tests then look at.
	err = p.Copy(unsafe.Pointer(&out), unsafe.Pointer(&out))
	return out, err
}

func must[T any](v T) T {
	out, err := cp(v)
	if err != nil {
		panic(err)
	}
	return out
}
