// SPDX-License-Identifier: Apache-2.0

//go:build !rollingnext

package main

// Serve is the call. The other build has one more field.
type Serve struct {
	ID   uint64
	Text string
}

// Served is its answer.
type Served struct {
	ID   uint64
	Node string
}

const build = "this"

func newServe(id uint64) Serve { return Serve{ID: id, Text: "a cup of tea"} }

func (s Served) with(Serve) Served { return s }
