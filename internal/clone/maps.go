// SPDX-License-Identifier: Apache-2.0

package clone

import (
	"maps"
	"reflect"
	"unsafe"
)

// mapOps are the two loops over a map, written once per memory layout of key and value. A map of a named type may be
// read as one of the plain type: how it lies in memory and how its keys are hashed depend on the kinds alone.
type mapOps struct {
	// fill copies *src into *dst, and calls noteMap before the new map holds anything.
	fill func(p *Plan, w *walk, dst, src unsafe.Pointer) error
	each func(p *Plan, w *walk, src unsafe.Pointer) int
}

func (p *Plan) linkMap() {
	p.maps = &mapOps{fillReflect, eachReflect}
	if p.key.flat {
		switch k := p.key.typ; {
		case k.Kind() == reflect.String:
			p.maps = fastMap[string](p)
		case isInteger(k.Kind()) && k.Size() == 8:
			p.maps = fastMap[uint64](p)
		}
	}
	p.copy, p.extra = p.copyMap, p.extraMap
}

func isInteger(k reflect.Kind) bool { return k >= reflect.Int && k <= reflect.Uintptr }

// fastMap chooses by the layout of the value, and falls back on reflect.
func fastMap[K comparable](p *Plan) *mapOps {
	switch v := p.elem.typ; v.Kind() {
	case reflect.String:
		return opsOf[K, string]()
	case reflect.Bool, reflect.Int8, reflect.Uint8:
		return opsOf[K, uint8]()
	case reflect.Int, reflect.Int64, reflect.Uint, reflect.Uint64, reflect.Float64, reflect.Uintptr:
		if v.Size() == 8 {
			return opsOf[K, uint64]()
		}
	case reflect.Pointer, reflect.Map:
		return opsOf[K, unsafe.Pointer]()
	case reflect.Interface:
		return opsOf[K, any]()
	case reflect.Slice:
		return opsOf[K, []byte]()
	case reflect.Struct:
		if v.Size() == 0 {
			return opsOf[K, struct{}]()
		}
	}
	return &mapOps{fillReflect, eachReflect}
}

func opsOf[K comparable, V any]() *mapOps { return &mapOps{fill[K, V], each[K, V]} }

func (p *Plan) copyMap(w *walk, dst, src unsafe.Pointer) error {
	from := *(*unsafe.Pointer)(src)
	if from == nil {
		*(*unsafe.Pointer)(dst) = nil
		return nil
	}
	if !p.track {
		return p.maps.fill(p, w, dst, src)
	}
	if made, ok := w.find(place{from, 0, p}); ok {
		*(*unsafe.Pointer)(dst) = made
		return nil
	}
	if !w.enter() {
		return ErrTooDeep
	}
	err := p.maps.fill(p, w, dst, src)
	w.leave()
	return err
}

// noteMap remembers the new map at dst for the old one.
func (p *Plan) noteMap(w *walk, old, dst unsafe.Pointer) {
	if p.track {
		w.note(place{old, 0, p}, *(*unsafe.Pointer)(dst))
	}
}

func fill[K comparable, V any](p *Plan, w *walk, dst, src unsafe.Pointer) error {
	from := *(*map[K]V)(src)
	if p.elem.flat {
		*(*map[K]V)(dst) = maps.Clone(from)
		return nil
	}
	to := make(map[K]V, len(from))
	*(*map[K]V)(dst) = to
	p.noteMap(w, *(*unsafe.Pointer)(unsafe.Pointer(&from)), dst)
	var pair struct{ old, made V } // one allocation, because their addresses escape
	for k, v := range from {
		pair.old = v
		if err := p.elem.copy(w, unsafe.Pointer(&pair.made), unsafe.Pointer(&pair.old)); err != nil {
			return under(err, "[]", nil)
		}
		to[k] = pair.made
	}
	return nil
}

func each[K comparable, V any](p *Plan, w *walk, src unsafe.Pointer) (n int) {
	var pair struct {
		k K
		v V
	}
	for k, v := range *(*map[K]V)(src) {
		if p.key.extra != nil {
			pair.k = k
			n += p.key.extra(w, unsafe.Pointer(&pair.k))
		}
		if p.elem.extra != nil {
			pair.v = v
			n += p.elem.extra(w, unsafe.Pointer(&pair.v))
		}
	}
	return n
}

// fillReflect is for all other maps.
func fillReflect(p *Plan, w *walk, dst, src unsafe.Pointer) error {
	at := *(*unsafe.Pointer)(src)
	from := reflect.NewAt(p.typ, unsafe.Pointer(&at)).Elem()
	to := reflect.MakeMapWithSize(p.typ, from.Len())
	reflect.NewAt(p.typ, dst).Elem().Set(to)
	p.noteMap(w, at, dst)
	oldKey, key := reflect.New(p.key.typ), reflect.New(p.key.typ)
	oldElem, elem := reflect.New(p.elem.typ), reflect.New(p.elem.typ)
	for it := from.MapRange(); it.Next(); {
		oldKey.Elem().SetIterKey(it)
		oldElem.Elem().SetIterValue(it)
		if err := p.key.copy(w, key.UnsafePointer(), oldKey.UnsafePointer()); err != nil {
			return under(err, "[key]", nil)
		}
		if err := p.elem.copy(w, elem.UnsafePointer(), oldElem.UnsafePointer()); err != nil {
			return under(err, "[]", nil)
		}
		to.SetMapIndex(key.Elem(), elem.Elem())
	}
	return nil
}

func eachReflect(p *Plan, w *walk, src unsafe.Pointer) (n int) {
	key, elem := reflect.New(p.key.typ), reflect.New(p.elem.typ)
	for it := reflect.NewAt(p.typ, src).Elem().MapRange(); it.Next(); {
		if p.key.extra != nil {
			key.Elem().SetIterKey(it)
			n += p.key.extra(w, key.UnsafePointer())
		}
		if p.elem.extra != nil {
			elem.Elem().SetIterValue(it)
			n += p.elem.extra(w, elem.UnsafePointer())
		}
	}
	return n
}
