// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/supervisor"
)

// host runs the shards that are placed on this node, and tells them what counts. It is the node's membership: who loses the host loses the member.
type host struct {
	e       *env
	lead    lead
	counted map[int]bool       // pieces, as far as a coordinator has said
	shards  map[int]banyan.PID // shards that have asked to be fed
	owned   map[int]banyan.PID // shards that are placed here, as children of the shards' supervisor
}

func newHost(e *env) func(context.Context, *banyan.Self) (*host, error) {
	return func(context.Context, *banyan.Self) (*host, error) {
		return &host{e: e, counted: map[int]bool{}, shards: map[int]banyan.PID{}, owned: map[int]banyan.PID{}}, nil
	}
}

// obey reports whether a message of this coordinator counts, and notes a newer one.
func (h *host) obey(l lead) bool {
	if l.before(h.lead) {
		return false
	}
	h.lead = l
	return true
}

// Cast answers a coordinator that looks for members.
func (m hello) Cast(h *host, self *banyan.Self) error {
	if !h.obey(m.Lead) {
		return nil
	}
	if err := castTo[*coordinator](self, h.lead.PID, here{h.e.node.Name(), self.PID()}); err != nil {
		h.e.log.Debug("the coordinator is not reached", "node", h.lead.Node, "error", err) // it, or the next one, asks again
	}
	return nil
}

// Cast tells the shards of this node which pieces count.
func (m news) Cast(h *host, self *banyan.Self) error {
	fresh := slices.DeleteFunc(slices.Clone(m.Pieces), func(p int) bool { return h.counted[p] })
	for _, p := range fresh {
		h.counted[p] = true
	}
	for number, pid := range h.shards {
		h.tell(self, pid, number, fresh)
	}
	return nil
}

// tell tells a shard. One that cannot take it must not miss it: it is started anew, and asks for all.
func (h *host) tell(self *banyan.Self, pid banyan.PID, number int, pieces []int) {
	err := castTo[*shard](self, pid, more{pieces})
	if err == nil {
		return
	}
	delete(h.shards, number)
	if err := banyan.SendExit(self, pid, banyan.ErrKill); err != nil {
		h.e.log.Warn("a shard is behind and cannot be restarted", "shard", number, "error", err)
	}
}

// feed asks the host to tell a shard what counts, now and from now on.
type feed struct {
	Shard int
	PID   banyan.PID
}

// Cast remembers the shard.
func (m feed) Cast(h *host, self *banyan.Self) error {
	h.shards[m.Shard] = m.PID
	h.tell(self, m.PID, m.Shard, slices.Sorted(maps.Keys(h.counted)))
	return nil
}

// Cast starts and stops shards until those run here that are placed here.
func (m own) Cast(h *host, self *banyan.Self) error {
	if !h.obey(m.Lead) {
		return nil
	}
	sup := banyan.At[*supervisor.Server](shardsName, "")
	want := map[int]bool{}
	for _, n := range m.Shards {
		want[n] = true
		if n < 0 || n >= h.e.Shards || h.owned[n] != (banyan.PID{}) {
			continue
		}
		name := shardName(n)
		if pid, ok := h.e.node.Whereis(name); ok { // left over from a lost order
			h.owned[n] = pid
			continue
		}
		spec := supervisor.Worker(string(name), newShard(h.e, n), supervisor.With(banyan.Name(name), roomy))
		pid, err := supervisor.StartChild(self, sup, spec)
		if err != nil {
			return fmt.Errorf("shard %d: %w", n, err)
		}
		h.owned[n] = pid
	}
	for n := range h.owned {
		if want[n] {
			continue
		}
		delete(h.owned, n)
		delete(h.shards, n)
		if pid, ok := h.e.node.Whereis(shardName(n)); ok { // it may have been restarted
			if err := supervisor.TerminatePID(self, sup, pid); err != nil { // then it goes on unasked
				h.e.log.Warn("a shard that is placed elsewhere does not stop", "shard", n, "error", err)
			}
		}
	}
	return nil
}

func shardName(n int) banyan.Atom { return banyan.Atom(fmt.Sprintf("shard_%d", n)) }

// owns asks the host of this node which shards it has.
type owns struct{}

// Call tells it.
func (owns) Call(h *host, _ *banyan.Self) ([]int, error) {
	return slices.Sorted(maps.Keys(h.owned)), nil
}
