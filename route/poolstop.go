// SPDX-License-Identifier: Apache-2.0

package route

import (
	"context"
	"slices"
	"time"

	"github.com/banyan-go/banyan"
)

// killTimeout is how long to wait for the end of workers that were killed. Their nodes may not answer.
const killTimeout = 5 * time.Second

// Terminate ends all workers and waits for them: those that take longer than the pool's patience are killed. Should the pool be
// killed in here, they end all the same: they are linked.
func (p *PoolServer) Terminate(self *banyan.Self, _ error) {
	pids := make([]banyan.PID, 0, len(p.byPID)+len(p.leaving))
	for pid := range p.byPID {
		pids = append(pids, pid)
	}
	for pid := range p.leaving {
		pids = append(pids, pid)
	}
	if len(pids) == 0 {
		return
	}
	slices.SortFunc(pids, func(a, b banyan.PID) int { return int(p.byPID[b]) - int(p.byPID[a]) }) // the last one first, as in a supervisor
	watch, err := banyan.Spawn(self, func(_ context.Context, me *banyan.Self) (*farewell, error) {
		f := &farewell{left: map[banyan.PID]bool{}}
		for _, pid := range pids {
			f.left[pid] = true
			me.Monitor(pid)
		}
		return f, nil
	}, banyan.Linked())
	for _, pid := range pids {
		_ = banyan.SendExit(self, pid, banyan.ErrShutdown)
	}
	if err != nil { // the node itself ends: it sees them off
		return
	}
	if _, err := banyan.Call(self, watch, allGone{}, banyan.Timeout(p.cfg.patience)); err == nil {
		return
	}
	late, err := banyan.Call(self, watch, whoIsLeft{})
	if err != nil {
		return
	}
	for _, pid := range late {
		self.Node().Logger().Error("worker killed, as it did not end in time", "pool", p.cfg.name, "pid", pid.String(), "patience", p.cfg.patience)
		_ = banyan.SendExit(self, pid, banyan.ErrKill)
	}
	_, _ = banyan.Call(self, watch, allGone{}, banyan.Timeout(killTimeout)) // one on a node that does not answer ends with the link
}

// farewell is a helper of a pool that ends: it waits for the workers' ends, which the pool cannot pick out of its own mailbox.
type farewell struct {
	left    map[banyan.PID]bool
	done    banyan.Later[bool]
	waiting bool // done is to be answered
}

// Info hears of ends.
func (f *farewell) Info(_ *banyan.Self, m any) error {
	d, ok := m.(banyan.Down)
	if !ok {
		return nil
	}
	delete(f.left, d.PID)
	if len(f.left) == 0 && f.waiting {
		f.waiting = false
		_ = f.done.Reply(true)
	}
	return nil
}

// allGone is answered when all are.
type allGone struct{}

func (allGone) Call(f *farewell, self *banyan.Self) (bool, error) {
	if len(f.left) > 0 {
		f.done, f.waiting = banyan.Defer[bool](self), true
	}
	return true, nil
}

// whoIsLeft asks for those that have not ended.
type whoIsLeft struct{}

func (whoIsLeft) Call(f *farewell, _ *banyan.Self) (pids []banyan.PID, err error) {
	for pid := range f.left {
		pids = append(pids, pid)
	}
	return pids, nil
}
