// SPDX-License-Identifier: Apache-2.0

package clone

import (
	"fmt"
	"reflect"
	"testing"
	"unsafe"
)

// node is a type in which every kind of holder can hold every other.
type node struct {
	n     int
	s     string
	bytes []byte
	nums  []int64
	p     *node
	ns    []node
	ps    []*node
	arr   [2]*int
	ms    map[string]*node
	mi    map[int][]string
	mk    map[point]any
	a     any
	as    []any
}

// maker builds a value out of fuzz bytes; pool lets it share and close cycles.
type maker struct {
	b    []byte
	pool []*node
}

func (m *maker) next() byte {
	if len(m.b) == 0 {
		return 0
	}
	c := m.b[0]
	m.b = m.b[1:]
	return c
}

func (m *maker) ptr(depth int) *node {
	switch c := m.next(); {
	case c == 0 || depth > 6:
		return nil
	case c < 80 && len(m.pool) > 0:
		return m.pool[int(c)%len(m.pool)]
	}
	n := &node{}
	m.pool = append(m.pool, n)
	m.fill(n, depth+1)
	return n
}

func (m *maker) fill(n *node, depth int) {
	n.n, n.s = int(m.next()), fmt.Sprint(m.next())
	for range m.next() % 4 {
		switch m.next() % 11 {
		case 0:
			n.bytes = make([]byte, m.next()%8)
		case 1:
			n.nums = make([]int64, m.next()%8, 10)
		case 2:
			n.p = m.ptr(depth)
		case 3:
			if depth < 4 {
				n.ns = make([]node, m.next()%3)
				for i := range n.ns {
					m.fill(&n.ns[i], depth+1)
				}
			}
		case 4:
			n.ps = []*node{m.ptr(depth), m.ptr(depth)}
		case 5:
			n.arr[m.next()%2] = new(int)
		case 6:
			n.ms = map[string]*node{"a": m.ptr(depth), "b": m.ptr(depth)}
		case 7:
			n.mi = map[int][]string{int(m.next()): {"x"}}
		case 8:
			n.mk = map[point]any{{x: int(m.next())}: m.ptr(depth)}
		case 9:
			n.a = m.any(depth)
		case 10:
			n.as = []any{m.any(depth), m.any(depth)}
		}
	}
}

func (m *maker) any(depth int) any {
	switch m.next() % 7 {
	case 0:
		return int(m.next())
	case 1:
		return m.ptr(depth)
	case 2:
		return []int{1, 2}
	case 3:
		return map[string]any{"k": m.ptr(depth)}
	case 4:
		v := node{}
		if depth < 4 {
			m.fill(&v, depth+1)
		}
		return v
	case 5:
		return [1]*int{new(int)}
	}
	return nil
}

// scribble writes to everything that can be reached from v and written.
func scribble(v reflect.Value, done map[unsafe.Pointer]bool) {
	if v.CanAddr() { // unexported fields too
		v = reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem()
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() || done[v.UnsafePointer()] {
			return
		}
		done[v.UnsafePointer()] = true
		scribble(v.Elem(), done)
	case reflect.Interface:
		if v.IsNil() {
			return
		}
		// What lies in an interface is reached through a copy of the box that shares what it points to.
		c := reflect.New(v.Elem().Type()).Elem()
		c.Set(v.Elem())
		scribble(c, done)
	case reflect.Struct:
		for i := range v.NumField() {
			scribble(v.Field(i), done)
		}
	case reflect.Array, reflect.Slice:
		if v.Kind() == reflect.Slice && v.Len() > 0 {
			if done[v.UnsafePointer()] {
				return
			}
			done[v.UnsafePointer()] = true
		}
		for i := range v.Len() {
			scribble(v.Index(i), done)
		}
	case reflect.Map:
		if v.IsNil() || done[v.UnsafePointer()] {
			return
		}
		done[v.UnsafePointer()] = true
		for it := v.MapRange(); it.Next(); {
			c := reflect.New(it.Value().Type()).Elem()
			c.Set(it.Value())
			scribble(c, done)
		}
		v.Clear()
	case reflect.Int, reflect.Int64:
		v.SetInt(v.Int() + 1000)
	case reflect.Uint8:
		v.SetUint(v.Uint() ^ 0x55)
	case reflect.String:
		v.SetString("scribbled")
	}
}

// FuzzCopy: a copy is equal to its original, and whatever is done to the copy leaves the original alone.
func FuzzCopy(f *testing.F) {
	for seed := range 200 {
		b := make([]byte, 150)
		x := uint32(seed)*2654435761 + 1
		for i := range b {
			x ^= x << 13
			x ^= x >> 17
			x ^= x << 5
			b[i] = byte(x >> 8)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var src, witness node
		(&maker{b: b}).fill(&src, 0)
		(&maker{b: b}).fill(&witness, 0) // the same value, made again
		dst := must(src)
		if !reflect.DeepEqual(src, dst) {
			t.Fatal("the copy differs")
		}
		p := of[node]()
		if a, b := p.Size(unsafe.Pointer(&src)), p.Size(unsafe.Pointer(&dst)); a != b || a < int(unsafe.Sizeof(src)) {
			t.Fatal("size", a, b)
		}
		scribble(reflect.ValueOf(&dst), make(map[unsafe.Pointer]bool))
		if !reflect.DeepEqual(src, witness) {
			t.Fatal("the original changed")
		}
	})
}
