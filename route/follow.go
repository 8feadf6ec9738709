// SPDX-License-Identifier: Apache-2.0

package route

import (
	"github.com/banyan-go/banyan"
)

// Follow lets a process hear of each worker of a pool that is started, restarted or moved, as Moved messages, until it ends. What it
// returns is how the pool is now: no change between it and the first message is missed. The process may be on any node; when the pool
// ends nothing more comes, so monitor it.
func Follow(self *banyan.Self, pool banyan.Dest[*PoolServer], opts ...banyan.CallOption) (Placement, error) {
	return banyan.Call(self, pool, follow{self.PID()}, opts...)
}

// maxFollowers bounds who is told.
const maxFollowers = 1000

type follow struct{ PID banyan.PID }

func (m follow) Call(p *PoolServer, self *banyan.Self) (Placement, error) {
	for _, pid := range p.followers {
		if pid == m.PID {
			return explain{}.Call(p, self)
		}
	}
	if len(p.followers) >= maxFollowers {
		return Placement{}, ErrFollowers
	}
	p.followers[self.Monitor(m.PID)] = m.PID
	return explain{}.Call(p, self)
}

// tell tells that a slot has another process.
func (p *PoolServer) tell(self *banyan.Self, m Moved) {
	if p.cfg.onMove != nil {
		p.cfg.onMove(m)
	}
	for _, pid := range p.followers {
		if err := banyan.Send(banyan.NoWait(self), pid, m); err != nil {
			self.Node().Logger().Warn("a follower of the pool cannot be told", "pool", p.cfg.name, "follower", pid.String(), "error", err.Error())
		}
	}
}
