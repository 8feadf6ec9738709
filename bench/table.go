// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
)

// tableHead is above every table.
const tableHead = "| row | figure | Banyan | Erlang | Go | x Erlang | x Go | target | met |\n" +
	"|---|---|---|---|---|---|---|---|---|\n"

// table is a Markdown table of the results.
func table(results []*result) string {
	var b strings.Builder
	b.WriteString(tableHead)
	for _, r := range results {
		for _, line := range rowsOf(r) {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// wholeTable is the table of all raw results in a folder, whenever they were made.
func wholeTable(dir string) string {
	var b strings.Builder
	b.WriteString(tableHead)
	for _, t := range suite() {
		text, err := os.ReadFile(filepath.Join(dir, t.name+".txt"))
		if err != nil {
			fmt.Fprintf(&b, "| %s | %s | not run | | | | | | |\n", t.row, t.title)
			continue
		}
		_, lines, _ := strings.Cut(string(text), tableHead)
		b.WriteString(lines)
	}
	return b.String()
}

// rowsOf are the lines of one test, one for each figure.
func rowsOf(r *result) []string {
	var lines []string
	for _, f := range r.t.figures {
		cells := []string{r.t.row, r.t.title + ": " + f.label + ", " + f.unit}
		for c := range contenders {
			cells = append(cells, r.cell(f, c))
		}
		cells = append(cells, r.ratio(f, erlang), r.ratio(f, plain), f.wanted(), r.met(f))
		lines = append(lines, "| "+strings.Join(cells, " | ")+" |")
	}
	return lines
}

// cell is median, least and most.
func (r *result) cell(f figure, c contender) string {
	if why := r.missed[c]; why != "" {
		return "not run: " + why
	}
	s := r.values[c][f.key]
	if len(s) == 0 {
		return "-"
	}
	lo, hi := s[0], s[0]
	for _, v := range s {
		lo, hi = min(lo, v), max(hi, v)
	}
	return fmt.Sprintf("**%s** (%s - %s)", number(s.median()), number(lo), number(hi))
}

// ratio is how many times better Banyan is.
func (r *result) ratio(f figure, c contender) string {
	a, b := r.values[ours][f.key], r.values[c][f.key]
	if len(a) == 0 || len(b) == 0 {
		return "-"
	}
	x := f.better(a.median(), b.median())
	if x == 0 || math.IsInf(x, 0) {
		return "-"
	}
	if x >= 10 {
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.2g", x)
}

// wanted is the target in words.
func (f figure) wanted() string {
	var parts []string
	sign := ">= "
	if f.lower {
		sign = "<= "
	}
	if f.zeroed {
		parts = append(parts, "0")
	} else if f.target != 0 {
		parts = append(parts, sign+number(f.target))
	}
	if f.factor != 0 {
		parts = append(parts, fmt.Sprintf("%g x Erlang", f.factor))
	}
	if f.beside != 0 {
		parts = append(parts, fmt.Sprintf("%.2g x Go", f.beside))
	}
	if len(parts) == 0 {
		return "reported"
	}
	return strings.Join(parts, ", ")
}

// met tells which targets were reached, by the medians.
func (r *result) met(f figure) string {
	if f.target == 0 && f.factor == 0 && f.beside == 0 && !f.zeroed {
		return ""
	}
	a := r.values[ours][f.key]
	if len(a) == 0 {
		return "not run"
	}
	if !f.reached(a.median()) {
		return "**no**"
	}
	met := "yes"
	for c, factor := range [...]float64{erlang: f.factor, plain: f.beside} {
		b := r.values[c][f.key]
		switch {
		case factor == 0:
		case len(b) == 0:
			met = "yes, ratio not run"
		case f.better(a.median(), b.median()) < factor:
			return "**no** (ratio)"
		}
	}
	return met
}

// number is a value with three digits that matter.
func number(v float64) string {
	a := math.Abs(v)
	switch {
	case a >= 1e6:
		return fmt.Sprintf("%.3gM", v/1e6)
	case a >= 1e4:
		return fmt.Sprintf("%.3gk", v/1e3)
	case a >= 100 || v == math.Trunc(v):
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	case a >= 1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.2g", v)
}
