// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/db/internal/host"
)

func init() {
	banyan.RegisterCall[presentCall]("banyan_db_present")
	banyan.RegisterType[presentAnswer]("{}")
}

// presentCall asks a node for the groups that it leads, and how many replicas each has on nodes that are heard.
type presentCall struct{ Cluster uint64 }

type presentAnswer struct {
	Groups []uint64
	Copies []int
}

// Call implements banyan.Query.
func (q presentCall) Call(d *desk, self *banyan.Self) (presentAnswer, error) {
	if a := d.serves(q.Cluster); a != nil {
		return presentAnswer{}, errNotReady
	}
	l := banyan.Defer[presentAnswer](self)
	d.m.run(func(context.Context) { _ = l.Reply(d.m.led()) }) // an error: the caller has gone
	return presentAnswer{}, nil
}

// led are the groups that are led here.
func (m *member) led() (a presentAnswer) {
	for _, e := range m.db.engines() {
		e.do(func(c *host.Core) {
			for _, g := range c.Groups() {
				st, _ := c.Status(g)
				if !st.Leading {
					continue
				}
				n := 0
				for _, p := range st.Progress {
					if p.Silent < silentTicks {
						n++
					}
				}
				a.Groups, a.Copies = append(a.Groups, g), append(a.Copies, n)
			}
		})
	}
	return a
}

// present asks all nodes how many replicas each group has. Of those that nobody leads it says nothing.
func (m *member) present(ctx context.Context) map[uint64]int {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	numbers := m.peers.all()
	answers := make(chan presentAnswer, len(numbers))
	for _, n := range numbers {
		if n == m.number {
			answers <- m.led()
			continue
		}
		go func() { // for a second at most
			ctx, cancel := m.health.during(ctx, n)
			defer cancel()
			a, err := banyan.Call(banyan.NoConnect(m.node.Context(ctx)), banyan.At[*desk](askDoor, m.peers.name(n)), presentCall{m.cluster})
			if err != nil {
				a = presentAnswer{} // what it leads is not known
			}
			answers <- a
		}()
	}
	all := map[uint64]int{}
	for range numbers {
		a := <-answers
		for i, g := range a.Groups[:min(len(a.Groups), len(a.Copies))] {
			all[g] = max(all[g], a.Copies[i])
		}
	}
	return all
}
