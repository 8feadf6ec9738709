// SPDX-License-Identifier: Apache-2.0

package supervisor_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist"
	"github.com/banyan-go/banyan/internal/simnet"
	"github.com/banyan-go/banyan/supervisor"
)

// cluster is several nodes on a network in memory, in virtual time.
type cluster struct {
	t   *testing.T
	net *simnet.Network
	mu  sync.Mutex
	at  map[string]string // name@host to address
}

// host is the Names of one node.
type host struct {
	c    *cluster
	name string
}

func (h host) Register(_ context.Context, name string, port uint16, _ bool) (uint32, func(), error) {
	h.c.mu.Lock()
	defer h.c.mu.Unlock()
	h.c.at[name+"@"+h.name] = fmt.Sprint(h.name, ":", port)
	return 0, func() {}, nil
}

func (h host) Lookup(_ context.Context, hostname, name string) (string, error) {
	h.c.mu.Lock()
	defer h.c.mu.Unlock()
	if a := h.c.at[name+"@"+hostname]; a != "" {
		return a, nil
	}
	return "", errors.New("nobody knows it")
}

func (c *cluster) start(name string) (*banyan.Node, *simnet.Host, *buffer) {
	c.t.Helper()
	sim := c.net.Host(name)
	logs := &buffer{}
	node, err := banyan.Start("n@"+name, banyan.WithLogger(slog.New(slog.NewTextHandler(logs, nil))),
		banyan.WithTransport(dist.New(dist.Config{Cookie: "c", Listen: name + ":0", Network: sim, Names: host{c, name}, PollTime: -1})))
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = node.Stop(context.Background()) })
	return node, sim, logs
}

type farmer struct{}

type where struct{}

func (where) Call(_ *farmer, self *banyan.Self) (banyan.PID, error) { return self.PID(), nil }

type poison struct{}

func (poison) Cast(*farmer, *banyan.Self) error { return errPoison }

var errPoison = errors.New("poison")

func init() {
	banyan.RegisterSpawn("supervisor_test.farmer", func(context.Context, *banyan.Self) (*farmer, error) { return &farmer{}, nil })
	banyan.RegisterCall[where]("where")
	banyan.RegisterCast[poison]("poison")
	banyan.RegisterError("supervisor_test.poison", errPoison)
}

// A child on another node is supervised as any other: its crash is told with its reason, the loss of its node is its end,
// it is stopped with the tree, and it ends when its supervisor's node is lost.
func TestRemoteChild(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &cluster{t: t, net: simnet.New(1), at: map[string]string{}}
		a, _, logs := c.start("a")
		b, bHost, _ := c.start("b")
		d, _, _ := c.start("d")
		ctx := a.Context(context.Background())
		tree := supervisor.New("s", supervisor.OneForOne, supervisor.Intensity(10, time.Minute), supervisor.With(banyan.Name("sup")),
			supervisor.WorkerAt("farmer", []banyan.Atom{b.Name(), d.Name()}, "supervisor_test.farmer"))
		sup, err := tree.Start(a)
		if err != nil {
			t.Fatal(err)
		}
		child := func() banyan.PID {
			t.Helper()
			list, err := supervisor.Which(ctx, sup)
			if err != nil {
				t.Fatal(err)
			}
			return list[0].PID
		}
		settle := func() { <-time.After(time.Second); synctest.Wait() }

		first := child()
		if first.Node != b.Name() {
			t.Fatal(first)
		}
		ref, _ := banyan.RefOf[*farmer](a, first)
		if err := banyan.Cast(ctx, ref, poison{}); err != nil {
			t.Fatal(err)
		}
		settle()
		second := child()
		if second.Node != b.Name() || second == first {
			t.Fatal(second)
		}
		if logs.lines("process crashed", "child=farmer", "reason=poison", "outcome=restarted") != 1 {
			t.Fatal(logs.all())
		}

		// Seen from another node: the calls and their errors cross the wire.
		dctx := d.Context(context.Background())
		far := banyan.At[*supervisor.Server]("sup", a.Name())
		list, err := supervisor.Which(dctx, far)
		if err != nil || len(list) != 1 || list[0].ID != "farmer" || list[0].PID != second || list[0].Restarts != 1 {
			t.Fatal(list, err)
		}
		if n, err := supervisor.Count(dctx, far); err != nil || n.Active != 1 {
			t.Fatal(n, err)
		}
		if err := supervisor.DeleteChild(dctx, far, "farmer"); !errors.Is(err, supervisor.ErrRunning) {
			t.Fatal(err)
		}
		if _, err := supervisor.StartChild(dctx, far, supervisor.Spec{ID: "x"}); !errors.Is(err, banyan.ErrNotRegistered) {
			t.Fatal(err)
		}

		if err := supervisor.Stop(dctx, far, nil); !errors.Is(err, banyan.ErrNotRegistered) {
			t.Fatal(err)
		}

		// The node is lost: the child comes back on the next one.
		bHost.Kill()
		settle()
		third := child()
		if third.Node != d.Name() {
			t.Fatal(third, logs.all())
		}
		if logs.lines("process crashed", "child=farmer", banyan.ErrNoConnection.Error(), "outcome=restarted") != 1 {
			t.Fatal(logs.all())
		}
		if _, ok := d.Info(third); !ok {
			t.Fatal("it is not there")
		}

		// It is stopped from here, and in time.
		if err := supervisor.TerminateChild(ctx, sup, "farmer"); err != nil {
			t.Fatal(err)
		}
		if _, ok := d.Info(third); ok {
			t.Fatal("it is still there")
		}
		if _, err := supervisor.RestartChild(ctx, sup, "farmer"); err != nil {
			t.Fatal(err)
		}
		last := child()
		settle()

		// The other way round: its supervisor's node is partitioned away, so it ends.
		c.net.Partition("a", "d")
		<-time.After(2 * time.Minute)
		if _, ok := d.Info(last); ok {
			t.Fatal("it outlived its supervisor's node")
		}
		if strings.Contains(logs.all(), "cannot be stopped") {
			t.Fatal(logs.all())
		}
	})
}
