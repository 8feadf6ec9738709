// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist"
)

// The nodes of a run. Workers and callers are on different ones: each call goes over a link.
const (
	workerNodes = 4
	callerNodes = 2
)

// cluster is nodes of this process that are linked over loopback TCP.
type cluster struct {
	workers, callers []*banyan.Node
}

// startCluster starts the nodes and links each caller's to each worker's.
func startCluster(ctx context.Context, perNode int) (*cluster, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	c := &cluster{}
	start := func(kind string, i int) (*banyan.Node, error) {
		tr := dist.New(dist.Config{Cookie: "realsim", Names: &dist.EPMD{Port: port}})
		return banyan.Start(fmt.Sprintf("%s%d@127.0.0.1", kind, i+1), banyan.WithTransport(tr),
			banyan.WithLogger(slog.New(slog.DiscardHandler)), banyan.WithWorkers(perNode+2)) // a handler that sleeps keeps its place
	}
	for i := range workerNodes {
		n, err := start("worker", i)
		if err != nil {
			return c, err
		}
		c.workers = append(c.workers, n)
	}
	for i := range callerNodes {
		n, err := start("caller", i)
		if err != nil {
			return c, err
		}
		c.callers = append(c.callers, n)
		for _, w := range c.workers {
			if err := n.Connect(ctx, w.Name()); err != nil {
				return c, err
			}
		}
		for len(n.BanyanNodes()) < workerNodes { // they tell each other what they are
			if ctx.Err() != nil {
				return c, ctx.Err()
			}
			time.Sleep(time.Millisecond)
		}
	}
	return c, nil
}

// stop ends all nodes.
func (c *cluster) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var errs []error
	for _, n := range append(c.callers, c.workers...) {
		errs = append(errs, n.Stop(ctx))
	}
	return errors.Join(errs...)
}

// freePort is a port for a name server of our own.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
