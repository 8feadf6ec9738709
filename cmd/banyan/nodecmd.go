// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/cluster"
	"github.com/banyan-go/banyan/ets"
)

// answerTime is how long a node may take to answer, as a default; drainTime to drain.
const (
	answerTime = 10 * time.Second
	drainTime  = time.Minute
)

// nodeCommand is what is about nodes.
func nodeCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "node",
		Short: "See and manage the nodes of a running cluster",
		Long: `Node asks a running node, over a link of its own for which it needs the cluster's cookie. It takes no part in the cluster.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 not reached or no answer in time, 5 denied, 6 done in part.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return usage("node wants ls, info, drain, undrain or forget") },
	}
	c.AddCommand(lsCommand(), infoCommand(), drainCommand(), undrainCommand(), forgetCommand())
	return strict(c)
}

func lsCommand() *cobra.Command {
	var k connection
	var f format
	c := &cobra.Command{
		Use: "ls", Aliases: []string{"list"}, Short: "List the members, as one of them sees them", Args: cobra.NoArgs,
		Example: "  banyan node ls --node a@127.0.0.1 -o wide",
		RunE: func(c *cobra.Command, _ []string) error {
			return k.ask(c.Context(), &f, nil, func(ctx context.Context, node banyan.Atom) error {
				members, err := cluster.At(node).Members(ctx)
				if err != nil {
					return explain(node, err)
				}
				return memberTable(members, time.Now()).print(c.OutOrStdout(), f)
			})
		},
	}
	k.flags(c, answerTime)
	f.flags(c)
	return strict(c)
}

// infoJSON is what is printed of one node. Its fields are a contract.
type infoJSON struct {
	memberJSON
	Cluster      string    `json:"cluster"`
	Began        time.Time `json:"began"`
	OSPID        int       `json:"os_pid"`
	Program      string    `json:"program"`
	Go           string    `json:"go"`
	System       string    `json:"system"`
	MaxProcesses int       `json:"max_processes"`
	Links        []string  `json:"links"`
}

func infoCommand() *cobra.Command {
	var k connection
	var f format
	c := &cobra.Command{
		Use: "info [NODE]", Short: "Show what a node says of itself", Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return k.ask(c.Context(), &f, args, func(ctx context.Context, node banyan.Atom) error {
				i, err := cluster.At(node).Info(ctx)
				if err != nil {
					return explain(node, err)
				}
				return infoTable(i).print(c.OutOrStdout(), f)
			})
		},
	}
	k.flags(c, answerTime)
	f.flags(c)
	return strict(c)
}

// ask does something with the node that args name, or else with the one that is asked, once it is known that the answer can be printed.
func (k *connection) ask(ctx context.Context, f *format, args []string, do func(context.Context, banyan.Atom) error) error {
	if err := f.check(); err != nil {
		return err
	}
	node, err := k.target(args)
	if err != nil {
		return err
	}
	return k.with(ctx, func(ctx context.Context) error { return do(ctx, node) })
}

// target is the node that is named by an argument, or else the one that is asked.
func (k *connection) target(args []string) (banyan.Atom, error) {
	if len(args) == 0 {
		return k.asked("")
	}
	return fullName(args[0])
}

func drainCommand() *cobra.Command {
	var k connection
	var leave, dry bool
	c := &cobra.Command{
		Use: "drain NODE", Short: "Take a node out of service: no new work, what it has is finished", Args: cobra.ExactArgs(1),
		Long: `Drain has a node finish what it has and take nothing new, and waits until it has. Its processes leave their groups. The node stays in the
cluster, until "node undrain" takes it back into service or it is stopped; with --leave it leaves.`,
		RunE: func(c *cobra.Command, args []string) error {
			return k.change(c, args[0], dry, "would drain", "drained", func(ctx context.Context, r cluster.Remote) error {
				if leave {
					return r.Drain(ctx)
				}
				return r.Quiesce(ctx)
			})
		},
	}
	k.flags(c, drainTime)
	c.Flags().BoolVar(&leave, "leave", false, "leave the cluster afterwards")
	c.Flags().BoolVar(&dry, "dry-run", false, "only look whether the node is there")
	return strict(c)
}

func undrainCommand() *cobra.Command {
	var k connection
	c := &cobra.Command{
		Use: "undrain NODE", Short: "Take a drained node back into service", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return k.change(c, args[0], false, "", "in service", func(ctx context.Context, r cluster.Remote) error { return r.Undrain(ctx) })
		},
	}
	k.flags(c, answerTime)
	return strict(c)
}

// change does something to a node and says so.
func (k *connection) change(c *cobra.Command, name string, dry bool, would, did string, do func(context.Context, cluster.Remote) error) error {
	node, err := fullName(name)
	if err != nil {
		return err
	}
	return k.with(c.Context(), func(ctx context.Context) error {
		r, said := cluster.At(node), did
		if dry {
			said = would
			_, err = r.Info(ctx)
		} else {
			err = do(ctx, r)
		}
		if err != nil {
			return explain(node, err)
		}
		_, err := fmt.Fprintf(c.OutOrStdout(), "%s %s\n", said, node)
		return err
	})
}

func forgetCommand() *cobra.Command {
	var k connection
	var dry bool
	c := &cobra.Command{
		Use: "forget NODE", Short: "Declare a node that is not reached down for good, on all nodes", Args: cobra.ExactArgs(1),
		Long: `Forget declares a node down, so that nobody waits for it or looks for it any more. It must not be reachable from the node that is asked
(--node). If it lives after all, it stays down until it is started anew.`,
		RunE: func(c *cobra.Command, args []string) error {
			gone, err := fullName(args[0])
			if err != nil {
				return err
			}
			node, err := k.asked("")
			if err != nil {
				return err
			}
			return k.with(c.Context(), func(ctx context.Context) error {
				said := "forgotten"
				if dry {
					said = "would forget"
					err = mayForget(ctx, cluster.At(node), gone)
				} else {
					err = cluster.At(node).Forget(ctx, gone)
				}
				if err != nil {
					return explain(node, err)
				}
				_, err := fmt.Fprintf(c.OutOrStdout(), "%s %s\n", said, gone)
				return err
			})
		},
	}
	k.flags(c, answerTime)
	c.Flags().BoolVar(&dry, "dry-run", false, "only look whether it could be")
	return strict(c)
}

// mayForget says what Forget would.
func mayForget(ctx context.Context, r cluster.Remote, gone banyan.Atom) error {
	members, err := r.Members(ctx)
	if err != nil {
		return err
	}
	for _, m := range members {
		switch {
		case m.Name != gone:
		case !m.State.Over() && m.Reach != cluster.Unreachable:
			return fmt.Errorf("forget %s: %w", gone, cluster.ErrReachable)
		default:
			return nil
		}
	}
	return fmt.Errorf("forget %s: %w", gone, cluster.ErrUnknown)
}

// explain adds to an error what to do about it.
func explain(node banyan.Atom, err error) error {
	switch exitCode(err) {
	case exitUnreachable:
		if errors.Is(err, banyan.ErrTimeout) || errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("%s gave no answer in time: %w (--timeout gives it more)", node, err)
		}
		return fmt.Errorf("%s is not reached: %w (is it running? is the port mapper's port right? see --epmd-port)", node, err)
	case exitDenied:
		if errors.Is(err, ets.ErrAccess) {
			return err
		}
		return fmt.Errorf("%s does not let us in: %w (give the cluster's cookie by --cookie-file, and where links are encrypted its certificates by --tls)", node, err)
	}
	return err
}
