// SPDX-License-Identifier: Apache-2.0

package iolib

import (
	"fmt"

	"github.com/banyan-go/banyan/etf"
)

// pretty is ~p and ~P: the width is the length of a line, 80 by default, and the precision the column where the term
// begins, which is where the text is by default.
func (e *evaluator) pretty(s spec, t any, depth int) error {
	if s.left || s.width < 0 && s.width != none {
		return fmt.Errorf("%w: ~p cannot be adjusted", ErrFormat)
	}
	if s.width == none {
		s.width = 80
	}
	if s.prec == none {
		s.prec = e.out.col + 1
	}
	if depth == 0 {
		e.out.text("...")
		return nil
	}
	b := builder{plain: e.style(s, 0), left: e.opts.Limit}
	if b.strings = b.plain; !s.lists {
		b.strings = e.style(s, etf.Strings)
	}
	n := b.term(t, depth)
	if b.left < 0 {
		return ErrTooLong
	}
	l := layout{out: &e.out, line: s.width, most: n.len}
	l.print(&n, max(s.prec, 1))
	if e.out.full {
		return ErrTooLong
	}
	return nil
}

// layout breaks a term over lines, as OTP does. Its parameters have OTP's meaning: col is the column, from 1, where
// something begins; ind how far a line is indented; deep how many closing brackets follow on the same line; used how many
// characters of the line are used.
type layout struct {
	out  *writer
	line int // its length
	most int // characters on one line besides the indentation
	step int // how far what follows a tag is indented: 4 where it would be too far to the right otherwise, -1 by the tag
}

func (l *layout) print(n *node, col int) {
	if n.kind == leaf || l.line == 0 || n.len < l.line-col && n.len <= l.most {
		l.write(n)
		return
	}
	l.step = 1
	for _, step := range []int{-1, 4} {
		if f := (fitter{l.line, l.most, step}); f.node(n, col, 0, 0) {
			l.step = step
			break
		}
	}
	l.node(n, col, col-1, 0, 0)
}

// write prints on one line.
func (l *layout) write(n *node) {
	w := l.out
	if w.full {
		return
	}
	open, bar, end := "[", "|", "]"
	switch n.kind {
	case leaf, bits:
		w.text(n.text)
		return
	case dots:
		w.text("...")
		return
	case pair:
		l.write(&n.elems[0])
		w.text(" => ")
		l.write(&n.elems[1])
		return
	case tuple:
		open, bar, end = "{", ",", "}"
	case mapping:
		open, bar, end = "#{", ",", "}"
	}
	w.text(open)
	for i := range n.elems {
		if i > 0 {
			w.text(",")
		}
		l.write(&n.elems[i])
	}
	if n.tail != nil {
		if len(n.elems) > 0 {
			w.text(bar)
		}
		l.write(n.tail)
	}
	w.text(end)
}

func (l *layout) newline(ind int) {
	l.out.char('\n')
	l.out.fill(' ', ind)
}

func (l *layout) node(n *node, col, ind, deep, used int) {
	w := l.out
	if w.full {
		return
	}
	if fits(l.line, l.most, n.len, col, deep, used) {
		l.write(n)
		return
	}
	switch n.kind {
	case list:
		w.text("[")
		l.list(n.elems, n.tail, col+1, ind+1, deep, "|", used+1)
		w.text("]")
	case tuple:
		w.text("{")
		if n.tagged {
			l.tagged(n, col, ind, deep, used+1)
		} else {
			l.list(n.elems, n.tail, col+1, ind+1, deep, ",", used+1)
		}
		w.text("}")
	case mapping:
		w.text("#{")
		l.pairs(n, col+2, ind+2, deep, used+1)
		w.text("}")
	case bits:
		l.bits(n.text, col+2, ind+2, deep, used)
	default:
		l.write(n)
	}
}

func fits(line, most, length, col, deep, used int) bool {
	return length < line-col-deep && length+used+deep <= most
}

// follows reports whether an element may follow on the same line.
func follows(line, most, length, col, deep, used int) bool {
	if deep == 0 {
		return length+1 < line-col && used+length+1 <= most
	}
	return length < line-col-deep && used+length+deep <= most
}

// depthBehind is deep for an element, by what follows it.
func depthBehind(rest int, deep int) int {
	if rest > 0 {
		return 0
	}
	return deep + 1
}

