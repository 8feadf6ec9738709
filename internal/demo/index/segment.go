// SPDX-License-Identifier: Apache-2.0

package index

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ShardOf is the shard that a word belongs to: FNV-1a, the same on every node.
func ShardOf(word []byte, shards int) int {
	h := uint32(2166136261)
	for _, c := range word {
		h = (h ^ uint32(c)) * 16777619
	}
	return int(h % uint32(shards))
}

// A segment holds the part of one piece that belongs to one shard:
//
//	for each word:  length, word, length of its postings, postings
//	postings:       for each file, in order: distance from the one before (the first: its number), occurrences
//
// All numbers are unsigned varints.

var errSegment = errors.New("a damaged segment")

// posting is one file that a word stands in.
type posting struct {
	file, count uint32
}

func appendPostings(b []byte, list []posting) []byte {
	last := uint32(0)
	for _, p := range list {
		b = binary.AppendUvarint(b, uint64(p.file-last))
		b = binary.AppendUvarint(b, uint64(p.count))
		last = p.file
	}
	return b
}

// eachWord calls f for each word of a segment.
func eachWord(seg []byte, f func(word, postings []byte) error) error {
	for len(seg) > 0 {
		word, rest, err := cutBytes(seg)
		if err != nil {
			return err
		}
		list, rest, err := cutBytes(rest)
		if err != nil {
			return err
		}
		if err := f(word, list); err != nil {
			return err
		}
		seg = rest
	}
	return nil
}

// eachPosting calls f for each file of a list of postings.
func eachPosting(list []byte, f func(file, count uint64)) error {
	file := uint64(0)
	for len(list) > 0 {
		d, n := binary.Uvarint(list)
		if n <= 0 {
			return errSegment
		}
		c, m := binary.Uvarint(list[n:])
		if m <= 0 {
			return errSegment
		}
		file += d
		f(file, c)
		list = list[n+m:]
	}
	return nil
}

// cutBytes reads a length and as many bytes.
func cutBytes(b []byte) (head, rest []byte, err error) {
	l, n := binary.Uvarint(b)
	if n <= 0 || l > uint64(len(b)-n) {
		return nil, nil, errSegment
	}
	return b[n : n+int(l)], b[n+int(l):], nil
}

func appendBytes(b, v []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(v)))
	return append(b, v...)
}

// FileResult is what became of one file.
type FileResult struct {
	Status Status
	Words  uint64
	Why    string
}

// Result is what one piece gives.
type Result struct {
	Piece    int
	Files    []FileResult
	Segments [][]byte // one for each shard
}

// Encode makes the result bytes, to be copied to other nodes.
func (r *Result) Encode() []byte {
	size := 32 + 8*len(r.Files)
	for _, s := range r.Segments {
		size += len(s) + 4
	}
	b := make([]byte, 0, size)
	b = binary.AppendUvarint(b, uint64(r.Piece))
	b = binary.AppendUvarint(b, uint64(len(r.Files)))
	for _, f := range r.Files {
		b = append(b, byte(f.Status))
		b = binary.AppendUvarint(b, f.Words)
		b = appendBytes(b, []byte(f.Why))
	}
	b = binary.AppendUvarint(b, uint64(len(r.Segments)))
	for _, s := range r.Segments {
		b = appendBytes(b, s)
	}
	return b
}

// DecodeResult reads what Encode made. The segments are parts of b.
func DecodeResult(b []byte) (*Result, error) {
	d := decoder{b: b}
	r := &Result{Piece: int(d.number())}
	for n := d.count(); n > 0 && d.err == nil; n-- {
		f := FileResult{Status: Status(d.byte()), Words: d.number()}
		f.Why = string(d.bytes())
		r.Files = append(r.Files, f)
	}
	for n := d.count(); n > 0 && d.err == nil; n-- {
		r.Segments = append(r.Segments, d.bytes())
	}
	if d.err == nil && len(d.b) > 0 {
		d.err = errSegment
	}
	if d.err != nil {
		return nil, fmt.Errorf("reading a piece's result: %w", d.err)
	}
	return r, nil
}

// decoder reads until something does not fit.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) number() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

// count is a number of things of which each takes at least a byte.
func (d *decoder) count() int {
	v := d.number()
	if v > uint64(len(d.b)) {
		d.fail()
		return 0
	}
	return int(v)
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.fail()
		return 0
	}
	c := d.b[0]
	d.b = d.b[1:]
	return c
}

func (d *decoder) bytes() []byte {
	head, rest, err := cutBytes(d.b)
	if err != nil {
		d.fail()
		return nil
	}
	d.b = rest
	return head
}

func (d *decoder) fail() { d.b, d.err = nil, errSegment }
