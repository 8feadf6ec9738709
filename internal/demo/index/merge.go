// SPDX-License-Identifier: Apache-2.0

package index

import (
	"bytes"
	"container/heap"
	"errors"
)

// Source gives the lines of one shard, in order: some whole lines at a time, nil at the end.
type Source func() ([]byte, error)

// Merge writes the lines of all sources in the order of their words.
func Merge(x *Writer, sources []Source) error {
	h := make(mergeHeap, 0, len(sources))
	for _, s := range sources {
		st := &stream{source: s}
		if err := st.next(); err != nil {
			return err
		}
		if st.line != nil {
			h = append(h, st)
		}
	}
	heap.Init(&h)
	for len(h) > 0 {
		st := h[0]
		if err := x.Line(st.line); err != nil {
			return err
		}
		if err := st.next(); err != nil {
			return err
		}
		if st.line == nil {
			heap.Pop(&h)
		} else {
			heap.Fix(&h, 0)
		}
	}
	return nil
}

// stream is a source with its current line.
type stream struct {
	source Source
	block  []byte
	line   []byte // nil at the end
}

func (s *stream) next() error {
	for len(s.block) == 0 {
		b, err := s.source()
		if err != nil {
			return err
		}
		if b == nil {
			s.line = nil
			return nil
		}
		s.block = b
	}
	i := bytes.IndexByte(s.block, '\n')
	if i < 0 {
		return errors.New("a shard sent half a line")
	}
	s.line, s.block = s.block[:i+1], s.block[i+1:]
	return nil
}

type mergeHeap []*stream

func (h mergeHeap) Len() int           { return len(h) }
func (h mergeHeap) Less(i, j int) bool { return bytes.Compare(h[i].line, h[j].line) < 0 }
func (h mergeHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *mergeHeap) Push(x any) { *h = append(*h, x.(*stream)) }

// Pop implements heap.Interface.
func (h *mergeHeap) Pop() any {
	old := *h
	x := old[len(old)-1]
	*h = old[:len(old)-1]
	return x
}
