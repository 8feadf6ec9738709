// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"cmp"
	"reflect"
	"slices"

	"github.com/banyan-go/banyan/internal/typereg"
)

// structKey is the key that says which struct a map is, as in Elixir.
const structKey = "__struct__"

// structScan remembers which maps within data[from:to] are registered structs. The key may stand anywhere in a map, so
// knowing what to build needs a look ahead. One scan of the outermost map notes all those within it; a look ahead
// at each level would cost the square of the depth.
type structScan struct {
	from, to int
	at       []structPos // by position
}

type structPos struct {
	pos int
	t   reflect.Type
}

func (s *structScan) reset() { s.from, s.to, s.at = 0, 0, s.at[:0] }

// structAt returns the registered struct type of the map at pos, or nil.
func (d *Decoder) structAt(pos int) reflect.Type {
	f := &d.found
	if pos < f.from || pos >= f.to {
		f.at = f.at[:0]
		saved, depth := d.pos, d.depth
		// What fails to scan is left generic; decoding it will meet the same error and report it.
		_ = d.scan()
		f.from, f.to = pos, max(d.pos, pos+1)
		d.pos, d.depth = saved, depth
		slices.SortFunc(f.at, func(a, b structPos) int { return cmp.Compare(a.pos, b.pos) })
	}
	i, ok := slices.BinarySearchFunc(f.at, pos, func(s structPos, pos int) int { return cmp.Compare(s.pos, pos) })
	if !ok {
		return nil
	}
	return f.at[i].t
}

// scan passes over one term and notes the registered structs in it.
func (d *Decoder) scan() error {
	pos, isMap := d.pos, d.Peek() == KindMap
	children, err := d.skipHead()
	if err != nil || children == 0 {
		return err
	}
	if children > d.Len() {
		return d.fail(pos, "more elements than the input can hold")
	}
	if err := d.enter(); err != nil {
		return err
	}
	for i := range children {
		if isMap && i%2 == 0 && d.Peek() == KindAtom {
			key, _, err := d.atomText()
			if err != nil {
				return err
			}
			if key == structKey && d.Peek() == KindAtom {
				d.noteStruct(pos)
			}
			continue
		}
		if err := d.scan(); err != nil {
			return err
		}
	}
	d.depth--
	return nil
}

// noteStruct looks at the name that comes next, without reading it.
func (d *Decoder) noteStruct(mapPos int) {
	pos := d.pos
	if name, _, err := d.atomText(); err == nil {
		if t, ok := typereg.StructType(name); ok {
			d.found.at = append(d.found.at, structPos{mapPos, t})
		}
	}
	d.pos = pos
}
