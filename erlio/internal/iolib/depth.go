// SPDX-License-Identifier: Apache-2.0

package iolib

import (
	"strconv"

	"github.com/banyan-go/banyan/etf"
)

// depthWriter is ~W: a term on one line, down to a depth. A negative depth is none.
type depthWriter struct {
	style etf.Style
	out   writer
}

func (w *depthWriter) term(t any, d int) {
	if d == 0 {
		w.out.text("...")
		return
	}
	if w.out.full {
		return
	}
	switch v := t.(type) {
	case etf.List:
		w.list(v, nil, d)
	case etf.ImproperList:
		w.list(v.Elems, v.Tail, d)
	case etf.Tuple:
		w.tuple(v, d)
	case etf.Map:
		w.mapping(v, d)
	case []byte:
		w.binary(v, 0, d)
	case etf.Bitstring:
		w.binary(v.Bytes, v.Bits, d)
	default:
		w.out.text(w.style.Format(t))
	}
}

func (w *depthWriter) list(l []any, tail any, d int) {
	if len(l) == 0 {
		w.out.text("[]")
		return
	}
	if d == 1 {
		w.out.text("[...]")
		return
	}
	w.out.char('[')
	d--
	w.term(l[0], d)
	for _, t := range l[1:] {
		if d == 1 {
			w.out.text("|...]")
			return
		}
		d--
		w.out.char(',')
		w.term(t, d)
	}
	if tail != nil {
		w.out.char('|')
		if d == 1 {
			w.out.text("...")
		} else {
			w.term(tail, d-1)
		}
	}
	w.out.char(']')
}

func (w *depthWriter) tuple(l etf.Tuple, d int) {
	if len(l) == 0 {
		w.out.text("{}")
		return
	}
	if d == 1 {
		w.out.text("{...}")
		return
	}
	w.out.char('{')
	d--
	w.term(l[0], d)
	for _, t := range l[1:] {
		if d == 1 {
			w.out.text(",...")
			break
		}
		d--
		w.out.char(',')
		w.term(t, d)
	}
	w.out.char('}')
}

func (w *depthWriter) mapping(m etf.Map, d int) {
	if len(m) == 0 || d == 1 {
		w.out.text("#{}")
		return
	}
	w.out.text("#{")
	d--
	left := d
	for i, p := range sorted(m) {
		if i > 0 {
			w.out.char(',')
		}
		w.term(p.Key, d)
		w.out.text(" => ")
		w.term(p.Value, d)
		if left == 1 { // also behind the last one, as in OTP
			w.out.text(",...")
			break
		}
		left--
	}
	w.out.char('}')
}

func (w *depthWriter) binary(b []byte, bits uint8, d int) {
	w.out.text("<<")
	for i, c := range b {
		if d == 1 {
			w.out.text("...")
			break
		}
		last := i == len(b)-1
		switch {
		case last && bits%8 != 0:
			w.out.text(strconv.Itoa(int(c>>(8-bits))) + ":" + strconv.Itoa(int(bits)))
		default:
			w.out.text(strconv.Itoa(int(c)))
			if !last {
				w.out.char(',')
			}
		}
		d--
	}
	w.out.text(">>")
}
