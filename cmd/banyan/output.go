// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// format is how results are printed.
type format struct {
	name   string
	asJSON bool
}

// flags adds the flags for it.
func (f *format) flags(c *cobra.Command) {
	c.Flags().StringVarP(&f.name, "output", "o", "table", "table, wide, json, jsonl or name")
	c.Flags().BoolVar(&f.asJSON, "json", false, "the same as -o json")
}

// check refuses what is none.
func (f *format) check() error {
	if f.asJSON {
		f.name = "json"
	}
	switch f.name {
	case "table", "wide", "json", "jsonl", "name":
		return nil
	}
	return usage("--output %s: want table, wide, json, jsonl or name", f.name)
}

// rows are results that can be printed in any format.
type rows[T any] struct {
	list   []T
	name   func(T) string
	head   []string // of the columns; those from narrow on are for wide only
	cols   func(T) []string
	narrow int
}

// print writes them.
func (r rows[T]) print(w io.Writer, f format) error {
	switch f.name {
	case "json":
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		if r.list == nil {
			r.list = []T{}
		}
		return e.Encode(r.list)
	case "jsonl":
		e := json.NewEncoder(w)
		for _, v := range r.list {
			if err := e.Encode(v); err != nil {
				return err
			}
		}
		return nil
	case "name":
		for _, v := range r.list {
			if _, err := fmt.Fprintln(w, r.name(v)); err != nil {
				return err
			}
		}
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(cols []string) {
		if f.name != "wide" {
			cols = cols[:r.narrow]
		}
		for i, c := range cols {
			if c == "" {
				c = "-"
			}
			if i > 0 {
				c = "\t" + c
			}
			_, _ = io.WriteString(t, c) // Flush tells
		}
		_, _ = io.WriteString(t, "\n")
	}
	line(r.head)
	for _, v := range r.list {
		line(r.cols(v))
	}
	return t.Flush()
}
