// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/banyan-go/banyan/internal/demo/launch"
)

// The default of --least: time for a person to watch and kill, and for the script to kill every node once.
const (
	leastForPeople = 25 * time.Second
	leastForScript = 5 * time.Second // for each node: one that was killed is back, with its part of the database, before the next one is
)

func demoCommand() *cobra.Command {
	o := launch.Options{Shards: 12}
	c := &cobra.Command{
		Use:   "demo",
		Short: "Run a real job on three nodes that survives kill -9",
		Long: `Demo starts three nodes, real processes of this machine that speak Erlang's distribution protocol on loopback,
and lets them make an index of real text: which words stand in which files, and how often. By default the text is the source
tree of this machine's Go toolchain.

Kill any node while it works: by its number and Enter, on the status page, or by kill -9 with the pid that is printed. Its
work is taken over, and it is started again after 2 s. Add one: by + and Enter, on the status page, or by "banyan demo add" in
another terminal. It finds the others by itself, and has its share of the work seconds later. In the end the same index is computed by a plain program with one
goroutine, and the two are compared byte for byte.

The workers take their time, so that the job lasts as long as --least says and there is time to watch; --least 0 is full
speed.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := fillIn(c, &o); err != nil {
				return err
			}
			return launch.Run(c.Context(), o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.Dir, "dir", "", "the tree of text files to index (default: the Go toolchain's source)")
	f.IntVar(&o.Nodes, "nodes", 3, "how many nodes, 2 to 9")
	f.StringVar(&o.Script, "script", "", `"failover": kill one node after another, and fail unless the result is right`)
	f.Uint64Var(&o.Seed, "seed", 0, "replays a script's choices (default: random)")
	f.StringVar(&o.HTTP, "http", "127.0.0.1:0", `where the status page listens; "" for none`)
	f.IntVar(&o.Workers, "workers", 2, "workers on each node")
	f.IntVar(&o.Readers, "readers", 2, "readers on each node")
	f.IntVar(&o.Shards, "shards", 12, "parts of the index, spread over the nodes")
	f.DurationVar(&o.Least, "least", leastForPeople, fmt.Sprintf("the least time that the job is to take; with --script %v for each node", leastForScript))
	f.StringVar(&o.Index, "index", "", "leave the index in this file")
	c.AddCommand(demoAddCommand())
	f.StringVar(&o.Logs, "logs", "", "leave the nodes' logs in this directory (default: only after a failure)")
	return c
}

func demoAddCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "add",
		Short: "Add a node to the demo that runs",
		Long:  "Add asks the demo that was started last on this machine, by the same user, for one more node.",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			what, err := launch.Add(c.Context())
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), what)
			return err
		},
	}
}

// fillIn sets what the flags leave open.
func fillIn(c *cobra.Command, o *launch.Options) error {
	o.Out = c.OutOrStdout()
	if o.Script != "" && !c.Flags().Changed("least") {
		o.Least = leastForScript * time.Duration(o.Nodes)
	}
	if !c.Flags().Changed("seed") {
		o.Seed = rand.Uint64()
	}
	o.Terminal = o.Out == os.Stdout && isTerminal(os.Stdout)
	if isTerminal(os.Stdin) {
		o.In = os.Stdin
	}
	if o.Dir == "" {
		dir, err := goSource(c.Context())
		if err != nil {
			return err
		}
		o.Dir = dir
	}
	return nil
}

// goSource finds the source tree of the Go toolchain.
func goSource(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	root := strings.TrimSpace(string(out))
	if err != nil || root == "" {
		return "", fmt.Errorf("the Go toolchain is not found (%v): say what to index with --dir", err)
	}
	return filepath.Join(root, "src"), nil
}

// isTerminal tells terminals from files, pipes and the null device.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}

func demoNodeCommand() *cobra.Command {
	return &cobra.Command{
		Use: launch.NodeCommand, Hidden: true, Args: cobra.NoArgs, Short: "A node of the demo",
		RunE: func(c *cobra.Command, _ []string) error { return launch.NodeMain(c.Context()) },
	}
}

func demoPlainCommand() *cobra.Command {
	return &cobra.Command{
		Use: launch.PlainCommand, Hidden: true, Args: cobra.NoArgs, Short: "The plain computation of the demo",
		RunE: func(c *cobra.Command, _ []string) error { return launch.PlainMain(c.Context()) },
	}
}
