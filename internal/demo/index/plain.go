// SPDX-License-Identifier: Apache-2.0

package index

import (
	"context"
	"io"
	"slices"
)

// Plain computes the index in one goroutine, with one map, and writes it to w: what the cluster's is compared with. ctx
// can end it early.
func Plain(ctx context.Context, dir string, w io.Writer) (Summary, error) {
	plan, err := Walk(dir)
	if err != nil {
		return Summary{}, err
	}
	c := counter{words: map[string]*[]posting{}}
	results := make([]FileResult, len(plan.Files))
	for i, f := range plan.Files {
		if err := ctx.Err(); err != nil {
			return Summary{}, err
		}
		t := Read(dir, f.Path)
		results[i] = FileResult{Status: t.Status, Why: t.Why}
		if t.Status == Indexed {
			results[i].Words = c.add(uint32(i), t.Data)
		}
	}
	words := make([]string, 0, len(c.words))
	for word := range c.words {
		words = append(words, word)
	}
	slices.Sort(words)
	x := NewWriter(w)
	if err := x.Files(plan, results); err != nil {
		return Summary{}, err
	}
	var line []byte
	for _, word := range words {
		line = appendLine(line[:0], word, *c.words[word])
		if err := x.Line(line); err != nil {
			return Summary{}, err
		}
	}
	return x.Close()
}
