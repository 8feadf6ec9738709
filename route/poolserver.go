// SPDX-License-Identifier: Apache-2.0

package route

import (
	"errors"
	"fmt"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/internal/restart"
	"github.com/banyan-go/banyan/supervisor"
)

// PoolServer is the state of a running pool: see Pool. All of it belongs to the pool's process.
// Invariant: byPID has the slots that run; leaving has the workers that were moved away and have not ended.
type PoolServer struct {
	cfg       poolConfig
	parent    banyan.PID
	core      *restart.Core[int]
	slots     []slot
	byPID     map[banyan.PID]int
	leaving   map[banyan.PID]bool
	bad       map[banyan.Atom]failure
	began     time.Time
	moving    bool                            // a balance message is on its way
	followers map[banyan.Reference]banyan.PID // by their monitors
}

// slot is one worker that there is to be.
type slot struct {
	pid banyan.PID // zero while it does not run
	why string
}

// failure is why a node was not able to start a worker, and until when it is not asked again.
type failure struct {
	why   string
	until time.Time
}

// look is how often a pool looks whether all is well, whatever it has heard.
const look = time.Second

const badFor = time.Second // how long a node that failed is passed over

// What the pool sends to itself.
type (
	balanceNow struct{}
	lookNow    struct{}
	retry      struct{ slot int }
	// retiring: a worker that was moved had its grace; again, and it is told to end without regard to its queue.
	retiring struct {
		pid   banyan.PID
		asked bool
	}
)

func startPool(self *banyan.Self, c poolConfig, parent banyan.PID) (*PoolServer, error) {
	core, err := restart.New[int](c.options)
	if err != nil {
		return nil, err
	}
	if c.nodes == nil {
		c.nodes = Links(self.Node())
	}
	p := &PoolServer{
		cfg: c, parent: parent, core: core, slots: make([]slot, c.plan.size), byPID: map[banyan.PID]int{},
		leaving: map[banyan.PID]bool{}, followers: map[banyan.Reference]banyan.PID{}, bad: map[banyan.Atom]failure{}, began: time.Now(),
	}
	for i := range p.slots {
		if err := core.Add(i, restart.Spec{Type: restart.Permanent}); err != nil {
			return nil, err
		}
		if err := p.start(self, i, "the pool started"); err != nil {
			return nil, err // who is linked ends with us
		}
	}
	self.Every(look, lookNow{})
	return p, c.nodes.Watch(self)
}

// count is the workers of each node.
func (p *PoolServer) count() map[banyan.Atom]int {
	n := map[banyan.Atom]int{}
	for pid := range p.byPID {
		n[pid.Node]++
	}
	return n
}

// failures are the nodes to be passed over.
func (p *PoolServer) failures() map[banyan.Atom]string {
	now := time.Now()
	list := map[banyan.Atom]string{}
	for node, f := range p.bad {
		if now.After(f.until) {
			delete(p.bad, node)
			continue
		}
		list[node] = f.why
	}
	return list
}

// start starts the worker of a slot on the node with most room that can.
func (p *PoolServer) start(self *banyan.Self, i int, why string) error {
	var errs []error
	for _, c := range p.cfg.plan.candidates(p.cfg.nodes.List(), p.count(), p.failures()) {
		if !c.Fit {
			continue
		}
		err := p.startAt(self, i, c.Node, why+"; of the nodes, "+c.Why)
		if err == nil {
			return nil
		}
		if errors.Is(err, banyan.ErrKilled) || self.Ending() {
			return err
		}
		errs = append(errs, err)
	}
	return fmt.Errorf("pool %s: %w: %w", p.cfg.name, ErrNoNode, errors.Join(errs...))
}

func (p *PoolServer) startAt(self *banyan.Self, i int, node banyan.Atom, why string) error {
	pid, err := p.cfg.start(self, node)
	if err != nil {
		p.bad[node] = failure{"it could not start a worker: " + err.Error(), time.Now().Add(badFor)}
		return err
	}
	old := p.slots[i].pid
	delete(p.byPID, old)
	p.slots[i] = slot{pid, why}
	p.byPID[pid] = i
	p.core.Started(i)
	p.tell(self, Moved{p.cfg.name, i, old, pid, why})
	return nil
}

