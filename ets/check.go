// SPDX-License-Identifier: Apache-2.0

package ets

import (
	"fmt"
	"hash/maphash"
	"reflect"

	"github.com/banyan-go/banyan"
)

// Violation is a row that changed while it was in a table, found in debug mode: its type says that it is immutable, by a
// method Immutable, and somebody wrote to it all the same.
type Violation struct {
	Table banyan.Atom
	Type  string // of the value
	Key   string
}

// Error says which row it was.
func (v Violation) Error() string {
	return fmt.Sprintf("ets %s: the row of %s changed inside the table: a %s was written to although it is shared; copy it before you change it",
		v.Table, v.Key, v.Type)
}

// checker compares rows with what they looked like when they came in.
type checker[K comparable, V any] struct {
	seed   maphash.Seed
	table  banyan.Atom
	report func(Violation)
}

func newChecker[K comparable, V any](table banyan.Atom, report func(Violation)) *checker[K, V] {
	if report == nil {
		report = func(v Violation) { panic(v) }
	}
	return &checker[K, V]{maphash.MakeSeed(), table, report}
}

func (c *checker[K, V]) note(b *block[K, V], k K, v V) {
	if b.prints == nil {
		b.prints = make(map[K]uint64)
	}
	b.prints[k] = c.print(v)
}

// verify reports whether a row still looks as it did. It is called with b locked, so who calls it unlocks before violated.
func (c *checker[K, V]) verify(b *block[K, V], k K, v V) bool {
	want, ok := b.prints[k]
	return !ok || c.print(v) == want
}

func (c *checker[K, V]) violated(k K, v V) {
	c.report(Violation{c.table, fmt.Sprintf("%T", v), fmt.Sprint(k)})
}

func (c *checker[K, V]) print(v V) uint64 {
	var h maphash.Hash
	h.SetSeed(c.seed)
	p := printer{h: &h}
	p.value(reflect.ValueOf(&v).Elem(), 0)
	return h.Sum64()
}

// printer writes all that a value consists of into a hash, through pointers and unexported fields.
type printer struct {
	h    *maphash.Hash
	seen map[uintptr]bool // pointers and maps on the way down: a cycle ends there
}

const printDepth = 100

func (p *printer) word(n uint64) { maphash.WriteComparable(p.h, n) }

func (p *printer) value(v reflect.Value, depth int) {
	p.word(uint64(v.Kind()))
	if depth > printDepth {
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		maphash.WriteComparable(p.h, v.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		p.word(uint64(v.Int()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		p.word(v.Uint())
	case reflect.Float32, reflect.Float64:
		maphash.WriteComparable(p.h, v.Float())
	case reflect.Complex64, reflect.Complex128:
		maphash.WriteComparable(p.h, v.Complex())
	case reflect.String:
		p.word(uint64(v.Len()))
		p.h.WriteString(v.String())
	case reflect.Slice, reflect.Array:
		p.word(uint64(v.Len()))
		for i := range v.Len() {
			p.value(v.Index(i), depth+1)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			p.value(v.Field(i), depth+1)
		}
	case reflect.Map:
		p.entries(v, depth)
	case reflect.Pointer:
		p.pointer(v, depth)
	case reflect.Interface:
		if !v.IsNil() {
			p.h.WriteString(v.Elem().Type().String())
			p.value(v.Elem(), depth+1)
		}
	case reflect.Chan, reflect.Func, reflect.UnsafePointer:
		p.word(uint64(v.Pointer()))
	}
}

func (p *printer) pointer(v reflect.Value, depth int) {
	at := v.Pointer()
	switch {
	case at == 0:
		p.word(0)
		return
	case p.seen[at]:
		p.word(1)
		return
	}
	p.word(2)
	if p.seen == nil {
		p.seen = make(map[uintptr]bool)
	}
	p.seen[at] = true
	p.value(v.Elem(), depth+1)
	delete(p.seen, at)
}

// entries adds up the hashes of a map's entries, which come in any order.
func (p *printer) entries(v reflect.Value, depth int) {
	p.word(uint64(v.Len()))
	var sum uint64
	for it := v.MapRange(); it.Next(); {
		var h maphash.Hash
		h.SetSeed(p.h.Seed())
		one := printer{&h, p.seen}
		one.value(it.Key(), depth+1)
		one.value(it.Value(), depth+1)
		sum += h.Sum64()
	}
	p.word(sum)
}
