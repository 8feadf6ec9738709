// SPDX-License-Identifier: Apache-2.0

package banyan_test

import (
	"testing"

	"github.com/banyan-go/banyan"
)

// A node that drains says so to itself, too: once for each change.
func TestDrainingHere(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		l, ref := spawnLab(t, n)
		in(t, n, ref, func(self *banyan.Self) { self.MonitorNodes(true) })
		before := n.NodesVersion()
		for _, on := range []bool{true, true, false, false} {
			n.SetDraining(on)
			if n.Draining(n.Name()) != on {
				t.Error("it says", !on)
			}
		}
		for _, on := range []bool{true, false} {
			if m := nextOf[banyan.NodeDraining](t, l.infos); m != (banyan.NodeDraining{Node: n.Name(), On: on}) {
				t.Error(m)
			}
		}
		none(t, l.infos)
		if n.NodesVersion() == before || n.Draining("nowhere@h") {
			t.Error("the version stays, or nobody drains")
		}
	})
}