// Info hears of ends, and of nodes.
func (p *PoolServer) Info(self *banyan.Self, m any) error {
	switch m := m.(type) {
	case banyan.Exit:
		return p.exited(self, m.From, m.Reason)
	case banyan.Down:
		delete(p.followers, m.Monitor)
	case retry:
		return p.follow(self, m.slot, p.core.Retry(m.slot, time.Since(p.began)), "its restart is tried again")
	case NodesChanged, banyan.NodeUp, banyan.NodeDown, banyan.NodeDraining, lookNow:
		p.soon(self, 0)
	case balanceNow:
		p.moving = false
		p.balance(self)
	case retiring:
		p.retiring(self, m)
	}
	return nil
}

// soon has the balance looked at.
func (p *PoolServer) soon(self *banyan.Self, d time.Duration) {
	if !p.moving {
		p.moving = true
		self.SendAfter(d, balanceNow{})
	}
}

func (p *PoolServer) exited(self *banyan.Self, pid banyan.PID, reason error) error {
	if pid == p.parent && !p.parent.IsZero() {
		if reason == nil {
			return banyan.ErrNormal
		}
		return reason
	}
	delete(p.leaving, pid)
	i, ours := p.byPID[pid]
	if !ours {
		return nil
	}
	delete(p.byPID, pid)
	if why, lost := p.withItsNode(self, pid.Node, reason); lost { // not its own fault, so not counted
		p.core.Terminated(i)
		p.slots[i] = slot{pid, why}
		p.bad[pid.Node] = failure{why + " a moment ago", time.Now().Add(badFor)}
		self.Node().Logger().Warn("worker lost with its node", "pool", p.cfg.name, "slot", i, "pid", pid.String(), "why", why)
		if err := p.start(self, i, why+": "+string(pid.Node)); err != nil {
			return p.failed(self, i, err)
		}
		p.soon(self, badFor)
		return nil
	}
	class := restart.Normal
	why := "it ended"
	if reason != nil {
		why += ": " + reason.Error()
	}
	if banyan.Abnormal(reason) {
		class = restart.Crash
		self.Node().Logger().Error("worker crashed", "pool", p.cfg.name, "slot", i, "pid", pid.String(), "reason", reason.Error())
	}
	p.slots[i] = slot{pid, why}
	return p.follow(self, i, p.core.Exited(i, class, time.Since(p.began)), why)
}

// withItsNode reports whether a worker ended because its node did, or was lost. A node that stops tells each of its processes to shut
// down; this one is passed over for a while then, so that a worker which always ends so is not started without end.
func (p *PoolServer) withItsNode(self *banyan.Self, node banyan.Atom, reason error) (why string, lost bool) {
	switch {
	case errors.Is(reason, banyan.ErrNoConnection):
		return "the link to its node was lost", true
	case node == self.Node().Name():
		return "", false
	case errors.Is(reason, banyan.ErrShutdown):
		return "its node told it to shut down", true
	case errors.Is(reason, banyan.ErrKilled) && self.Node().Draining(node):
		return "its node is leaving, and killed it", true
	}
	return "", false
}

// follow does what was decided about a slot.
func (p *PoolServer) follow(self *banyan.Self, i int, d restart.Decision[int], why string) error {
	switch d.Outcome {
	case restart.Restart:
		if err := p.start(self, i, why); err != nil {
			return p.failed(self, i, err)
		}
	case restart.GiveUp:
		self.Node().Logger().Error("restart intensity reached", "pool", p.cfg.name, "slot", i,
			"restarts", p.cfg.options.Intensity, "period", p.cfg.options.Period, "outcome", "the pool ends")
		return banyan.Shutdown(fmt.Errorf("pool %q: %w", p.cfg.name, supervisor.ErrIntensity))
	}
	return nil
}

// failed has a start tried again a little later. Each try counts as a restart, as in a supervisor.
func (p *PoolServer) failed(self *banyan.Self, i int, err error) error {
	if errors.Is(err, banyan.ErrNodeStopped) || errors.Is(err, banyan.ErrKilled) {
		return banyan.ErrShutdown
	}
	self.Node().Logger().Error("worker not started", "pool", p.cfg.name, "slot", i, "error", err.Error())
	p.core.StartFailed(i)
	p.slots[i] = slot{why: err.Error()}
	self.SendAfter(badFor, retry{i})
	return nil
}
