// SPDX-License-Identifier: Apache-2.0

package clone

import (
	"sync"
	"unsafe"
)

// maxDepth bounds the stack: a level takes some hundred bytes, and Go gives up at one gigabyte.
const maxDepth = 100_000

// walk remembers what one Copy or Size has met. It is used by one goroutine at a time.
type walk struct {
	depth int
	few   [8]seen // most messages hold no more than this; a scan beats a map here
	n     int     // entries of few in use
	many  map[place]unsafe.Pointer
}

// place is one thing in memory: where, how long (slices), and as what. The first field of a struct lies where the struct
// does, hence the plan.
type place struct {
	at   unsafe.Pointer
	len  int
	plan *Plan
}

type seen struct {
	place
	made unsafe.Pointer
}

var walks = sync.Pool{New: func() any { return new(walk) }}

// find returns the copy of what is at a place. Size stores nil: it only asks whether it was there.
func (w *walk) find(p place) (unsafe.Pointer, bool) {
	for i := range w.few[:w.n] {
		if w.few[i].place == p {
			return w.few[i].made, true
		}
	}
	made, ok := w.many[p]
	return made, ok
}

// note remembers a copy, before it is filled: what it holds may lead back to it.
func (w *walk) note(p place, made unsafe.Pointer) {
	if w.n < len(w.few) {
		w.few[w.n] = seen{p, made}
		w.n++
		return
	}
	if w.many == nil {
		w.many = make(map[place]unsafe.Pointer)
	}
	w.many[p] = made
}

// enter goes one level down, leave comes back.
func (w *walk) enter() bool { w.depth++; return w.depth <= maxDepth }
func (w *walk) leave()      { w.depth-- }

// release empties w, so that it keeps no message alive, and lets go of a map that one large message has made large.
func (w *walk) release() {
	clear(w.few[:w.n])
	w.n, w.depth = 0, 0
	if len(w.many) > 1000 {
		w.many = nil
	} else {
		clear(w.many)
	}
	walks.Put(w)
}
