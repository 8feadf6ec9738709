// SPDX-License-Identifier: Apache-2.0

package iolib

// fitter tries an indentation: it walks over a term as layout does, writes nothing, and reports false if something would
// come too far to the right.
type fitter struct{ line, most, step int }

func (f *fitter) node(n *node, col, deep, used int) bool {
	if fits(f.line, f.most, n.len, col, deep, used) {
		return true
	}
	switch n.kind {
	case list:
		return f.list(n.elems, n.tail, col+1, deep, used+1)
	case tuple:
		if n.tagged {
			return f.tagged(n, col, deep, used+1)
		}
		return f.list(n.elems, n.tail, col+1, deep, used+1)
	case mapping:
		return f.pairs(n, col+2, deep, used+2)
	}
	return true
}

func (f *fitter) tagged(n *node, col, deep, used int) bool {
	tag := &n.elems[0]
	behind := tag.len + 2
	if f.step > 0 && behind > f.step {
		begin := col + f.step
		return (f.most+begin <= f.line || begin <= f.line/2) &&
			f.tail(n.elems[1:], n.tail, begin, col+behind, deep, used+tag.len)
	}
	begin := col + behind
	return (f.most+begin < f.line || begin < f.line/2) && f.list(n.elems[1:], n.tail, begin, deep, used+tag.len+1)
}

func (f *fitter) list(elems []node, tail *node, col, deep, used int) bool {
	if len(elems) == 0 {
		return true
	}
	n, ok := f.element(&elems[0], col, depthBehind(len(elems)-1, deep), used)
	return ok && f.tail(elems[1:], tail, col, col+n, deep, used+n)
}

func (f *fitter) element(n *node, col, deep, used int) (int, bool) {
	if n.kind == leaf && fits(f.line, f.most, n.len, col, deep, used) {
		return n.len, true
	}
	return f.line, f.node(n, col, deep, used)
}

func (f *fitter) tail(elems []node, tail *node, begin, col, deep, used int) bool {
	for i := range elems {
		n := &elems[i]
		behind := depthBehind(len(elems)-1-i, deep)
		if n.kind == leaf && follows(f.line, f.most, n.len+1, col, behind, used) {
			col += n.len + 1
			used += n.len + 1
			continue
		}
		var ok bool
		if used, ok = f.element(n, begin, behind, 0); !ok {
			return false
		}
		col = begin + used
	}
	if tail == nil || tail.kind == dots ||
		tail.kind == leaf && tail.len+1 < f.line-col-(deep+1) && tail.len+1+used+deep+1 <= f.most {
		return true
	}
	return f.node(tail, col, deep+1, 0)
}

func (f *fitter) pairs(n *node, begin, deep, used int) bool {
	col := begin
	for i := range n.elems {
		p := &n.elems[i]
		behind := depthBehind(len(n.elems)-1-i, deep)
		if i > 0 {
			if p.simple() && follows(f.line, f.most, p.len+1, col, behind, used) {
				col += p.len + 1
				used += p.len + 1
				continue
			}
			used = 0
		}
		size, ok := f.pair(p, begin, behind, used)
		if !ok {
			return false
		}
		if i == 0 {
			used += size
		} else {
			used = size
		}
		col = begin + size
	}
	return true
}

func (f *fitter) pair(p *node, col, deep, used int) (int, bool) {
	if fits(f.line, f.most, p.len, col, deep, used) {
		if p.simple() {
			return p.len, true
		}
		return f.line, true
	}
	return f.line, f.node(&p.elems[0], col, deep, used) && f.node(&p.elems[1], col+valueStep(f.step), deep, 0)
}
