// SPDX-License-Identifier: Apache-2.0

package etcd_test

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"

	"github.com/banyan-go/banyan/cluster"
	"github.com/banyan-go/banyan/contrib/etcd"
)

var (
	_ cluster.Discovery = etcd.Nodes{}
	_ cluster.Announcer = etcd.Nodes{}
)

// start starts a real server of one member on loopback and connects to it.
func start(t *testing.T) (c *clientv3.Client, stop func()) {
	t.Helper()
	cfg := embed.NewConfig()
	cfg.Dir = t.TempDir()
	local := url.URL{Scheme: "http", Host: "127.0.0.1:0"}
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{local}, []url.URL{local}
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = []url.URL{local}, []url.URL{local}
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
	cfg.UnsafeNoFsync = true // nothing here outlives the test
	e, err := embed.StartEtcd(cfg)
	if err != nil {
		t.Fatal(err)
	}
	stop = sync.OnceFunc(e.Close) // a second Close panics
	t.Cleanup(stop)
	select {
	case <-e.Server.ReadyNotify():
	case <-time.After(time.Minute):
		t.Fatal("the server does not start")
	}
	c, err = clientv3.New(clientv3.Config{Endpoints: []string{e.Clients[0].Addr().String()}, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c, stop
}

// run runs f until the test ends or stop is called, which wait for it.
func run(t *testing.T, f func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	once := false
	stop = func() {
		if once {
			return
		}
		once = true
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// await waits for a list for which ok is true.
func await(t *testing.T, found <-chan []string, what string, ok func([]string) bool) {
	t.Helper()
	for last := []string(nil); ; {
		select {
		case last = <-found:
			if ok(last) {
				return
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("%s does not come about; found last %q", what, last)
		}
	}
}

func has(addrs ...string) func([]string) bool {
	return func(list []string) bool { return slices.Equal(slices.Sorted(slices.Values(list)), addrs) }
}

func TestNodesFindEachOther(t *testing.T) {
	c, _ := start(t)
	n, other := etcd.Nodes{Client: c}, etcd.Nodes{Client: c, Prefix: "/other/"}
	found := make(chan []string, 100)
	run(t, func(ctx context.Context) error { return n.Discover(ctx, func(list []string) { found <- list }) })
	await(t, found, "an empty list", has())
	run(t, func(ctx context.Context) error { return other.Announce(ctx, "10.9.9.9:7946") })
	run(t, func(ctx context.Context) error { return n.Announce(ctx, "10.0.0.1:7946") })
	stop := run(t, func(ctx context.Context) error { return n.Announce(ctx, "10.0.0.2:7946") })
	await(t, found, "both nodes", has("10.0.0.1:7946", "10.0.0.2:7946"))
	stop()
	await(t, found, "that a node takes itself away", has("10.0.0.1:7946"))

	// Somebody takes the lease away, as a long absence of etcd would: the node announces itself again.
	leases, err := c.Leases(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range leases.Leases {
		if _, err := c.Revoke(t.Context(), l.ID); err != nil {
			t.Fatal(err)
		}
	}
	await(t, found, "that it is gone", has())
	await(t, found, "that it is back", has("10.0.0.1:7946"))
}

// TestOthersChangeNothing: values that are none are left out, and do not hide the others.
func TestOthersChangeNothing(t *testing.T) {
	c, _ := start(t)
	for i, v := range []string{"", strings.Repeat("x", 301), "10.0.0.1:7946"} {
		if _, err := c.Put(t.Context(), fmt.Sprintf("/banyan/nodes/%d", i), v); err != nil {
			t.Fatal(err)
		}
	}
	found := make(chan []string, 100)
	run(t, func(ctx context.Context) error {
		return etcd.Nodes{Client: c}.Discover(ctx, func(list []string) { found <- list })
	})
	await(t, found, "the one", has("10.0.0.1:7946"))
}

// TestServerThatIsGone: an error, by which the cluster begins again after a pause; nothing is found.
func TestServerThatIsGone(t *testing.T) {
	c, stop := start(t)
	n := etcd.Nodes{Client: c}
	asked, ended := make(chan []string, 100), make(chan error, 1)
	go func() { ended <- n.Discover(context.Background(), func(list []string) { asked <- list }) }()
	await(t, asked, "an empty list", has())
	stop()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("it ended without an error")
		}
	case <-time.After(time.Minute):
		t.Error("nothing is said of an etcd that is gone")
	}
}
