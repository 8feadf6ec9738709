// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/db"
)

func dbCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "db",
		Short: "The database of a running node (package db)",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return usage("db wants status, tables, get or scan") },
	}
	c.AddCommand(dbStatusCommand(), dbTablesCommand(), dbGetCommand(), dbScanCommand())
	return strict(c)
}

// askDB runs do with the database's inspector.
func askDB(ctx context.Context, k *connection, f *format, do func(context.Context, db.Inspector) error) error {
	return k.ask(ctx, f, nil, func(ctx context.Context, node banyan.Atom) error { return explain(node, do(ctx, db.At(node))) })
}

func dbStatusCommand() *cobra.Command {
	var k connection
	var f format
	groups := false
	c := &cobra.Command{
		Use: "status", Short: "Show the nodes of the database, or the groups that a node has a replica of", Args: cobra.NoArgs,
		Example: "  banyan db status --node shop@127.0.0.1\n  banyan db status --node shop@127.0.0.1 --groups",
		RunE: func(c *cobra.Command, _ []string) error {
			return askDB(c.Context(), &k, &f, func(ctx context.Context, i db.Inspector) error {
				st, err := i.Status(ctx)
				if err != nil {
					return err
				}
				if groups {
					return dbGroupTable(st).print(c.OutOrStdout(), f)
				}
				return dbNodeTable(st).print(c.OutOrStdout(), f)
			})
		},
	}
	k.flags(c, answerTime)
	f.flags(c)
	c.Flags().BoolVar(&groups, "groups", false, "show the groups instead of the nodes")
	return strict(c)
}

// dbNode is a node of the database in JSON. Voter counts the groups that it votes for, of those that the node that was asked knows.
type dbNode struct {
	Name          string  `json:"name"`
	Number        uint64  `json:"number"`
	State         string  `json:"state"`
	SilentSeconds float64 `json:"silent_seconds"`
	Leads         int     `json:"leads"`
	Votes         int     `json:"votes"`
	Learns        int     `json:"learns"`
	Database      string  `json:"database"`
}

func dbNodeTable(st db.Status) rows[dbNode] {
	r := rows[dbNode]{narrow: 7, name: func(n dbNode) string { return n.Name },
		head: []string{"NAME", "NUMBER", "STATE", "SILENT", "LEADS", "VOTES", "LEARNS", "DATABASE"},
		cols: func(n dbNode) []string {
			return []string{n.Name, fmt.Sprint(n.Number), n.State, time.Duration(n.SilentSeconds * float64(time.Second)).String(),
				strconv.Itoa(n.Leads), strconv.Itoa(n.Votes), strconv.Itoa(n.Learns), n.Database}
		}}
	for _, n := range st.Nodes {
		x := dbNode{Name: string(n.Name), Number: n.Number, State: n.State, SilentSeconds: n.Silent.Seconds(), Database: st.Database}
		for _, g := range st.Groups {
			x.Leads += count(n.Number, g.Leader)
			x.Votes += count(n.Number, g.Voters...)
			x.Learns += count(n.Number, g.Learners...)
		}
		r.list = append(r.list, x)
	}
	return r
}

func count(n uint64, list ...uint64) (k int) {
	for _, x := range list {
		if x == n {
			k++
		}
	}
	return k
}

// dbGroup is a replica of a group in JSON. Nodes are their numbers.
type dbGroup struct {
	Group    uint64   `json:"group"`
	Leader   uint64   `json:"leader"`
	Term     uint64   `json:"term"`
	Voters   []uint64 `json:"voters"`
	Learners []uint64 `json:"learners"`
	Storage  string   `json:"storage"`
	Missing  int      `json:"missing"`
	Applied  uint64   `json:"applied"`
	Commit   uint64   `json:"commit"`
	Quiet    bool     `json:"quiet"`
	Refused  string   `json:"refused,omitempty"`
}

func dbGroupTable(st db.Status) rows[dbGroup] {
	r := rows[dbGroup]{narrow: 7, name: func(g dbGroup) string { return fmt.Sprint(g.Group) },
		head: []string{"GROUP", "STORAGE", "LEADER", "VOTERS", "LEARNERS", "MISSING", "REFUSED", "TERM", "APPLIED", "COMMIT", "QUIET"},
		cols: func(g dbGroup) []string {
			return []string{fmt.Sprint(g.Group), g.Storage, numbers(g.Leader), numbers(g.Voters...), numbers(g.Learners...), fmt.Sprint(g.Missing), g.Refused,
				fmt.Sprint(g.Term), fmt.Sprint(g.Applied), fmt.Sprint(g.Commit), fmt.Sprint(g.Quiet)}
		}}
	for _, g := range st.Groups {
		r.list = append(r.list, dbGroup{g.Group, g.Leader, g.Term, g.Voters, g.Learners, g.Storage, g.Missing, g.Applied, g.Commit, g.Quiet, g.Refused})
	}
	return r
}

// numbers lists nodes; 0 is none.
func numbers(list ...uint64) string {
	var s []string
	for _, n := range list {
		if n != 0 {
			s = append(s, fmt.Sprint(n))
		}
	}
	return strings.Join(s, ",")
}