// tagged is a tuple {tag, ...}: what follows stands behind the tag, or below it.
func (l *layout) tagged(n *node, col, ind, deep, used int) {
	tag := &n.elems[0]
	l.write(tag)
	behind := tag.len + 2
	if l.step > 0 && behind > l.step {
		l.tail(n.elems[1:], n.tail, col+l.step, col+behind, ind+l.step, deep, ",", used+tag.len)
		return
	}
	l.out.text(",")
	l.list(n.elems[1:], n.tail, col+behind, ind+behind, deep, ",", used+tag.len+1)
}

func (l *layout) list(elems []node, tail *node, col, ind, deep int, bar string, used int) {
	if len(elems) == 0 {
		if tail != nil {
			l.write(tail)
		}
		return
	}
	n := l.element(&elems[0], col, ind, depthBehind(len(elems)-1, deep), used)
	l.tail(elems[1:], tail, col, col+n, ind, deep, bar, used+n)
}

// element returns how long what it wrote is: more than a line if nothing may follow on it.
func (l *layout) element(n *node, col, ind, deep, used int) int {
	if n.kind == leaf && fits(l.line, l.most, n.len, col, deep, used) {
		l.write(n)
		return n.len
	}
	l.node(n, col, ind, deep, used)
	return l.line
}

func (l *layout) tail(elems []node, tail *node, begin, col, ind, deep int, bar string, used int) {
	for i := range elems {
		if l.out.full {
			return
		}
		n := &elems[i]
		behind := depthBehind(len(elems)-1-i, deep)
		l.out.text(",")
		if n.kind == leaf && follows(l.line, l.most, n.len+1, col, behind, used) {
			l.write(n)
			col += n.len + 1
			used += n.len + 1
			continue
		}
		l.newline(ind)
		used = l.element(n, begin, ind, behind, 0)
		col = begin + used
	}
	switch {
	case tail == nil:
	case tail.kind == dots,
		tail.kind == leaf && tail.len+1 < l.line-col-(deep+1) && tail.len+1+used+deep+1 <= l.most:
		l.out.text(bar)
		l.write(tail)
	default:
		l.out.text(bar)
		l.newline(ind)
		l.node(tail, begin, ind, deep+1, 0)
	}
}

func (l *layout) pairs(n *node, begin, ind, deep, used int) {
	col := begin
	for i := range n.elems {
		if l.out.full {
			return
		}
		p := &n.elems[i]
		behind := depthBehind(len(n.elems)-1-i, deep)
		if i > 0 {
			l.out.text(",")
			if p.simple() && follows(l.line, l.most, p.len+1, col, behind, used) {
				l.write(p)
				col += p.len + 1
				used += p.len + 1
				continue
			}
			l.newline(ind)
			used = 0
		}
		used = l.pair(p, begin, ind, behind, used)
		col = begin + used
	}
	if n.tail != nil {
		if len(n.elems) > 0 {
			l.out.text(",")
		}
		l.write(n.tail)
	}
}

// simple reports whether both key and value are leaves.
func (n *node) simple() bool { return n.elems[0].kind == leaf && n.elems[1].kind == leaf }

func (l *layout) pair(p *node, col, ind, deep, used int) int {
	if fits(l.line, l.most, p.len, col, deep, used) {
		l.write(p)
		if p.simple() {
			return p.len
		}
		return l.line
	}
	step := valueStep(l.step)
	l.node(&p.elems[0], col, ind, deep, used)
	l.out.text(" =>")
	l.newline(ind + step)
	l.node(&p.elems[1], col+step, ind+step, deep, 0)
	return l.line
}

// valueStep is how far a value stands to the right of its key.
func valueStep(step int) int {
	if step > 0 {
		return step
	}
	return 4
}

// bits breaks <<1,2,3>> behind commas.
func (l *layout) bits(text string, col, ind, deep, used int) {
	room := max(8, min(l.line-col, l.most-4-used)-deep)
	left := room
	l.out.text("<<")
	text = text[2 : len(text)-2]
	for len(text) > 0 && !l.out.full {
		n := 0
		for n < len(text) && text[n] != ',' {
			n++
		}
		last := n == len(text)
		if !last {
			n++
		}
		if n > left {
			l.newline(ind)
			left = room
		}
		left -= n
		l.out.text(text[:n])
		text = text[n:]
	}
	l.out.text(">>")
}
