// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"fmt"
	"testing"

	"github.com/banyan-go/banyan"
)

// Linked nodes hear that one drains, and so do those that link afterwards; when the link is gone it is forgotten.
func TestDrainingIsTold(t *testing.T) {
	m := newMemory()
	na, _ := startNode(t, "na@h", Config{Cookie: "c", Network: m, Names: m})
	nb, _ := startNode(t, "nb@h", Config{Cookie: "c", Network: m, Names: m})
	nc, _ := startNode(t, "nc@h", Config{Cookie: "c", Network: m, Names: m})
	process(t, nb, func(self *banyan.Self) error {
		self.MonitorNodes(true)
		if err := nb.Connect(self, "na@h"); err != nil {
			return err
		}
		for _, on := range []bool{true, false, true} {
			na.SetDraining(on)
			if m, err := receive[banyan.NodeDraining](self); err != nil || m != (banyan.NodeDraining{Node: "na@h", On: on}) || nb.Draining("na@h") != on {
				return fmt.Errorf("%v, %w", m, err)
			}
		}
		return nil
	})
	process(t, nc, func(self *banyan.Self) error {
		self.MonitorNodes(true)
		if err := nc.Connect(self, "na@h"); err != nil {
			return err
		}
		if m, err := receive[banyan.NodeDraining](self); err != nil || !m.On || !nc.Draining("na@h") {
			return fmt.Errorf("%v, %w", m, err)
		}
		before := nc.NodesVersion()
		nc.Disconnect("na@h")
		if _, err := receive[banyan.NodeDown](self); err != nil || nc.Draining("na@h") || nc.NodesVersion() == before {
			return fmt.Errorf("it drains for good: %w", err)
		}
		return nil
	})
}
