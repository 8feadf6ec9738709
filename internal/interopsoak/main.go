// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist"
)

const cookie = "soaksoaksoaksoaksoak"

func main() {
	length := flag.Duration("for", 10*time.Minute, "how long")
	seed := flag.Uint64("seed", uint64(time.Now().UnixNano()), "of sizes, kills and cuts")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := soak(ctx, *length, *seed, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "interopsoak:", err)
		os.Exit(1)
	}
}

// cluster is three nodes of ours, in this program, and two of Erlang's.
type cluster struct {
	ours   []*banyan.Node
	theirs []*erlang
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

func start(dir string) (c *cluster, err error) {
	c = &cluster{}
	defer func() {
		if err != nil {
			c.stop()
		}
	}()
	port, err := freePort()
	if err != nil {
		return c, err
	}
	for i := range 3 {
		tr := dist.New(dist.Config{Cookie: cookie, Names: &dist.EPMD{Port: port}})
		n, err := banyan.Start(fmt.Sprintf("soakgo%d@127.0.0.1", i+1), banyan.WithTransport(tr), banyan.WithLogger(slog.New(slog.DiscardHandler)))
		if err != nil {
			return c, err
		}
		c.ours = append(c.ours, n)
		n.Export("soak", "victim", 0, func(self *banyan.Self, _ []any) error {
			_, err := self.Receive(self)
			return err
		})
		// What arrives faster than it is counted must wait, not be dropped: 5 MB each, from four senders.
		if _, err := banyan.Spawn(n, newSink, banyan.Name("sink"), banyan.Mailbox(banyan.Limits{Bytes: 1 << 30})); err != nil {
			return c, err
		}
	}
	for i := range 2 {
		e, err := startErlang(dir, fmt.Sprintf("soaker%d", i+1), port, cookie)
		if err != nil {
			return c, err
		}
		c.theirs = append(c.theirs, e)
	}
	return c, nil
}

func (c *cluster) stop() {
	for _, e := range c.theirs {
		e.stop()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, n := range c.ours {
		if err := n.Stop(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "interopsoak: stop:", err)
		}
	}
}

// soak runs phases until the time is over.
func soak(ctx context.Context, length time.Duration, seed uint64, out io.Writer) error {
	dir, err := os.MkdirTemp("", "interopsoak")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	c, err := start(dir)
	if err != nil {
		return err
	}
	defer c.stop()
	fmt.Fprintf(out, "seed %d, %v\n", seed, length)
	total := &counts{}
	var memory []sample
	began := time.Now()
	for phase := 1; time.Since(began) < length && ctx.Err() == nil; phase++ {
		if err := c.phase(ctx, total, phase, seed); err != nil {
			return fmt.Errorf("phase %d: %w", phase, err)
		}
		memory = append(memory, c.sample())
		if phase%10 == 0 {
			fmt.Fprintf(out, "%5.0f s: %d phases, %d messages, %d calls, %d monitors, %d cuts, %d violations; MB: %v\n", time.Since(began).Seconds(),
				phase, total.arrived, total.calls, total.monitors, total.cuts, len(total.violations), memory[len(memory)-1])
		}
	}
	fmt.Fprintf(out, "%d messages arrived of %d (%d of 1 to 5 MB), %d lost with links that were cut; %d calls, %d of them failed with such links; %d monitors and %d links fired once each; %d cuts\n",
		total.arrived, total.sent, total.bigs, total.cutLost, total.calls, total.callsFailed, total.monitors, total.links, total.cuts)
	for _, v := range grown(memory) {
		total.violation("%s", v)
	}
	for _, v := range total.violations {
		fmt.Fprintln(out, "VIOLATION:", v)
	}
	if n := len(total.violations); n > 0 {
		return fmt.Errorf("%d violations", n)
	}
	fmt.Fprintln(out, "no violation")
	return nil
}
