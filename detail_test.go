// SPDX-License-Identifier: Apache-2.0

package banyan_test

import (
	"slices"
	"testing"

	"github.com/banyan-go/banyan"
)

func TestProcessDetail(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n)
		_, b := spawnLab(t, n, banyan.Name("b"))
		in(t, n, a, func(self *banyan.Self) {
			self.Monitor(b.PID())
			self.MonitorName("b", "")
		})
		d, ok := n.Detail(a.PID())
		if !ok || len(d.Watches) != 2 || len(d.WatchedBy) != 0 || !d.GroupLeader.IsZero() ||
			!slices.Contains(d.Watches, banyan.Watch{PID: b.PID()}) || !slices.Contains(d.Watches, banyan.Watch{Name: "b", Node: n.Name()}) {
			t.Errorf("%+v %v", d, ok)
		}
		if d, ok = n.Detail(b.PID()); !ok || !slices.Equal(d.WatchedBy, []banyan.PID{a.PID(), a.PID()}) {
			t.Errorf("%+v %v", d, ok)
		}
		if _, ok = n.Detail(banyan.PID{Node: n.Name(), ID: 1}); ok {
			t.Error("a process that is not there")
		}
	})
}
