// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist"
	"github.com/banyan-go/banyan/supervisor"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// options are the flags.
type options struct {
	name, cookie, tls string
	hidden, stdin     bool
	tick              time.Duration
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("interoptarget", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.name, "name", "", "the node's full `name`, as T@127.0.0.1")
	f.StringVar(&o.cookie, "cookie", "", "the cluster's cookie; default: that of ~/.erlang.cookie")
	f.BoolVar(&o.hidden, "hidden", false, "be a hidden node: no global, not in nodes() of others")
	f.StringVar(&o.tls, "tls", "", "encrypt links; `file` is as for Erlang's -ssl_dist_optfile")
	f.DurationVar(&o.tick, "ticktime", 60*time.Second, "net_ticktime")
	f.BoolVar(&o.stdin, "stdin", false, "end with the end of standard input")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if o.name == "" {
		return o, errors.New("--name is needed, for example --name T@127.0.0.1")
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("%q is no flag: all arguments are flags", f.Arg(0))
	}
	return o, nil
}

// config is the distribution's part.
func (o options) config() (dist.Config, error) {
	c := dist.Config{Cookie: o.cookie, Visible: !o.hidden, TickTime: o.tick}
	if o.tls != "" {
		c.TLS = &dist.TLS{OptFile: o.tls}
	}
	if p := os.Getenv("ERL_EPMD_PORT"); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil {
			return c, fmt.Errorf("ERL_EPMD_PORT=%q is no port: %w", p, err)
		}
		c.Names = &dist.EPMD{Port: int(n)}
	}
	return c, nil
}

// run is the program.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, err := parse(args, stderr)
	if err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(stderr, "interoptarget:", err)
		}
		return 2
	}
	if err := serve(o, stdin, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "interoptarget:", err)
		return 1
	}
	return 0
}

func serve(o options, stdin io.Reader, stdout, stderr io.Writer) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	cfg, err := o.config()
	if err != nil {
		return err
	}
	register()
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	node, err := banyan.Start(o.name, banyan.WithTransport(dist.New(cfg)), banyan.WithLogger(log))
	if err != nil {
		return err
	}
	defer func() { // what does not stop in time is reported by the node's log
		sctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = node.Stop(sctx)
	}()
	if err := services(node, stdout); err != nil {
		return err
	}
	tree := supervisor.New("interoptarget", supervisor.OneForOne, supervisor.Intensity(1000, time.Second),
		supervisor.Worker("echo", newEcho, supervisor.With(banyan.Name("echo"))),
		supervisor.Worker("counter", newCounter, supervisor.With(banyan.Name("counter"))),
		supervisor.Worker("exiter", newExiter, supervisor.With(banyan.Name("exiter"))),
		supervisor.Worker("driver", newDriver, supervisor.With(banyan.Name("driver"))),
	)
	if _, err := tree.Start(node); err != nil {
		return err
	}
	fmt.Fprintln(stdout, "ready", o.name)
	if o.stdin {
		go func() { // ends with the input, or the program
			_, _ = io.Copy(io.Discard, stdin)
			stop()
		}()
	}
	<-ctx.Done()
	return nil
}
