// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// pong is one answer. Its fields are a contract.
type pong struct {
	Node      string   `json:"node"`
	OK        bool     `json:"ok"`
	ConnectMS *float64 `json:"connect_ms"` // with the handshake; null if there was none
	RoundMS   *float64 `json:"round_ms"`   // of one message and its answer
	Error     string   `json:"error,omitempty"`
	code      int
}

func pingCommand() *cobra.Command {
	var k connection
	var f format
	c := &cobra.Command{
		Use: "ping NODE...", Short: "Ask nodes whether they are there: Banyan's, Erlang's or Elixir's", Args: cobra.ArbitraryArgs,
		Long: `Ping makes a link to each node, as net_adm:ping/1 does, and measures a message there and back.

Exit codes: 0 all answered, 2 wrong usage, 4 none was reached, 5 denied, 6 some did not answer.`,
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return err
			}
			if len(args) == 0 && k.node != "" {
				args = []string{k.node}
			}
			if len(args) == 0 {
				return usage("ping whom? name@host, or BANYAN_NODE")
			}
			for _, a := range args {
				if _, err := fullName(a); err != nil {
					return err
				}
			}
			return k.with(c.Context(), func(ctx context.Context) error { return pingAll(ctx, c, args, f) })
		},
	}
	k.flags(c, answerTime)
	f.flags(c)
	return strict(c)
}

// pingAll asks all at once.
func pingAll(ctx context.Context, c *cobra.Command, names []string, f format) error {
	answers := make([]chan pong, len(names))
	for i, name := range names {
		answers[i] = make(chan pong, 1)
		go func() { answers[i] <- ping(ctx, banyan.Atom(name)) }()
	}
	r := rows[pong]{name: func(p pong) string { return p.Node }, narrow: 4, head: []string{"NODE", "ANSWER", "CONNECT", "ROUND TRIP"},
		cols: func(p pong) []string {
			if !p.OK {
				return []string{p.Node, "pang", "", ""}
			}
			return []string{p.Node, "pong", fmt.Sprintf("%.2f ms", *p.ConnectMS), fmt.Sprintf("%.2f ms", *p.RoundMS)}
		}}
	failed, code := 0, exitUnreachable
	for _, a := range answers {
		p := <-a
		r.list = append(r.list, p)
		if !p.OK {
			failed, code = failed+1, p.code
			_, _ = fmt.Fprintln(c.ErrOrStderr(), "banyan:", p.Error) // the exit code says it too
		}
	}
	if err := r.print(c.OutOrStdout(), f); err != nil || failed == 0 {
		return err
	}
	if failed < len(names) {
		code = exitPartial
	}
	return coded{code, fmt.Errorf("%d of %d nodes did not answer", failed, len(names))}
}

func ping(ctx context.Context, node banyan.Atom) pong {
	p, began := pong{Node: string(node)}, time.Now()
	self := banyan.NodeOf(ctx)
	err := self.Connect(ctx, node)
	if err == nil {
		p.ConnectMS = milliseconds(time.Since(began))
		began = time.Now()
		var v any
		v, err = banyan.Call(ctx, banyan.At[banyan.Foreign]("net_kernel", node), banyan.Ask[any]{Term: etf.Tuple{etf.Atom("is_auth"), self.Name()}})
		if err == nil && v != etf.Atom("yes") {
			err = fmt.Errorf("it answers %v", v)
		}
	}
	if err != nil {
		p.Error, p.code = explain(node, err).Error(), exitCode(err)
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			p.code = exitUnreachable
		}
		return p
	}
	p.OK, p.RoundMS = true, milliseconds(time.Since(began))
	return p
}

func milliseconds(d time.Duration) *float64 {
	ms := float64(d.Microseconds()) / 1000
	return &ms
}
