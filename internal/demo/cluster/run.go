// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/app"
	"github.com/banyan-go/banyan/cluster"
	"github.com/banyan-go/banyan/cluster/discover"
	"github.com/banyan-go/banyan/db"
	"github.com/banyan-go/banyan/dist"
	"github.com/banyan-go/banyan/supervisor"
)

const topName banyan.Atom = "demo"

// tickTime is how long a node that does not answer is waited for: short, for on loopback a silent node is a stopped one.
const tickTime = 8 * time.Second

// Run is one node of the demo, from its start until ctx ends or its tree gives up. Reports go to out, the log to log.
func Run(ctx context.Context, c Config, out io.Writer, log *slog.Logger) error {
	if err := c.Validate(); err != nil {
		return err
	}
	register()
	transport := dist.New(dist.Config{Cookie: c.Cookie, TickTime: tickTime,
		Names: &dist.EPMD{Port: c.EPMDPort, Retry: 100 * time.Millisecond}})
	node, err := banyan.Start(c.Name, banyan.WithTransport(transport), banyan.WithLogger(log))
	if err != nil {
		return err
	}
	err = takePart(ctx, c, node, out, log)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = nil // it was stopped before it had a database
	}
	// The processes have ended. All nodes stop at once, so nobody is left to hear long goodbyes.
	sctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 300*time.Millisecond)
	defer cancel()
	err = errors.Join(err, node.Stop(sctx))
	if err != nil {
		// A last word; if the launcher is gone there is nobody to hear it.
		err = errors.Join(err, writeReport(out, Report{Node: c.Name, Error: err.Error()}))
	}
	return err
}

// takePart finds the others, opens the database with them, and runs the tree.
func takePart(ctx context.Context, c Config, node *banyan.Node, out io.Writer, log *slog.Logger) error {
	members, err := cluster.Start(ctx, node, cluster.Config{Cluster: "banyan demo", Secret: c.Cookie,
		Discovery: []cluster.Discovery{discover.Dir(c.Meet)}})
	if err != nil {
		return err
	}
	d, err := db.Start(ctx, node, db.Options{Dir: c.Data, Expect: founders(c.Expect)})
	if err != nil {
		return err
	}
	t, err := openTables(ctx, d)
	if err != nil {
		return errors.Join(err, d.Close())
	}
	members.OnDrain(func(ctx context.Context) error {
		_, err := banyan.Call(node.Context(ctx), banyan.At[*keeper](keeperName, ""), retire{})
		return err
	})
	err = app.Run(ctx, node, tree(&env{Config: c, node: node, cluster: members, tables: t, log: log}, out))
	return errors.Join(err, d.Close())
}

// founders are the nodes that are started together, and create the database. One that is added later joins it.
func founders(n int) (names []banyan.Atom) {
	for i := range n {
		names = append(names, banyan.Atom(Name(i)))
	}
	return names
}

// tree is what runs on every node.
func tree(e *env, out io.Writer) *supervisor.Tree {
	return supervisor.New(string(topName), supervisor.RestForOne, supervisor.Intensity(10, 10*time.Second),
		supervisor.With(banyan.Name(topName)),
		supervisor.Worker(string(hostName), newHost(e), supervisor.With(banyan.Name(hostName))),
		supervisor.New(string(shardsName), supervisor.Dynamic, supervisor.With(banyan.Name(shardsName)),
			supervisor.Intensity(2*e.Shards+10, 5*time.Second)),
		pool("readers", e.Readers, func(i int) supervisor.Spec {
			return supervisor.Worker(string(readerName(i)), newReader(e), supervisor.With(banyan.Name(readerName(i))))
		}),
		pool("workers", e.Workers, func(i int) supervisor.Spec {
			return supervisor.Worker(string(workerName(i)), newWorker(e, i), supervisor.With(banyan.Name(workerName(i))))
		}),
		supervisor.New(string(coordinationName), supervisor.Dynamic, supervisor.With(banyan.Name(coordinationName))),
		supervisor.Worker(string(keeperName), newKeeper(e), supervisor.With(banyan.Name(keeperName))),
		supervisor.Worker("reporter", newReporter(e, out)),
	)
}

// roomy is the mailbox of processes that whole segments may wait in, not only their numbers.
var roomy = banyan.Mailbox(banyan.Limits{Bytes: 512 << 20})

// pool is n children of one kind.
func pool(name string, n int, child func(i int) supervisor.Spec) *supervisor.Tree {
	items := []supervisor.Item{supervisor.Intensity(10, 10*time.Second)}
	for i := range n {
		items = append(items, child(i+1))
	}
	return supervisor.New(name, supervisor.OneForOne, items...)
}

// Name is the full name of the i-th node of a run, from 0: a@127.0.0.1 and so on.
func Name(i int) string { return fmt.Sprintf("%c@127.0.0.1", 'a'+i) }
