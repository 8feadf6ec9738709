// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/cluster"
)

// Config is all that a node is told by its launcher.
type Config struct {
	Name     string // the node's full name
	Expect   int    // how many nodes are started together, this one too: they create the database together
	Meet     string // the directory in which nodes leave the addresses that others find them by
	Cookie   string
	EPMDPort int    // of this run's own epmd, which one of the nodes is
	Data     string // the node's folder of the database, which outlives the process
	Dir      string // the tree to index
	Out      string // the file to write the index to
	Shards   int
	Workers  int // on each node
	Readers  int // on each node
	// Least is how long the job is to take at least, when all nodes work: each worker takes its share of this time for a
	// piece. 0: as fast as it goes.
	Least time.Duration
}

// Validate lists everything that is wrong with c.
func (c Config) Validate() error {
	var errs []error
	for what, s := range map[string]string{"name": c.Name, "cookie": c.Cookie, "directory": c.Dir, "output file": c.Out,
		"folder for data": c.Data, "place to meet": c.Meet} {
		if s == "" {
			errs = append(errs, fmt.Errorf("no %s is given", what))
		}
	}
	for what, n := range map[string]int{"nodes": c.Expect, "shards": c.Shards, "workers": c.Workers, "readers": c.Readers} {
		if n < 1 || n > 1024 {
			errs = append(errs, fmt.Errorf("%d %s: want 1 to 1024", n, what))
		}
	}
	return errors.Join(errs...)
}

// env is what the processes of one node share: what never changes, and counters.
type env struct {
	Config
	node    *banyan.Node
	cluster *cluster.Cluster
	tables  *tables
	log     *slog.Logger

	done atomic.Int64 // bytes of text that the workers of this node have counted since it started; written by them, for the rate
}

// neighbours lists the other members of the cluster that there is a link to; guests (a shell, an observer) are not among them.
func (e *env) neighbours() []banyan.Atom {
	return slices.DeleteFunc(e.node.Nodes(), func(n banyan.Atom) bool {
		return n == e.node.Name() || !e.takesPart(n)
	})
}

// takesPart reports whether a node is a member of the cluster that may have work.
func (e *env) takesPart(n banyan.Atom) bool {
	m, ok := e.cluster.Member(n)
	return ok && m.State == cluster.Up
}

// The names of the processes.
const (
	hostName         banyan.Atom = "host"
	keeperName       banyan.Atom = "keeper"
	coordinatorName  banyan.Atom = "coordinator"
	shardsName       banyan.Atom = "shards"
	coordinationName banyan.Atom = "coordination"
)

func workerName(i int) banyan.Atom { return banyan.Atom(fmt.Sprintf("worker_%d", i)) }
func readerName(i int) banyan.Atom { return banyan.Atom(fmt.Sprintf("reader_%d", i)) }

// window is how many pieces a worker has at once: one to do, one to come.
const window = 2

// later is for casts to other nodes: they wait for room in a link for so long, then the node is as good as lost.
const later = 10 * time.Second
