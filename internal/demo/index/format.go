// SPDX-License-Identifier: Apache-2.0

package index

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"
)

// The index as text, the same however it was made:
//
//	banyan index 1
//	file <number> <status> <words> <path> [<reason>]        one line per file, by path
//	problem <path> <reason>                                 one line per directory that could not be read
//	<word> <occurrences> <number of files> <file>:<occurrences>,...
//	total <files> <words> <distinct words>
//
// with tabs between the fields, and words in the order of their bytes.

const header = "banyan index 1\n"

// Summary is what an index says in short.
type Summary struct {
	Files      int    // in the table, whatever became of them
	Skipped    int    // of them: binary or too large
	Unreadable int    // of them
	Problems   int    // directories that could not be read
	Words      uint64 // occurrences
	Distinct   uint64 // different words
	Bytes      int64  // length of the index
	Digest     string // SHA-256 of the index, in hexadecimal
	// Trouble names the first of what could not be read, with the reasons.
	Trouble []string
}

// Writer writes an index: Files, then Lines, then Close.
type Writer struct {
	w    *bufio.Writer
	hash hash.Hash
	sum  Summary
	last []byte
	err  error
}

// NewWriter begins an index.
func NewWriter(w io.Writer) *Writer {
	h := sha256.New()
	x := &Writer{hash: h}
	x.w = bufio.NewWriterSize(io.MultiWriter(w, h), 256<<10)
	x.write([]byte(header))
	return x
}

func (x *Writer) write(b []byte) {
	if x.err == nil {
		_, x.err = x.w.Write(b)
		x.sum.Bytes += int64(len(b))
	}
}

func (x *Writer) trouble(what string) {
	if len(x.sum.Trouble) < 10 {
		x.sum.Trouble = append(x.sum.Trouble, clean(what))
	}
}

// Files writes the table of files. results are in the order of plan.Files.
func (x *Writer) Files(plan *Plan, results []FileResult) error {
	if len(results) != len(plan.Files) {
		return fmt.Errorf("results of %d files, but the plan has %d", len(results), len(plan.Files))
	}
	for i, r := range results {
		x.sum.Files++
		switch r.Status {
		case Indexed:
		case Unreadable:
			x.sum.Unreadable++
			x.trouble(plan.Files[i].Path + ": " + r.Why)
		default:
			x.sum.Skipped++
		}
		line := fmt.Appendf(nil, "file\t%d\t%v\t%d\t%s", i, r.Status, r.Words, clean(plan.Files[i].Path))
		if r.Why != "" {
			line = append(append(line, '\t'), clean(r.Why)...)
		}
		x.write(append(line, '\n'))
	}
	for _, p := range plan.Problems {
		x.sum.Problems++
		x.trouble(strings.ReplaceAll(p, "\t", ": "))
		x.write([]byte("problem\t" + p + "\n"))
	}
	return x.err
}

// Line writes the line of one word. Words must come in order.
func (x *Writer) Line(line []byte) error {
	word, rest, ok := bytes.Cut(line, []byte{'\t'})
	count, _, ok2 := bytes.Cut(rest, []byte{'\t'})
	n, err := strconv.ParseUint(string(count), 10, 64)
	switch {
	case !ok || !ok2 || err != nil:
		return fmt.Errorf("a line of the index that is none: %.80q", line)
	case x.last != nil && bytes.Compare(x.last, word) >= 0:
		return fmt.Errorf("the word %q comes after %q: two shards hold it, or one is not in order", word, x.last)
	}
	x.last = append(x.last[:0], word...)
	x.sum.Distinct++
	x.sum.Words += n
	x.write(line)
	return x.err
}

// Close ends the index and tells what is in it. It does not close the underlying writer.
func (x *Writer) Close() (Summary, error) {
	x.write(fmt.Appendf(nil, "total\t%d\t%d\t%d\n", x.sum.Files, x.sum.Words, x.sum.Distinct))
	if x.err == nil {
		x.err = x.w.Flush()
	}
	x.sum.Digest = hex.EncodeToString(x.hash.Sum(nil))
	return x.sum, x.err
}

// appendLine appends the line of one word.
func appendLine(b []byte, word string, list []posting) []byte {
	total := uint64(0)
	for _, p := range list {
		total += uint64(p.count)
	}
	b = append(append(b, word...), '\t')
	b = append(strconv.AppendUint(b, total, 10), '\t')
	b = append(strconv.AppendUint(b, uint64(len(list)), 10), '\t')
	for i, p := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(strconv.AppendUint(b, uint64(p.file), 10), ':')
		b = strconv.AppendUint(b, uint64(p.count), 10)
	}
	return append(b, '\n')
}

// clean keeps what would break a line out of it.
func clean(s string) string {
	return strings.NewReplacer("\\", "\\\\", "\t", "\\t", "\n", "\\n", "\r", "\\r").Replace(s)
}
