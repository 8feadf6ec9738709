// SPDX-License-Identifier: Apache-2.0

package db

import "github.com/banyan-go/banyan"

// nameGuard is the process that hears of the end of holders.
type nameGuard struct {
	n    *Names
	seen map[banyan.PID]bool
}

// guardCall has a process watched, and says whether it lives. Who registers asks before the name is there, so no end is missed.
type guardCall struct{ PID banyan.PID }

// Call begins to watch.
func (c guardCall) Call(g *nameGuard, self *banyan.Self) (bool, error) {
	if _, alive := self.Node().Info(c.PID); !alive {
		return false, nil
	}
	if !g.seen[c.PID] {
		g.seen[c.PID] = true
		self.Monitor(c.PID)
	}
	return true, nil
}

// Info takes in what is no call: that a process has ended.
func (g *nameGuard) Info(_ *banyan.Self, m any) error {
	if down, ok := m.(banyan.Down); ok {
		delete(g.seen, down.PID)
		g.n.ended(down.PID)
	}
	return nil
}
