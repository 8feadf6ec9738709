// SPDX-License-Identifier: Apache-2.0

package clone

import (
	"reflect"
	"unsafe"
)

// mapOverhead is what a map takes besides its entries, about.
const mapOverhead = 48

// flatExtra counts the strings of a flat value. Immutable types count as their own size: what they share is nobody's.
func (p *Plan) flatExtra() func(*walk, unsafe.Pointer) int {
	switch p.class {
	case structure:
		for _, f := range p.fields {
			if holdsStrings(f.plan) {
				return p.extraStruct
			}
		}
	case array:
		if holdsStrings(p) {
			return p.extraArray
		}
	case flat:
		if p.typ.Kind() == reflect.String {
			return func(_ *walk, src unsafe.Pointer) int { return len(*(*string)(src)) }
		}
	}
	return nil
}

// holdsStrings is asked before all plans are linked, so it may not look at extra.
func holdsStrings(p *Plan) bool {
	switch p.class {
	case structure:
		for _, f := range p.fields {
			if holdsStrings(f.plan) {
				return true
			}
		}
		return false
	case array:
		return p.elem != nil && holdsStrings(p.elem)
	}
	return p.typ.Kind() == reflect.String
}

func (p *Plan) extraStruct(w *walk, src unsafe.Pointer) (n int) {
	for i := range p.fields {
		if f := &p.fields[i]; f.plan.extra != nil {
			n += f.plan.extra(w, unsafe.Add(src, f.off))
		}
	}
	return n
}

func (p *Plan) extraArray(w *walk, src unsafe.Pointer) int {
	return p.extraElems(w, src, p.typ.Len())
}

func (p *Plan) extraElems(w *walk, src unsafe.Pointer, n int) (sum int) {
	if p.elem.extra == nil {
		return 0
	}
	for i := range n {
		sum += p.elem.extra(w, unsafe.Add(src, uintptr(i)*p.elem.size))
	}
	return sum
}

// once reports whether a tracked place is met for the first time, and goes a level down then. Past the depth that Copy
// allows the rest does not count.
func (p *Plan) once(w *walk, track bool, at place) (down, counts bool) {
	if !track {
		return false, true
	}
	if _, ok := w.find(at); ok || w.depth >= maxDepth {
		return false, false
	}
	w.note(at, nil)
	w.enter()
	return true, true
}

func (p *Plan) extraPointer(w *walk, src unsafe.Pointer) int {
	at := *(*unsafe.Pointer)(src)
	if at == nil {
		return 0
	}
	down, counts := p.once(w, p.track, place{at, 0, p})
	if !counts {
		return 0
	}
	n := int(p.elem.size)
	if p.elem.extra != nil {
		n += p.elem.extra(w, at)
	}
	if down {
		w.leave()
	}
	return n
}

func (p *Plan) extraSlice(w *walk, src unsafe.Pointer) int {
	h := (*header)(src)
	if h.len == 0 {
		return 0
	}
	down, counts := p.once(w, p.track, place{h.data, h.len, p})
	if !counts {
		return 0
	}
	n := h.len*int(p.elem.size) + p.extraElems(w, h.data, h.len)
	if down {
		w.leave()
	}
	return n
}

func (p *Plan) extraMap(w *walk, src unsafe.Pointer) int {
	at := *(*unsafe.Pointer)(src)
	if at == nil {
		return 0
	}
	down, counts := p.once(w, p.track, place{at, 0, p})
	if !counts {
		return 0
	}
	n := mapOverhead + reflect.NewAt(p.typ, src).Elem().Len()*int(p.key.size+p.elem.size+1)
	if p.key.extra != nil || p.elem.extra != nil {
		n += p.maps.each(p, w, src)
	}
	if down {
		w.leave()
	}
	return n
}

func (p *Plan) extraInterface(w *walk, src unsafe.Pointer) int {
	q, err := p.dynamic(src)
	if err != nil || q == nil {
		return 0 // Copy is where a refusal is told
	}
	data := (*words)(src).data
	if q.direct {
		if q.extra == nil {
			return 0
		}
		return q.extra(w, unsafe.Pointer(&data))
	}
	down, counts := q.once(w, q.walks, place{data, -1, q})
	if !counts {
		return 0
	}
	n := int(q.size)
	if q.extra != nil {
		n += q.extra(w, data)
	}
	if down {
		w.leave()
	}
	return n
}