func dbTablesCommand() *cobra.Command {
	var k connection
	var f format
	c := &cobra.Command{
		Use: "tables", Aliases: []string{"ls"}, Short: "List the tables of the database", Args: cobra.NoArgs,
		Long: `Tables lists the tables: the types of keys and values, where the rows are kept, on how many nodes they are, and should be. 0 copies: nobody leads a part of the
table for now. A table in memory that lost rows, because too many nodes ended at once, says when.`,
		Example: "  banyan db tables --node shop@127.0.0.1",
		RunE: func(c *cobra.Command, _ []string) error {
			return askDB(c.Context(), &k, &f, func(ctx context.Context, i db.Inspector) error {
				list, err := i.Tables(ctx)
				if err != nil {
					return err
				}
				r := rows[dbTable]{narrow: 6, name: func(t dbTable) string { return printable(t.Name) },
					head: []string{"NAME", "KEY", "VALUE", "PARTITION", "STORAGE", "COPIES", "LOST"},
					cols: func(t dbTable) []string {
						return []string{printable(t.Name), t.Key, t.Value, t.Partition, t.Storage, fmt.Sprintf("%d/%s", t.Present, t.Copies), t.LostAt}
					}}
				for _, t := range list {
					x := dbTable{Name: t.Name, Key: t.Key, Value: t.Value, Partition: t.Partition, Storage: t.Storage.String(), Copies: fmt.Sprint(t.Copies), Present: t.Present, Lost: t.Lost}
					if t.Copies == db.Everywhere {
						x.Copies = "all"
					}
					if t.Lost > 0 {
						x.LostAt = time.Unix(t.LostAt, 0).UTC().Format(time.RFC3339)
					}
					r.list = append(r.list, x)
				}
				return r.print(c.OutOrStdout(), f)
			})
		},
	}
	k.flags(c, answerTime)
	f.flags(c)
	return strict(c)
}

// dbTable is a table of the database in JSON. Copies is a number of nodes, or all; Lost is how often rows in memory were lost, LostAt when.
type dbTable struct {
	Name      string `json:"name"`
	Key       string `json:"key"`
	Value     string `json:"value"`
	Partition string `json:"partition,omitempty"`
	Storage   string `json:"storage"`
	Copies    string `json:"copies"`
	Present   int    `json:"present"`
	Lost      int    `json:"lost,omitempty"`
	LostAt    string `json:"lost_at,omitempty"`
}

func dbGetCommand() *cobra.Command {
	var k connection
	var f format
	c := &cobra.Command{
		Use: "get TABLE KEY", Short: "Print the row of a key", Args: cobra.ExactArgs(2),
		Example: "  banyan db get accounts alice --node shop@127.0.0.1\n  banyan db get lines '[\"alice\",3]' --node shop@127.0.0.1",
		Long: `Get prints a row as it is now. The key is JSON; a string needs no quotes, the fields of a struct are an array, bytes are hexadecimal digits. If there is no
such row the exit code is 3.`,
		RunE: func(c *cobra.Command, args []string) error {
			return askDB(c.Context(), &k, &f, func(ctx context.Context, i db.Inspector) error {
				row, ok, err := i.Get(ctx, args[0], args[1])
				switch {
				case err != nil:
					return err
				case !ok:
					return coded{exitNotFound, fmt.Errorf("table %s has no row of key %s", args[0], args[1])}
				}
				r := rowTable()
				r.list = append(r.list, tableRow{Key: json.RawMessage(row.Key), Value: json.RawMessage(row.Value)})
				return r.print(c.OutOrStdout(), f)
			})
		},
	}
	k.flags(c, answerTime)
	f.flags(c)
	return strict(c)
}

func dbScanCommand() *cobra.Command {
	var k connection
	var f format
	var from, before string
	most := 100
	c := &cobra.Command{
		Use: "scan TABLE", Short: "Print the rows of a table", Args: cobra.ExactArgs(1),
		Example: "  banyan db scan accounts --node shop@127.0.0.1 --from m -n 20 -o jsonl",
		Long: `Scan prints rows in the order of their keys: keys and values as JSON. Rows are fetched some hundred at a time, each of these as they are at one
moment. With -o jsonl they are printed as they come; other formats gather them first.`,
		RunE: func(c *cobra.Command, args []string) error {
			if most < 0 {
				return usage("-n must not be below 0")
			}
			return askDB(c.Context(), &k, &f, func(ctx context.Context, i db.Inspector) error {
				return scanDB(ctx, i, args[0], from, before, most, f, c.OutOrStdout(), c.ErrOrStderr())
			})
		},
	}
	k.flags(c, answerTime)
	f.flags(c)
	c.Flags().IntVarP(&most, "limit", "n", most, "how many rows at most; 0: all")
	c.Flags().StringVar(&from, "from", "", "begin with this key, as JSON")
	c.Flags().StringVar(&before, "before", "", "end before this key, as JSON")
	return strict(c)
}

func scanDB(ctx context.Context, i db.Inspector, table, from, before string, most int, f format, out, notes io.Writer) error {
	return printRows(most, f, out, notes, func(yield func(tableRow) bool) error {
		return i.Rows(ctx, table, from, before, func(x db.RowText) bool {
			return yield(tableRow{Key: json.RawMessage(x.Key), Value: json.RawMessage(x.Value)})
		})
	})
}
