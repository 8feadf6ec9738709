// SPDX-License-Identifier: Apache-2.0

//go:build rollingnext

package main

// Serve is the call of the next build: it has one more field than the other one's.
type Serve struct {
	ID       uint64
	Text     string
	Priority int
}

// Served is its answer, with one more field too.
type Served struct {
	ID       uint64
	Node     string
	Priority int
}

const build = "next"

func newServe(id uint64) Serve { return Serve{ID: id, Text: "a cup of tea", Priority: 7} }

// with tells which priority was seen: 0 of a caller that knows none.
func (s Served) with(m Serve) Served {
	s.Priority = m.Priority
	return s
}
