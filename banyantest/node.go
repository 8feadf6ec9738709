// SPDX-License-Identifier: Apache-2.0

package banyantest

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
)

// Option changes what Node starts.
type Option interface{ node(*nodeConfig) }

type nodeConfig struct {
	name   string
	opts   []banyan.Option
	leaks  bool
	logger *slog.Logger
}

type nodeOption func(*nodeConfig)

func (o nodeOption) node(c *nodeConfig) { o(c) }

// Called names the node; test@localhost otherwise.
func Called(name string) Option { return nodeOption(func(c *nodeConfig) { c.name = name }) }

// With gives the node options of its own, such as banyan.WithMailbox.
func With(opts ...banyan.Option) Option {
	return nodeOption(func(c *nodeConfig) { c.opts = append(c.opts, opts...) })
}

// NoLeakCheck leaves out the look for goroutines that are left. Nodes started by banyan.Start in a test that runs at the
// same time would be taken for such.
func NoLeakCheck() LeakOption { return LeakOption{} }

// LeakOption is what NoLeakCheck gives, for Node and for Cluster.
type LeakOption struct{}

func (LeakOption) node(c *nodeConfig)       { c.leaks = false }
func (LeakOption) cluster(c *clusterConfig) { c.leaks = false }

// Node starts a node for a test, alone and without a network. It is stopped when the test ends; what does not stop, and
// goroutines that stay, fail the test. It logs to the test.
func Node(t testing.TB, opts ...Option) *banyan.Node {
	t.Helper()
	c := nodeConfig{name: "test@localhost", leaks: true}
	for _, o := range opts {
		o.node(&c)
	}
	done := guard(t, c.leaks)
	n, err := banyan.Start(c.name, append([]banyan.Option{banyan.WithLogger(logger(t, c.name))}, c.opts...)...)
	if err != nil {
		done()
		t.Fatalf("banyantest: %v", err)
	}
	t.Cleanup(func() {
		stop(t, n)
		done()
	})
	return n
}

// stop stops a node, which must work.
func stop(t testing.TB, n *banyan.Node) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := n.Stop(ctx); err != nil {
		t.Errorf("banyantest: %v", err)
		for _, s := range n.Stuck() {
			t.Errorf("banyantest: %s %v is still running:\n%s", s.Kind, s.PID, s.Stack)
		}
	}
}

// logger writes a node's records to the test's log.
func logger(t testing.TB, name string) *slog.Logger {
	w := &testWriter{t: t}
	t.Cleanup(w.end)
	return slog.New(slog.NewTextHandler(w, nil)).With("node", name)
}

// testWriter is t.Log as an io.Writer; it falls silent with the test, since t.Log panics afterwards.
type testWriter struct {
	mu sync.Mutex
	t  testing.TB // nil when the test has ended
}

var _ io.Writer = (*testWriter)(nil)

func (w *testWriter) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.t = nil
}

func (w *testWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.t != nil {
		w.t.Logf("%s", b[:max(len(b)-1, 0)])
	}
	return len(b), nil
}
