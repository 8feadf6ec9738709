// SPDX-License-Identifier: Apache-2.0

package banyantest

import (
	"context"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist"
	"github.com/banyan-go/banyan/internal/simnet"
)

// ClusterOption changes what Cluster starts.
type ClusterOption interface{ cluster(*clusterConfig) }

type clusterConfig struct {
	nodes    []string
	seed     uint64
	min, max time.Duration
	dist     func(*dist.Config)
	opts     []banyan.Option
	leaks    bool
}

type clusterOption func(*clusterConfig)

func (o clusterOption) cluster(c *clusterConfig) { o(c) }

// Nodes names the nodes of a cluster, like a@sim. The part after the @ is of no meaning: each node has its own host.
func Nodes(names ...string) ClusterOption {
	return clusterOption(func(c *clusterConfig) { c.nodes = append(c.nodes, names...) })
}

// Seed decides all latencies. Without it the seed is BANYAN_SEED, or 1.
func Seed(n uint64) ClusterOption { return clusterOption(func(c *clusterConfig) { c.seed = n }) }

// Latency bounds the time that bytes are on their way between any two nodes; 0.1 to 0.3 ms by default.
func Latency(min, max time.Duration) ClusterOption {
	return clusterOption(func(c *clusterConfig) { c.min, c.max = min, max })
}

// TickTime is how long a node may be silent before the others take it for dead; 60 s by default, as OTP. Outside of
// synctest.Test make it short.
func TickTime(d time.Duration) ClusterOption {
	return DistConfig(func(c *dist.Config) { c.TickTime = d })
}

// DistConfig changes the distribution's configuration of all nodes. Cookie, Network and Names belong to the cluster.
func DistConfig(change func(*dist.Config)) ClusterOption {
	return clusterOption(func(c *clusterConfig) {
		before := c.dist
		c.dist = func(d *dist.Config) {
			if before != nil {
				before(d)
			}
			change(d)
		}
	})
}

// NodeOptions gives all nodes these options.
func NodeOptions(opts ...banyan.Option) ClusterOption {
	return clusterOption(func(c *clusterConfig) { c.opts = append(c.opts, opts...) })
}

// Sim is a cluster in one test process, made by Cluster.
type Sim struct {
	t     testing.TB
	cfg   clusterConfig
	net   *simnet.Network
	names *registry

	mu    sync.Mutex
	nodes map[string]*member
}

// member is one node, in its present incarnation.
type member struct {
	n    *banyan.Node
	dead bool
}

// Cluster starts nodes that reach each other over a network in memory. They are stopped when the test ends. Nodes connect
// when one of them first speaks to another, or by [Sim.Connect].
func Cluster(t testing.TB, opts ...ClusterOption) *Sim {
	t.Helper()
	c := clusterConfig{seed: seedFromEnv(t), min: simnet.DefaultLink.Min, max: simnet.DefaultLink.Max, leaks: true}
	for _, o := range opts {
		o.cluster(&c)
	}
	s := &Sim{t: t, cfg: c, net: simnet.New(c.seed), names: newRegistry(), nodes: map[string]*member{}}
	s.net.SetDefault(simnet.Link{Min: c.min, Max: c.max})
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("banyantest: the cluster's seed was %d (BANYAN_SEED=%d runs it again)", c.seed, c.seed)
		}
	})
	for _, name := range c.nodes {
		s.start(name)
	}
	return s
}

func seedFromEnv(t testing.TB) uint64 {
	v := os.Getenv("BANYAN_SEED")
	if v == "" {
		return 1
	}
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		t.Fatalf("banyantest: BANYAN_SEED: %v", err)
	}
	return n
}

// start starts a node, for the first time or again.
func (s *Sim) start(name string) *banyan.Node {
	s.t.Helper()
	host := s.net.Host(name)
	cfg := dist.Config{Listen: name + ":0", PollTime: -1}
	if s.cfg.dist != nil {
		s.cfg.dist(&cfg)
	}
	cfg.Cookie, cfg.CookieFile, cfg.Network, cfg.Names = "banyantest", "", host, s.names.of(name)
	done := guard(s.t, s.cfg.leaks)
	opts := append([]banyan.Option{banyan.WithLogger(logger(s.t, name))}, s.cfg.opts...)
	n, err := banyan.Start(name, append(opts, banyan.WithTransport(dist.New(cfg)))...)
	if err != nil {
		done()
		s.t.Fatalf("banyantest: %v", err)
	}
	m := &member{n: n}
	s.mu.Lock()
	s.nodes[name] = m
	s.mu.Unlock()
	s.t.Cleanup(func() {
		s.net.HealAll() // a goodbye must not wait for a partition
		stop(s.t, n)
		done()
	})
	return n
}

// Node is the node of that name, in its present incarnation.
func (s *Sim) Node(name string) *banyan.Node {
	s.t.Helper()
	return s.member(name).n
}

