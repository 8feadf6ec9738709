// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist"
)

// connection is the flags that say which node to ask, and how to reach it.
type connection struct {
	node, cookieFile, tls string
	epmdPort              int
	timeout               time.Duration
}

// flags adds them. Each has an environment variable, which a flag goes before.
func (k *connection) flags(c *cobra.Command, timeout time.Duration) {
	f := c.PersistentFlags()
	f.StringVar(&k.node, "node", os.Getenv("BANYAN_NODE"), "the running node to ask, name@host (BANYAN_NODE)")
	f.StringVar(&k.cookieFile, "cookie-file", os.Getenv("BANYAN_COOKIE_FILE"), "the file with the cluster's cookie (BANYAN_COOKIE_FILE; default ~/.erlang.cookie)")
	f.StringVar(&k.tls, "tls", os.Getenv("BANYAN_TLS"), "where links are encrypted: the file of certificates, as for Erlang's -ssl_dist_optfile (BANYAN_TLS)")
	f.IntVar(&k.epmdPort, "epmd-port", numberOf("BANYAN_EPMD_PORT", 0), "the port mapper's port (BANYAN_EPMD_PORT; default ERL_EPMD_PORT, else 4369)")
	f.DurationVar(&k.timeout, "timeout", timeOf("BANYAN_TIMEOUT", timeout), "how long to wait for an answer (BANYAN_TIMEOUT)")
}

func numberOf(env string, def int) int {
	if n, err := strconv.Atoi(os.Getenv(env)); err == nil {
		return n
	}
	return def
}

func timeOf(env string, def time.Duration) time.Duration {
	if d, err := time.ParseDuration(os.Getenv(env)); err == nil {
		return d
	}
	return def
}

// asked is the node to ask; other is used if --node is not given.
func (k *connection) asked(other string) (banyan.Atom, error) {
	name := k.node
	if name == "" {
		name = other
	}
	if name == "" {
		return "", usage("say which running node to ask, by --node name@host or BANYAN_NODE")
	}
	return fullName(name)
}

// fullName checks a node's name.
func fullName(name string) (banyan.Atom, error) {
	if i := strings.IndexByte(name, '@'); i <= 0 || i == len(name)-1 {
		return "", usage("%q is no node's name: want name@host", name)
	}
	return banyan.Atom(name), nil
}

// with makes a hidden node that lives for one command, and does something with its context.
func (k *connection) with(ctx context.Context, do func(ctx context.Context) error) error {
	if k.timeout <= 0 {
		return usage("--timeout %v: want more than nothing", k.timeout)
	}
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil)) // the error says what went wrong
	name := fmt.Sprintf("banyan_%s@127.0.0.1", strings.ToLower(rand.Text()[:10]))
	cfg := dist.Config{CookieFile: k.cookieFile, Names: &dist.EPMD{Port: k.epmdPort}}
	if k.tls != "" {
		cfg.TLS = &dist.TLS{OptFile: k.tls}
	}
	node, err := banyan.Start(name, banyan.WithTransport(dist.New(cfg)), banyan.WithLogger(quiet))
	if err != nil {
		return err
	}
	defer func() {
		bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = node.Stop(bound) // it has done what it was for
	}()
	ctx, cancel := context.WithTimeout(ctx, k.timeout)
	defer cancel()
	return do(node.Context(ctx))
}
