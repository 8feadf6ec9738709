// SPDX-License-Identifier: Apache-2.0

package route

import (
	"slices"
	"time"

	"github.com/banyan-go/banyan"
)

// stopTimeout is how long a worker that was moved away may take for what it has queued, before it is told to end anyway.
const stopTimeout = 30 * time.Second

// balance moves one worker, if that makes things more even, and looks again after the pace.
func (p *PoolServer) balance(self *banyan.Self) {
	bad := p.failures()
	if len(bad) > 0 {
		p.soon(self, badFor) // they will be of use again
	}
	from, to, why, ok := p.cfg.plan.move(p.cfg.nodes.List(), p.count(), bad)
	if !ok {
		return
	}
	i := slices.IndexFunc(p.slots, func(s slot) bool { return p.running(s.pid) && s.pid.Node == from })
	old := p.slots[i].pid
	if err := p.startAt(self, i, to, why); err == nil {
		p.leaving[old] = true
		self.SendAfter(p.cfg.grace, retiring{pid: old})
		self.Node().Logger().Info("worker moved", "pool", p.cfg.name, "slot", i, "from", old.String(), "to", p.slots[i].pid.String(), "why", why)
	}
	p.soon(self, p.cfg.pace)
}

func (p *PoolServer) running(pid banyan.PID) bool {
	_, ok := p.byPID[pid]
	return ok
}

// retiring ends a worker that was moved away: first behind what it has queued, later at once.
func (p *PoolServer) retiring(self *banyan.Self, m retiring) {
	if !p.leaving[m.pid] {
		return
	}
	if !m.asked {
		err := p.cfg.retire(self, m.pid)
		if err == nil {
			self.SendAfter(stopTimeout, retiring{m.pid, true})
			return
		}
		self.Node().Logger().Warn("worker cannot be retired", "pool", p.cfg.name, "pid", m.pid.String(), "error", err.Error())
	}
	_ = banyan.SendExit(self, m.pid, banyan.ErrShutdown)
}

// members asks for the workers that run.
type members struct{}

func (members) Call(p *PoolServer, _ *banyan.Self) ([]banyan.PID, error) {
	pids := make([]banyan.PID, 0, len(p.slots))
	for _, s := range p.slots {
		if p.running(s.pid) {
			pids = append(pids, s.pid)
		}
	}
	return pids, nil
}

type explain struct{}

func (explain) Call(p *PoolServer, _ *banyan.Self) (Placement, error) {
	e := Placement{
		Pool: p.cfg.name, Size: len(p.slots), Restarts: p.core.Restarts(time.Since(p.began)),
		Nodes: p.cfg.plan.candidates(p.cfg.nodes.List(), p.count(), p.failures()),
	}
	for i, s := range p.slots {
		info := SlotInfo{Slot: i, Why: s.why}
		if p.running(s.pid) {
			info.PID = s.pid
		}
		e.Slots = append(e.Slots, info)
	}
	for pid := range p.leaving {
		e.Leaving = append(e.Leaving, pid)
	}
	return e, nil
}