func (s *Sim) member(name string) *member {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.nodes[name]
	if m == nil {
		s.t.Fatalf("banyantest: the cluster has no node %q", name)
	}
	return m
}

// Host is the machine of a node on the simulated network: what else the node does over the network belongs there too, such as
// cluster.Config.Network. Its address is Host(name).IP().
func (s *Sim) Host(name string) *simnet.Host { return s.net.Host(name) }

// Loss makes packets between two nodes get lost, each with this probability. Links lose nothing: see Delay.
func (s *Sim) Loss(a, b string, probability float64) {
	s.t.Helper()
	s.known(a, b)
	s.net.SetLoss(a, b, probability)
}

// Connect makes links between all nodes of the list, or of the cluster without one.
func (s *Sim) Connect(names ...string) {
	s.t.Helper()
	if len(names) == 0 {
		names = s.cfg.nodes
	}
	for i, a := range names {
		for _, b := range names[i+1:] {
			if err := s.Node(a).Connect(context.Background(), banyan.Atom(b)); err != nil {
				s.t.Fatalf("banyantest: connecting %s to %s: %v", a, b, err)
			}
		}
	}
}

// Partition cuts two nodes off from each other. What is on its way stalls; neither is told.
func (s *Sim) Partition(a, b string) {
	s.t.Helper()
	s.known(a, b)
	s.net.Partition(a, b)
}

// Isolate cuts a node off from all others.
func (s *Sim) Isolate(name string) {
	s.t.Helper()
	s.known(name)
	for _, other := range s.all() {
		if other != name {
			s.net.Partition(name, other)
		}
	}
}

// Drop cuts one direction: what from says does not arrive at to, but from still hears to.
func (s *Sim) Drop(from, to string) {
	s.t.Helper()
	s.known(from, to)
	s.net.Drop(from, to)
}

// Heal ends what Partition and Drop did between two nodes. What was held arrives, on streams that still live.
func (s *Sim) Heal(a, b string) {
	s.t.Helper()
	s.known(a, b)
	s.net.Heal(a, b)
}

// HealAll heals everything.
func (s *Sim) HealAll() { s.net.HealAll() }

// Delay sets the latency between two nodes, drawn from min to max, for what is sent from now on.
func (s *Sim) Delay(a, b string, min, max time.Duration) {
	s.t.Helper()
	s.known(a, b)
	s.net.SetLink(a, b, simnet.Link{Min: min, Max: max})
}

// Bandwidth is Delay with a limit: each connection between the two carries at most that many bytes per second each way.
func (s *Sim) Bandwidth(a, b string, min, max time.Duration, bytesPerSecond int) {
	s.t.Helper()
	s.known(a, b)
	s.net.SetLink(a, b, simnet.Link{Min: min, Max: max, Bandwidth: bytesPerSecond})
}

// Reset breaks the connections between two nodes, as a reset from the network does.
func (s *Sim) Reset(a, b string) {
	s.t.Helper()
	s.known(a, b)
	s.net.Reset(a, b)
}

// Kill ends a node as kill -9 does: its connections are reset and nothing that it does is heard any more, no exit signal
// and no goodbye. Go cannot end goroutines, so its processes are then told to stop, out of everybody's sight: Terminate may
// run. Kill returns when they have stopped.
func (s *Sim) Kill(name string) {
	s.t.Helper()
	m := s.member(name)
	s.mu.Lock()
	was := m.dead
	m.dead = true
	s.mu.Unlock()
	if was {
		s.t.Fatalf("banyantest: %s is dead already", name)
	}
	s.net.Host(name).Kill()
	s.names.forget(name)
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // no time to clean up
	if err := m.n.Stop(ctx); err != nil {
		s.t.Logf("banyantest: killing %s: %v", name, err)
	}
}

// Restart starts a killed node again: same name, new incarnation. Pids and refs of the old one stay dead.
func (s *Sim) Restart(name string) *banyan.Node {
	s.t.Helper()
	m := s.member(name)
	s.mu.Lock()
	dead := m.dead
	s.mu.Unlock()
	if !dead {
		s.t.Fatalf("banyantest: restarting %s, which was not killed", name)
	}
	s.net.Host(name).Revive()
	return s.start(name)
}

// Start adds a node to the cluster.
func (s *Sim) Start(name string) *banyan.Node {
	s.t.Helper()
	s.mu.Lock()
	_, there := s.nodes[name]
	s.mu.Unlock()
	if there {
		s.t.Fatalf("banyantest: the cluster has a node %q already", name)
	}
	return s.start(name)
}

func (s *Sim) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for name := range s.nodes {
		names = append(names, name)
	}
	return names
}

// known ends the test if a name is none of a node: a fault between nodes that do not exist tests nothing.
func (s *Sim) known(names ...string) {
	s.t.Helper()
	for _, name := range names {
		s.member(name)
	}
}
