// SPDX-License-Identifier: Apache-2.0

package index

import (
	"encoding/binary"
	"slices"
)

// counter counts the words of a few files.
type counter struct {
	words map[string]*[]posting
}

// add counts the words of one file, and returns how many there are.
func (c *counter) add(file uint32, text []byte) uint64 {
	n := uint64(0)
	Words(text, func(word []byte) {
		n++
		list := c.words[string(word)] // allocates nothing
		if list == nil {
			list = &[]posting{{file, 1}}
			c.words[string(word)] = list
			return
		}
		if last := &(*list)[len(*list)-1]; last.file == file {
			last.count++
			return
		}
		*list = append(*list, posting{file, 1})
	})
	return n
}

// Compute makes the result of a piece: texts are the contents of its files, in order, of which the first has number first.
func Compute(piece, first int, texts []Text, shards int) *Result {
	r := &Result{Piece: piece, Segments: make([][]byte, shards), Files: make([]FileResult, len(texts))}
	c := counter{words: make(map[string]*[]posting, 4096)}
	for i, t := range texts {
		f := FileResult{Status: t.Status, Why: t.Why}
		if t.Status == Indexed {
			f.Words = c.add(uint32(first+i), t.Data)
		}
		r.Files[i] = f
	}
	words := make([]string, 0, len(c.words))
	for w := range c.words {
		words = append(words, w)
	}
	slices.Sort(words) // so that a piece gives the same bytes each time
	var list []byte
	for _, w := range words {
		list = appendPostings(list[:0], *c.words[w])
		s := &r.Segments[ShardOf([]byte(w), shards)]
		*s = binary.AppendUvarint(*s, uint64(len(w)))
		*s = append(*s, w...)
		*s = appendBytes(*s, list)
	}
	return r
}
