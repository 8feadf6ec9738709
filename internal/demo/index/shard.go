// SPDX-License-Identifier: Apache-2.0

package index

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// Shard is one part of the index: the words whose hash is its number.
type Shard struct {
	words   map[string]*entry
	applied map[int]bool
	sorted  []string // the words in order, once they were asked for; nil after a change
	bytes   int64
}

// entry is what is known of one word.
type entry struct {
	parts []part
}

// part is what one piece says of a word.
type part struct {
	piece int
	list  []byte // postings, inside the piece's segment
}

// NewShard makes an empty shard.
func NewShard() *Shard {
	return &Shard{words: map[string]*entry{}, applied: map[int]bool{}}
}

// Apply adds the shard's segment of a piece; false if it was added before. The shard keeps seg, which must not change. After
// an error the shard is of no use.
func (s *Shard) Apply(piece int, seg []byte) (bool, error) {
	if s.applied[piece] {
		return false, nil
	}
	s.applied[piece] = true
	s.sorted = nil
	s.bytes += int64(len(seg))
	err := eachWord(seg, func(word, postings []byte) error {
		e := s.words[string(word)]
		if e == nil {
			e = &entry{}
			s.words[string(word)] = e
		}
		e.parts = append(e.parts, part{piece, postings})
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("piece %d: %w", piece, err)
	}
	return true, nil
}

// Pieces is the number of pieces applied, Words of distinct words, Bytes of what they take.
func (s *Shard) Pieces() int { return len(s.applied) }

// Words is the number of distinct words.
func (s *Shard) Words() int { return len(s.words) }

// Bytes is the size of all segments applied.
func (s *Shard) Bytes() int64 { return s.bytes }

// Lines gives the shard's part of the index from a position on (0 is the start): lines in order of their words, about
// size bytes of them but at least one, and the position of the next. It is at the end when next is 0.
func (s *Shard) Lines(from, size int) (lines []byte, next int, err error) {
	if s.sorted == nil {
		s.sorted = make([]string, 0, len(s.words))
		for w := range s.words {
			s.sorted = append(s.sorted, w)
		}
		// As lines are: by the word with the tab behind it, which is before every byte of a word.
		slices.SortFunc(s.sorted, strings.Compare)
	}
	var list []posting
	for i := from; i < len(s.sorted); i++ {
		if len(lines) >= size {
			return lines, i, nil
		}
		w := s.sorted[i]
		e := s.words[w]
		sort.Slice(e.parts, func(a, b int) bool { return e.parts[a].piece < e.parts[b].piece })
		list = list[:0]
		for _, p := range e.parts { // pieces hold files in order
			if err := eachPosting(p.list, func(file, count uint64) {
				list = append(list, posting{uint32(file), uint32(count)})
			}); err != nil {
				return nil, 0, fmt.Errorf("word %q, piece %d: %w", w, p.piece, err)
			}
		}
		lines = appendLine(lines, w, list)
	}
	return lines, 0, nil
}
