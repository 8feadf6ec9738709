// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"fmt"
	"reflect"
	"sync"
	"unsafe"
)

// mapScratch holds a key and a value while a map is read or written: reflection needs somewhere to put them.
type mapScratch struct {
	key, value reflect.Value
}

// mapping makes the plan of a map.
func (c *compiler) mapping(p *plan, as, path string) error {
	t := p.typ
	key, err := c.plan(t.Key(), "", path+"[key]")
	if err != nil {
		return err
	}
	value, err := c.plan(t.Elem(), as, path+"[]")
	if err != nil {
		return err
	}
	// A pool, as the values of a map may be maps of the same type.
	pool := &sync.Pool{New: func() any {
		return &mapScratch{reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()}
	}}
	release := func(s *mapScratch) {
		s.key.SetZero()
		s.value.SetZero()
		pool.Put(s)
	}
	p.enc = func(e *Encoder, p unsafe.Pointer) error {
		if err := e.enter(); err != nil {
			return err
		}
		m := reflect.NewAt(t, p).Elem()
		e.Map(m.Len())
		if m.Len() > 0 {
			s := pool.Get().(*mapScratch)
			defer release(s)
			for iter := m.MapRange(); iter.Next(); {
				s.key.SetIterKey(iter)
				if err := key.enc(e, s.key.Addr().UnsafePointer()); err != nil {
					return at(keyPath(s.key.Interface()), err)
				}
				s.value.SetIterValue(iter)
				if err := value.enc(e, s.value.Addr().UnsafePointer()); err != nil {
					return at(keyPath(s.key.Interface()), err)
				}
			}
		}
		e.depth--
		return nil
	}
	mayNotHash := hasInterface(t.Key())
	p.dec = func(d *Decoder, p unsafe.Pointer) error {
		start := d.pos
		n, err := d.MapHeader()
		if err != nil {
			return err
		}
		target := reflect.NewAt(t, p).Elem()
		if n == 0 {
			target.SetZero()
			return nil
		}
		if err := d.owe(start, 2*n); err != nil {
			return err
		}
		if err := d.enter(); err != nil {
			return err
		}
		m := reflect.MakeMapWithSize(t, min(n, max(1, int(firstGrowth/max(1, t.Key().Size()+t.Elem().Size())))))
		s := pool.Get().(*mapScratch)
		defer release(s)
		for i := range n {
			s.key.SetZero()
			s.value.SetZero()
			d.owed--
			pos := d.pos
			if err := key.dec(d, s.key.Addr().UnsafePointer()); err != nil {
				return at("[key]", err)
			}
			if mayNotHash && !s.key.Comparable() {
				d.pos = pos
				return at("[key]", d.want("a key that Go can hash"))
			}
			d.owed--
			if err := value.dec(d, s.value.Addr().UnsafePointer()); err != nil {
				return at(keyPath(s.key.Interface()), err)
			}
			m.SetMapIndex(s.key, s.value)
			if m.Len() != i+1 {
				return d.fail(start, "a map with the same key twice")
			}
		}
		target.Set(m)
		d.depth--
		return nil
	}
	return nil
}

// keyPath is the segment of a path that leads into a map.
func keyPath(key any) string {
	switch k := key.(type) {
	case string:
		return fmt.Sprintf("[%.40q]", k)
	case Atom:
		return fmt.Sprintf("[%.40s]", string(k))
	case int:
		return fmt.Sprintf("[%d]", k)
	}
	return fmt.Sprintf("[%T]", key)
}

// hasInterface reports whether hashing a t may meet a dynamic type that has no hash, which would panic.
func hasInterface(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Array:
		return hasInterface(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if hasInterface(t.Field(i).Type) {
				return true
			}
		}
	}
	return false
}
