// SPDX-License-Identifier: Apache-2.0

package nats_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/banyan-go/banyan/cluster"
	banyannats "github.com/banyan-go/banyan/contrib/nats"
)

var (
	_ cluster.Discovery = banyannats.Nodes{}
	_ cluster.Announcer = banyannats.Nodes{}
)

// start starts a real server on loopback, and gives a way to connect.
func start(t *testing.T) (connect func() *nats.Conn, s *server.Server) {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(s.Shutdown)
	if !s.ReadyForConnections(30 * time.Second) {
		t.Fatal("the server does not start")
	}
	return func() *nats.Conn {
		c, err := nats.Connect(s.ClientURL())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}, s
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

// await waits until all of want were found.
func await(t *testing.T, found <-chan []string, want ...string) (all []string) {
	t.Helper()
	for len(want) > 0 {
		select {
		case list := <-found:
			all = append(all, list...)
			want = slices.DeleteFunc(want, func(w string) bool { return slices.Contains(list, w) })
		case <-time.After(30 * time.Second):
			t.Fatalf("not found: %v", want)
		}
	}
	return all
}

func TestNodesFindEachOther(t *testing.T) {
	connect, _ := start(t)
	a, b := banyannats.Nodes{Conn: connect()}, banyannats.Nodes{Conn: connect()}
	found := make(chan []string, 100)
	run(t, func(ctx context.Context) error { return a.Announce(ctx, "10.0.0.1:7946") })
	run(t, func(ctx context.Context) error { return b.Discover(ctx, func(list []string) { found <- list }) })
	await(t, found, "10.0.0.1:7946") // who was there before
	run(t, func(ctx context.Context) error { return b.Announce(ctx, "10.0.0.2:7946") })
	await(t, found, "10.0.0.2:7946") // who comes after
}

// TestOthersChangeNothing: empty and long messages, and those of another cluster's subject.
func TestOthersChangeNothing(t *testing.T) {
	connect, _ := start(t)
	c := connect()
	n := banyannats.Nodes{Conn: c, Subject: "shop"}
	found := make(chan []string, 100)
	run(t, func(ctx context.Context) error {
		return banyannats.Nodes{Conn: c, Subject: "other"}.Announce(ctx, "10.9.9.9:7946")
	})
	run(t, func(ctx context.Context) error { return n.Discover(ctx, func(list []string) { found <- list }) })
	run(t, func(ctx context.Context) error { return n.Announce(ctx, "10.0.0.1:7946") })
	await(t, found, "10.0.0.1:7946") // it listens
	for _, data := range [][]byte{nil, make([]byte, 301), []byte("10.0.0.7:7946")} {
		if err := c.Publish("shop.here", data); err != nil {
			t.Fatal(err)
		}
	}
	if all := await(t, found, "10.0.0.7:7946"); slices.ContainsFunc(all, func(a string) bool { return a != "10.0.0.7:7946" && a != "10.0.0.1:7946" }) {
		t.Errorf("%q", all)
	}
}

// TestServerThatIsGone: the discovery says so by an error, or waits; a node that was announced is no error.
func TestServerThatIsGone(t *testing.T) {
	connect, _ := start(t)
	c := connect()
	c.Close()
	n := banyannats.Nodes{Conn: c}
	if err := n.Discover(t.Context(), func([]string) { t.Error("found something") }); err == nil {
		t.Error("no error")
	}
	if err := n.Announce(t.Context(), "10.0.0.1:7946"); err == nil {
		t.Error("no error")
	}
}
