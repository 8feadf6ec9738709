// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/supervisor"
)

// keeper sees to it that there is a coordinator.
type keeper struct {
	e     *env
	born  time.Time
	lead  lead // the coordinator as far as known; zero PID: none
	term  int  // the highest that was heard of
	watch banyan.Reference
	told  map[banyan.Atom]bool // neighbours that have said who coordinates
	tried time.Time            // when a coordinator was last started here
}

// tick is time to look around.
type tick struct{}

// retry is how long to wait before another coordinator is started where one has just failed.
const retry = 300 * time.Millisecond

// settling is how long a new node waits for neighbours that do not answer before it may coordinate.
const settling = 1500 * time.Millisecond

func newKeeper(e *env) func(context.Context, *banyan.Self) (*keeper, error) {
	return func(_ context.Context, self *banyan.Self) (*keeper, error) {
		k := &keeper{e: e, born: time.Now(), told: map[banyan.Atom]bool{}}
		self.MonitorNodes(true)
		self.Every(100*time.Millisecond, tick{})
		k.ask(self)
		return k, nil
	}
}

// ask asks the neighbours that have not said who coordinates.
func (k *keeper) ask(self *banyan.Self) {
	for _, n := range k.e.neighbours() {
		if !k.told[n] {
			k.send(self, n, ask{k.e.node.Name()})
		}
	}
}

func (k *keeper) send(self *banyan.Self, n banyan.Atom, m banyan.Note[*keeper]) {
	var err error
	ctx := banyan.Within(self, later)
	switch m := m.(type) {
	case ask:
		err = banyan.Cast(ctx, banyan.At[*keeper](keeperName, n), m)
	case tell:
		err = banyan.Cast(ctx, banyan.At[*keeper](keeperName, n), m)
	}
	if err != nil {
		k.e.log.Debug("a neighbour is not reached", "node", string(n), "error", err) // asked again at the next tick
	}
}

// Info handles links that come and go, the coordinator's end, and the clock.
func (k *keeper) Info(self *banyan.Self, m any) error {
	switch m := m.(type) {
	case tick:
		k.ask(self)
	case banyan.NodeUp:
		k.ask(self)
	case banyan.NodeDown:
		delete(k.told, m.Node)
	case banyan.Down:
		if m.Monitor == k.watch {
			k.e.log.Info("the coordinator is gone", "node", string(k.lead.Node), "reason", m.Reason)
			k.lead, k.watch = lead{}, banyan.Reference{}
		}
	}
	return k.elect(self)
}

// Cast tells a neighbour who coordinates.
func (m ask) Cast(k *keeper, self *banyan.Self) error {
	l := k.lead
	l.Term = k.term
	k.send(self, m.From, tell{k.e.node.Name(), l})
	return nil
}

// Cast takes the news of a coordinator, or the answer to ask.
func (m tell) Cast(k *keeper, self *banyan.Self) error {
	if m.From != "" {
		k.told[m.From] = true
	}
	k.term = max(k.term, m.Lead.Term)
	if m.Lead.PID == k.lead.PID && m.From == "" {
		k.lead.Term = m.Lead.Term // the coordinator has it from the database now
	}
	if m.Lead.PID.IsZero() || m.Lead.PID == k.lead.PID || !k.lead.PID.IsZero() && m.Lead.before(k.lead) {
		return k.elect(self)
	}
	return k.follow(self, m.Lead)
}

// follow takes a coordinator for the one, and stops its own if that is another.
func (k *keeper) follow(self *banyan.Self, l lead) error {
	if !k.lead.PID.IsZero() {
		self.Demonitor(k.watch)
		if k.lead.Node == k.e.node.Name() {
			k.e.log.Info("stopping the coordinator here: there is another", "node", string(l.Node), "term", l.Term)
			if err := banyan.SendExit(self, k.lead.PID, banyan.ErrKill); err != nil {
				return err
			}
		}
	}
	k.lead = l
	k.watch = self.Monitor(l.PID) // a Down comes at once if it is gone already
	return nil
}

// elect starts a coordinator if there is none and this is the lowest living name.
func (k *keeper) elect(self *banyan.Self) error {
	if !k.lead.PID.IsZero() || !k.e.takesPart(k.e.node.Name()) {
		return nil
	}
	nodes := k.e.neighbours()
	if len(nodes) < k.e.Expect-1 && time.Since(k.born) < settling {
		return nil
	}
	for _, n := range nodes {
		if n < k.e.node.Name() || !k.told[n] {
			return nil
		}
	}
	if _, ok := k.e.node.Whereis(coordinatorName); ok || time.Since(k.tried) < retry {
		return nil // one of an earlier keeper, which will say so, or one that has just failed; the next tick looks again
	}
	k.tried = time.Now()
	k.term++
	spec := supervisor.Worker(string(coordinatorName), newCoordinator(k.e, k.term), supervisor.Temporary,
		supervisor.With(banyan.Name(coordinatorName)))
	pid, err := supervisor.StartChild(self, banyan.At[*supervisor.Server](coordinationName, ""), spec)
	if err != nil {
		k.e.log.Warn("the coordinator does not start: it is tried again", "error", err)
		return nil
	}
	return k.follow(self, lead{k.term, k.e.node.Name(), pid})
}

// retire asks the keeper of this node, which drains, to let another one coordinate.
type retire struct{}

// Call stops the coordinator here, if it is here. Others see its end, and the lowest of them that takes part starts the next one; this node
// does not, as long as it drains.
func (retire) Call(k *keeper, self *banyan.Self) (struct{}, error) {
	if k.lead.Node != k.e.node.Name() || k.lead.PID.IsZero() {
		return struct{}{}, nil
	}
	k.e.log.Info("the coordinator is handed over: this node drains")
	return struct{}{}, banyan.SendExit(self, k.lead.PID, banyan.ErrShutdown)
}

// who asks the keeper of this node what it knows.
type who struct{}

// Call tells who coordinates.
func (who) Call(k *keeper, _ *banyan.Self) (lead, error) {
	l := k.lead
	l.Term = k.term
	return l, nil
}
