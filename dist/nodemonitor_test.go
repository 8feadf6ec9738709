// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"fmt"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
)

func TestMonitorNode(t *testing.T) {
	m := newMemory()
	na, _ := startNode(t, "na@h", Config{Cookie: "c", Network: m, Names: m})
	startNode(t, "nb@h", Config{Cookie: "c", Network: m, Names: m})
	nothing := func(self *banyan.Self) error {
		if m, err := self.Receive(banyan.Within(self, 50*time.Millisecond)); err != banyan.ErrTimeout {
			return fmt.Errorf("got %v %w", m, err)
		}
		return nil
	}
	down := func(self *banyan.Self, node banyan.Atom) error {
		d, err := receive[banyan.NodeDown](self)
		if err == nil && d.Node != node {
			err = fmt.Errorf("%v is down", d)
		}
		return err
	}
	process(t, na, func(self *banyan.Self) error {
		self.MonitorNode("nx@h", true) // cannot be reached
		if err := down(self, "nx@h"); err != nil {
			return err
		}
		self.MonitorNode("na@h", true) // itself
		self.MonitorNode("nb@h", true) // connects
		self.MonitorNode("nb@h", true)
		if got := na.Nodes(); len(got) != 1 || got[0] != "nb@h" {
			return fmt.Errorf("%v", got)
		}
		if err := nothing(self); err != nil {
			return err
		}
		na.Disconnect("nb@h")
		if err := down(self, "nb@h"); err != nil {
			return err
		}
		if err := na.Connect(self, "nb@h"); err != nil {
			return err
		}
		na.Disconnect("nb@h") // it was for once
		if err := nothing(self); err != nil {
			return err
		}
		self.MonitorNode("nb@h", true)
		self.MonitorNode("nb@h", false)
		na.Disconnect("nb@h")
		return nothing(self)
	})
	// One that is dead is forgotten, and a server may ask in its handler.
	done := make(chan banyan.PID, 1)
	if _, err := banyan.Go(na, func(self *banyan.Self) error {
		self.MonitorNode("nb@h", true)
		done <- self.PID()
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	<-done
	na.Disconnect("nb@h")
}

// erlang:monitor_node both ways.
func TestErlangMonitorNode(t *testing.T) {
	port := freePort(t)
	n, _ := startNode(t, "gom@127.0.0.1", Config{Cookie: "monster", Names: &EPMD{Port: port, Retry: 50 * time.Millisecond}})
	e := startErlang(t, "erm", port, "monster")
	for _, step := range []struct{ expr, want string }{
		{"net_adm:ping('gom@127.0.0.1')", "pong"},
		{"monitor_node('gom@127.0.0.1', true), monitor_node('gom@127.0.0.1', true)", "true"},
		{"nodes(hidden)", "['gom@127.0.0.1']"},
		{"erlang:disconnect_node('gom@127.0.0.1'), [receive {nodedown, N} -> N end || _ <- [1, 2]]", "['gom@127.0.0.1','gom@127.0.0.1']"},
		{"monitor_node('gox@127.0.0.1', true), receive {nodedown, N} -> N end", "'gox@127.0.0.1'"},
	} {
		if got := e.eval(t, step.expr); got != step.want {
			t.Errorf("%s\n got %s\nwant %s", step.expr, got, step.want)
		}
	}
	process(t, n, func(self *banyan.Self) error {
		self.MonitorNode(e.name, true)
		e.tell(t, "monitor_node('gom@127.0.0.1', true), erlang:disconnect_node('gom@127.0.0.1'), receive {nodedown, N} -> N end")
		if d, err := receive[banyan.NodeDown](self); err != nil || d.Node != e.name {
			return fmt.Errorf("%v %w", d, err)
		}
		return nil
	})
	if got := e.answer(t); got != "'gom@127.0.0.1'" {
		t.Error(got)
	}
}
