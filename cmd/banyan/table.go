// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/ets"
)

func tableCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "table",
		Short: "Tables inside a running node (package ets)",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return usage("table wants ls or scan") },
	}
	c.AddCommand(tableListCommand(), tableScanCommand())
	return strict(c)
}

func tableListCommand() *cobra.Command {
	var k connection
	var f format
	c := &cobra.Command{
		Use: "ls", Aliases: []string{"list"}, Short: "List the tables of a node, with their statistics", Args: cobra.NoArgs,
		Example: "  banyan table ls --node shop@127.0.0.1 -o wide",
		RunE: func(c *cobra.Command, _ []string) error {
			return inspect(c.Context(), &k, &f, func(ctx context.Context, node banyan.Atom, i ets.Inspector) error {
				list, err := i.Tables(ctx)
				if err != nil {
					return explain(node, err)
				}
				return tableTable(tableInfos(string(node), list)).print(c.OutOrStdout(), f)
			})
		},
	}
	k.flags(c, answerTime)
	f.flags(c)
	return strict(c)
}

func tableScanCommand() *cobra.Command {
	var k connection
	var f format
	var w ets.Window
	most := 100
	c := &cobra.Command{
		Use: "scan TABLE", Short: "Print the rows of a table", Args: cobra.ExactArgs(1),
		Example: "  banyan table scan prices --node shop@127.0.0.1 --from tea -n 20 -o jsonl",
		Long: `Scan prints the rows of a table by its name: keys and values as JSON, in order if the table has one. A row that is there all
the time comes exactly once, whatever others do meanwhile. Private tables are their owners' only.

Rows of a table that the program has not made readable as JSON (unexported fields) are strings of what fmt prints; what is longer
than --cut bytes is a string of the beginning. With -o jsonl rows are printed as they come; other formats gather them first.`,
		RunE: func(c *cobra.Command, args []string) error {
			if most < 0 || w.Bytes < 1 {
				return usage("-n must not be below 0, --cut not below 1")
			}
			return inspect(c.Context(), &k, &f, func(ctx context.Context, node banyan.Atom, i ets.Inspector) error {
				return explain(node, scan(ctx, i, banyan.Atom(args[0]), w, most, f, c.OutOrStdout(), c.ErrOrStderr()))
			})
		},
	}
	k.flags(c, answerTime)
	f.flags(c)
	c.Flags().IntVarP(&most, "limit", "n", most, "how many rows at most; 0: all")
	c.Flags().StringVar(&w.From, "from", "", "begin with this key, as JSON (ordered tables)")
	c.Flags().StringVar(&w.Before, "before", "", "end before this key, as JSON (ordered tables)")
	c.Flags().IntVar(&w.Bytes, "cut", 4096, "cut keys and values to so many bytes, up to 65536")
	return strict(c)
}

// inspect runs do with an inspector of the node.
func inspect(ctx context.Context, k *connection, f *format, do func(context.Context, banyan.Atom, ets.Inspector) error) error {
	return k.ask(ctx, f, nil, func(ctx context.Context, node banyan.Atom) error {
		i, err := ets.Inspect(ctx, node)
		if err != nil {
			return explain(node, err)
		}
		defer i.Close(ctx)
		return do(ctx, node, i)
	})
}

// batch is how many rows are printed at a time where that is possible.
const batch = 500

func scan(ctx context.Context, i ets.Inspector, table banyan.Atom, w ets.Window, most int, f format, out, notes io.Writer) error {
	return printRows(most, f, out, notes, func(yield func(tableRow) bool) error {
		return i.Rows(ctx, table, w, func(x ets.RowText) bool {
			return yield(tableRow{json.RawMessage(x.Key), json.RawMessage(x.Value), x.Cut})
		})
	})
}

// printRows prints the rows that each yields, the first most of them; 0: all.
func printRows(most int, f format, out, notes io.Writer, each func(yield func(tableRow) bool) error) error {
	r, n, more := rowTable(), 0, false
	var failed error
	err := each(func(row tableRow) bool {
		if n++; most > 0 && n > most {
			more = true
			return false
		}
		r.list = append(r.list, row)
		if f.name == "jsonl" && len(r.list) == batch {
			failed = r.print(out, f)
			r.list = r.list[:0]
		}
		return failed == nil
	})
	if err := cmp.Or(err, failed); err != nil {
		return err
	}
	if err := r.print(out, f); err != nil {
		return err
	}
	if more {
		fmt.Fprintf(notes, "banyan: the first %d rows; -n 0 prints all\n", most)
	}
	return nil
}

