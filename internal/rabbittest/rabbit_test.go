// SPDX-License-Identifier: Apache-2.0

package rabbittest

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/banyantest"
	"github.com/banyan-go/banyan/dist"
	"github.com/banyan-go/banyan/etf"
	"github.com/banyan-go/banyan/rpc"
)

// patience is how long a broker on a busy machine may take for anything.
const patience = 40 * time.Second

// client is a hidden Banyan node with a process that watches.
type client struct {
	broker *broker
	ctx    context.Context
	probe  *banyantest.Probe
}

func connect(t *testing.T, b *broker) *client {
	t.Helper()
	n, err := banyan.Start("gorabbit@127.0.0.1", banyan.WithLogger(slog.New(slog.DiscardHandler)),
		banyan.WithTransport(dist.New(dist.Config{Cookie: b.cookie, Names: &dist.EPMD{Port: b.epmdPort}})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := n.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	ctx, cancel := context.WithTimeout(n.Context(t.Context()), 2*patience)
	t.Cleanup(cancel)
	return &client{b, ctx, banyantest.NewProbe(t, n)}
}

// call calls a function of the broker; an error ends the test.
func call[R any](t *testing.T, c *client, module, function banyan.Atom, args ...any) R {
	t.Helper()
	r, err := rpc.Call[R](c.ctx, c.broker.node, module, function, args...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// queue is the name of a queue in the virtual host that a new broker has.
func queue(name string) resource { return resource{"/", "queue", name} }

// declare makes a queue: rabbit_amqqueue:declare(Name, Durable, AutoDelete, Arguments, Owner, User).
func (c *client) declare(t *testing.T, name string, durable bool, args ...argument) amqqueue {
	t.Helper()
	d := call[declared](t, c, "rabbit_amqqueue", "declare", queue(name), durable, false, args, etf.Atom("none"), "banyan")
	if d.Outcome != "new" || d.Queue.Name != queue(name) || d.Queue.Durable != durable || d.Queue.PID.Node != c.broker.node {
		t.Fatalf("declared %q: %+v", name, d)
	}
	return d.Queue
}

// lookup finds a queue's record.
func (c *client) lookup(t *testing.T, name string) amqqueue {
	t.Helper()
	return call[found](t, c, "rabbit_amqqueue", "lookup", queue(name)).Queue
}

// down waits for the end of what a monitor of the probe watches.
func (c *client) down(ref banyan.Reference) banyan.Down {
	return banyantest.Expect(c.probe, patience, func(d banyan.Down) bool { return d.Monitor == ref })
}

// One broker for all, in this order: its start takes seconds, and the last part kills it.
func TestRabbitMQ(t *testing.T) {
	c := connect(t, startBroker(t))
	for _, part := range []struct {
		name string
		run  func(*testing.T, *client)
	}{
		{"status", testStatus},
		{"queues", testQueues},
		{"a queue is deleted", testDelete},
		{"a queue's process is killed", testKillProcess},
		{"a queue is watched", testWatch},
		{"the broker is killed", testKillBroker},
	} {
		if !t.Run(part.name, func(t *testing.T) { part.run(t, c) }) {
			t.Fatal("RabbitMQ said:\n", c.broker.said())
		}
	}
}

func testStatus(t *testing.T, c *client) {
	if !call[bool](t, c, "rabbit", "is_running") {
		t.Error("not running")
	}
	s := call[status](t, c, "rabbit", "status")
	version := call[string](t, c, "rabbit", "product_version")
	t.Logf("RabbitMQ %s, %d processes, %d applications", version, s.Processes.Used, len(s.Applications))
	if s.PID != c.broker.cmd.Process.Pid || s.Version != version || version == "" || len(s.Alarms) > 0 || s.Processes.Used < 100 {
		t.Errorf("%+v; the version is %q, the process %d", s, version, c.broker.cmd.Process.Pid)
	}
	if !slices.Contains(s.Applications, application{"rabbit", "RabbitMQ", version}) {
		t.Errorf("rabbit %s is not among the applications: %+v", version, s.Applications)
	}
	ls := call[[]listener](t, c, "rabbit_networking", "active_listeners")
	want := map[etf.Atom]int{"amqp": c.broker.amqp, "clustering": c.broker.distPort}
	for _, l := range ls {
		if l.Protocol == "amqp" && l.Address != [4]int{127, 0, 0, 1} {
			t.Errorf("AMQP is served beyond loopback: %+v", l)
		}
		if want[l.Protocol] != l.Port {
			t.Errorf("%s at port %d, want %d", l.Protocol, l.Port, want[l.Protocol])
		}
		delete(want, l.Protocol)
	}
	if len(want) > 0 {
		t.Errorf("%v is not served: %+v", want, ls)
	}
	// A hidden node is no member of RabbitMQ's cluster, and is not taken for one.
	if got := call[[]banyan.Atom](t, c, "erlang", "nodes", etf.Atom("hidden")); !slices.Equal(got, []banyan.Atom{"gorabbit@127.0.0.1"}) {
		t.Error("hidden nodes:", got)
	}
	if got := call[[]banyan.Atom](t, c, "rabbit_nodes", "all_running"); !slices.Equal(got, []banyan.Atom{c.broker.node}) {
		t.Error("running nodes:", got)
	}
}

func testQueues(t *testing.T, c *client) {
	orders := c.declare(t, "orders", true, argument{"x-max-length", "long", 1000})
	c.declare(t, "scratch", false)
	c.declare(t, "r\u00fcckl\u00e4ufer \u4e16", true)

	names := call[[]resource](t, c, "rabbit_amqqueue", "list_names", "/")
	durable := map[resource]bool{queue("orders"): true, queue("scratch"): false, queue("r\u00fcckl\u00e4ufer \u4e16"): true}
	if len(names) != len(durable) {
		t.Errorf("%d queues: %v", len(names), names)
	}
	for _, n := range names {
		if _, ok := durable[n]; !ok {
			t.Errorf("a queue %v", n)
		}
	}
	list := call[[]amqqueue](t, c, "rabbit_amqqueue", "list", "/")
	for _, q := range list {
		if q.Durable != durable[q.Name] || q.AutoDelete || q.VirtualHost != "/" || q.Type != "rabbit_classic_queue" {
			t.Errorf("%+v", q)
		}
		if q.Name == orders.Name && (q.PID != orders.PID || !reflect.DeepEqual(q.Arguments, []argument{{"x-max-length", "long", 1000}})) {
			t.Errorf("%+v, declared as %+v", q, orders)
		}
	}
	if len(list) != len(durable) {
		t.Errorf("%d queues: %+v", len(list), list)
	}
	// For this RabbitMQ asks each queue's process.
	infos := call[[]queueInfo](t, c, "rabbit_amqqueue", "info_all", "/", []etf.Atom{"name", "durable", "pid", "messages", "state"})
	if !slices.Contains(infos, queueInfo{orders.Name, true, orders.PID, 0, "running"}) || len(infos) != len(durable) {
		t.Errorf("%+v", infos)
	}
	// And so may we, by gen_server:call.
	r, err := banyan.CallAny(c.ctx, orders.PID, etf.Tuple{etf.Atom("info"), etf.List{etf.Atom("messages"), etf.Atom("consumers")}})
	if err != nil || etf.Format(r) != "{ok,[{messages,0},{consumers,0}]}" {
		t.Error(etf.Format(r), err)
	}
	// A function that RabbitMQ has not, and one that fails there.
	var undefined *banyan.UndefinedError
	if _, err := rpc.Call[any](c.ctx, c.broker.node, "rabbit_amqqueue", "no_such_function"); !errors.As(err, &undefined) {
		t.Error(err)
	}
	var failed *rpc.Error
	_, err = rpc.Call[any](c.ctx, c.broker.node, "rabbit_misc", "pget_or_die", etf.Atom("size"), etf.List{})
	if !errors.As(err, &failed) || failed.Class != rpc.ClassExit || etf.Format(failed.Reason) != "{error,key_missing,size}" {
		t.Errorf("%#v", err)
	}
}

func testDelete(t *testing.T, c *client) {
	q := c.lookup(t, "scratch")
	ref := c.probe.Monitor(q.PID)
	// rabbit_amqqueue:delete(Queue, IfUnused, IfEmpty, User), with the record as it came.
	if d := call[deleted](t, c, "rabbit_amqqueue", "delete", q, true, true, "banyan"); d != (deleted{"ok", 0}) {
		t.Errorf("%+v", d)
	}
	if d := c.down(ref); !errors.Is(d.Reason, banyan.ErrNormal) || d.PID != q.PID || d.Node != c.broker.node {
		t.Errorf("%+v", d)
	}
	if call[bool](t, c, "rabbit_amqqueue", "exists", q.Name) {
		t.Error("the queue is still there")
	}
}

func testKillProcess(t *testing.T, c *client) {
	old := c.lookup(t, "orders").PID
	var ref banyan.Reference
	var err error
	c.probe.Do(func(self *banyan.Self) { // one sender, so that the monitor arrives before the kill
		ref = self.Monitor(old)
		err = banyan.SendExit(self, old, banyan.ErrKill)
	})
	if err != nil {
		t.Fatal(err)
	}
	if d := c.down(ref); !errors.Is(d.Reason, banyan.ErrKilled) || d.PID != old {
		t.Errorf("%+v", d)
	}
	if d := c.down(c.probe.Monitor(old)); !errors.Is(d.Reason, banyan.ErrNoProcess) {
		t.Errorf("a monitor of a dead process: %+v", d)
	}
	// Its supervisor starts it again, as another process of the same queue.
	now := old
	for start := time.Now(); now == old; now = c.lookup(t, "orders").PID {
		if time.Since(start) > patience {
			t.Fatal("the queue's process is not started again:\n", c.broker.said())
		}
		call[any](t, c, "timer", "sleep", 20)
	}
	t.Logf("%v was killed, %v has its place", old, now)
	infos := call[[]queueInfo](t, c, "rabbit_amqqueue", "info_all", "/", []etf.Atom{"name", "durable", "pid", "messages", "state"})
	if !slices.Contains(infos, queueInfo{queue("orders"), true, now, 0, "running"}) {
		t.Errorf("%+v", infos)
	}
}

func testKillBroker(t *testing.T, c *client) {
	q := c.lookup(t, "orders")
	var byName, byPID banyan.Reference
	var known any
	var err error
	c.probe.Do(func(self *banyan.Self) {
		self.MonitorNode(c.broker.node, true)
		byName = self.MonitorName("rabbit_node_monitor", c.broker.node)
		byPID = self.Monitor(q.PID)
		known, err = banyan.CallAny(self, q.PID, etf.Tuple{etf.Atom("info"), etf.List{etf.Atom("name")}}) // the monitors are there
	})
	if err != nil {
		t.Fatal(known, err)
	}
	sleeper := rpc.Async[any](c.ctx, c.broker.node, "timer", "sleep", etf.Atom("infinity"))
	c.broker.kill()
	if d := c.down(byName); !errors.Is(d.Reason, banyan.ErrNoConnection) || d.Name != "rabbit_node_monitor" || d.Node != c.broker.node {
		t.Errorf("%+v", d)
	}
	if d := c.down(byPID); !errors.Is(d.Reason, banyan.ErrNoConnection) || d.PID != q.PID {
		t.Errorf("%+v", d)
	}
	if d := banyantest.Expect[banyan.NodeDown](c.probe, patience); d.Node != c.broker.node {
		t.Errorf("%+v", d)
	}
	if _, err := sleeper.Await(c.ctx); !errors.Is(err, banyan.ErrNoConnection) {
		t.Error("a call that was under way:", err)
	}
	if _, err := rpc.Call[bool](c.ctx, c.broker.node, "rabbit", "is_running"); !errors.Is(err, banyan.ErrNoConnection) {
		t.Error("a call of a dead broker:", err)
	}
}