// tableInfo is a table in JSON.
type tableInfo struct {
	Name       string  `json:"name"`
	Node       string  `json:"node"`
	Kind       string  `json:"kind"`
	Types      string  `json:"types"`
	Access     string  `json:"access"`
	Owner      string  `json:"owner,omitempty"`
	Heir       string  `json:"heir,omitempty"`
	AgeSeconds float64 `json:"age_seconds"`
	Rows       int     `json:"rows"`
	Cap        int     `json:"cap"`
	Bytes      int64   `json:"bytes_estimate"`
	Blocks     int     `json:"blocks"`
	Writes     uint64  `json:"writes"`
	Splits     uint64  `json:"splits"`
	Joins      uint64  `json:"joins"`
	Copies     uint64  `json:"copies"`
	Expired    uint64  `json:"expired"`
	Evicted    uint64  `json:"evicted"`
	Refused    uint64  `json:"refused"`
	EventsLost uint64  `json:"events_lost"`
}

func tableInfos(node string, list []ets.Stats) []tableInfo {
	all := make([]tableInfo, len(list))
	for i, s := range list {
		all[i] = tableInfo{Name: string(s.Name), Node: node, Kind: s.Kind, Types: s.Types, Access: s.Access.String(),
			Owner: pidText(s.Owner), Heir: pidText(s.Heir), AgeSeconds: s.Age.Round(time.Millisecond).Seconds(),
			Rows: s.Rows, Cap: s.Cap, Bytes: s.Bytes, Blocks: s.Blocks, Writes: s.Writes, Splits: s.Splits, Joins: s.Joins,
			Copies: s.Copies, Expired: s.Expired, Evicted: s.Evicted, Refused: s.Refused, EventsLost: s.EventsLost}
	}
	slices.SortFunc(all, func(a, b tableInfo) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Types, b.Types), cmp.Compare(a.Owner, b.Owner))
	})
	return all
}

func pidText(p banyan.PID) string {
	if p.IsZero() {
		return ""
	}
	return p.String()
}

func tableTable(list []tableInfo) rows[tableInfo] {
	return rows[tableInfo]{list: list, narrow: 7, name: func(t tableInfo) string { return printable(cmp.Or(t.Name, "-")) },
		head: []string{"NAME", "KIND", "ROWS", "MEMORY", "ACCESS", "OWNER", "TYPES", "HEIR", "CAP", "WRITES", "EXPIRED", "EVICTED", "REFUSED", "AGE"},
		cols: func(t tableInfo) []string {
			return []string{printable(t.Name), t.Kind, strconv.Itoa(t.Rows), "~" + byteSize(t.Bytes), t.Access, cmp.Or(t.Owner, "the node"),
				printable(t.Types), t.Heir, dashed(t.Cap), fmt.Sprint(t.Writes), fmt.Sprint(t.Expired), fmt.Sprint(t.Evicted), fmt.Sprint(t.Refused),
				time.Duration(t.AgeSeconds * float64(time.Second)).Round(time.Second).String()}
		}}
}

// dashed is a number, or "" for none, which is printed as a dash.
func dashed(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// tableRow is a row in JSON.
type tableRow struct {
	Key   json.RawMessage `json:"key"`
	Value json.RawMessage `json:"value"`
	Cut   bool            `json:"cut,omitempty"`
}

func rowTable() rows[tableRow] {
	return rows[tableRow]{narrow: 2, name: func(r tableRow) string { return printable(string(r.Key)) }, head: []string{"KEY", "VALUE"},
		cols: func(r tableRow) []string { return []string{printable(string(r.Key)), printable(string(r.Value))} }}
}

// printable is s if it cannot spoil a terminal or a table, else s in quotes.
func printable(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}

// byteSize is a number of bytes for people.
func byteSize(n int64) string {
	f, unit := float64(n), 0
	for f >= 1000 && unit < 5 {
		f, unit = f/1024, unit+1
	}
	if unit == 0 {
		return strconv.FormatInt(n, 10) + " B"
	}
	return fmt.Sprintf("%.3g %ciB", f, " KMGTP"[unit])
}
