// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/banyan-go/banyan/db/internal/host"
	"github.com/banyan-go/banyan/db/internal/placement"
	"github.com/banyan-go/banyan/db/internal/state"
	"github.com/banyan-go/banyan/db/internal/txn"
)

const (
	// placeEvery is how often a leader looks whether its group is where it should be.
	placeEvery = 2 // ticks
	// stepsAtOnce is how many groups that are led here and have voters enough may begin to change their members at the same time: each change takes a few entries and
	// perhaps a snapshot, which those wait behind who use the group.
	stepsAtOnce = 2
	// stayFor is how long a leader leads before it hands over to the one that is preferred.
	stayFor = 5 * time.Second
	// almost is how many entries a replica may be behind that is promoted: it has them within a moment.
	almost = 100
	// stepTime is how long a step is waited for; it is worked out anew afterwards.
	stepTime = 10 * time.Second
)

// tend is the goroutine that keeps an eye on everything, once a tick.
func (m *member) tend(ctx context.Context) {
	k, b := newKeeper(m), &burial{m: m, seen: map[uint64]time.Time{}}
	t := time.NewTicker(tick)
	defer t.Stop()
	since := map[uint64]time.Time{} // groups led here, since when
	for n := 0; ; n++ {
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
		m.look()
		if n%placeEvery == 0 {
			m.place(since)
			rows := m.localNodes()
			k.look(rows)
			b.look(rows)
			m.dropViews(viewIdle)
		}
	}
}

// place takes the next step of each group that is led here.
func (m *member) place(since map[uint64]time.Time) {
	rows := m.localNodes()
	leads := m.watch.leads()
	for g := range since {
		if !slices.Contains(leads, g) {
			delete(since, g)
		}
	}
	steps := stepsAtOnce
	for _, g := range leads {
		if since[g].IsZero() {
			since[g] = time.Now()
		}
		if m.placeGroup(g, rows, since[g], steps > 0) {
			steps--
		}
		if g == txn.MetaGroup {
			m.judge(rows)
			m.sayHowMany(rows)
		}
	}
}

// once runs f for a group in a goroutine, if none runs for it yet.
func (m *member) once(group uint64, f func(ctx context.Context)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.moving[group] {
		return
	}
	m.moving[group] = true // for ever, if the database is being closed
	m.run(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, stepTime)
		defer cancel()
		f(ctx)
		m.mu.Lock()
		delete(m.moving, group)
		m.mu.Unlock()
	})
}

// ruleOf says how many replicas a group shall have.
func ruleOf(group uint64) placement.Rule {
	c := txn.ClassOf(group)
	switch {
	case c == txn.Meta:
		return placement.Meta
	case c.Copies() == txn.Everywhere:
		return placement.Rule{Copies: 3, All: true}
	}
	return placement.Rule{Copies: c.Copies()}
}

// nodesFor are the nodes as places for a group's replicas. One whose newest process has not come so far that it could be a place for groups in memory is none.
func nodesFor(group uint64, rows []nodeRow) (list []placement.Node) {
	for _, r := range rows {
		n := placement.Node{ID: r.number, Store: r.store, State: r.state}
		if txn.ClassOf(group).InRAM() {
			if n.Store = r.ram; r.ram == 0 {
				continue
			}
		}
		list = append(list, n)
	}
	return list
}

// placeGroup takes the next step of a group that is led here. It reports whether that is a change of its members that could have waited, which it begins only if it may.
func (m *member) placeGroup(group uint64, rows []nodeRow, since time.Time, may bool) bool {
	e := m.db.engineOf(group)
	st, ok := e.host.Status(group)
	if !ok || !st.Leading || st.Conf.Joint() {
		return false
	}
	ram := txn.ClassOf(group).InRAM()
	g := groupOf(st, m.watch.absent(group))
	var home homeRow
	if ram {
		if home = m.homes()[group]; home.Epoch != epochOf(st.Replica) { // read after st: whatever st has as a member was written down there before
			return false
		}
		for i, r := range g.Replicas {
			if !slices.Contains(home.Stores, r.Store) { // it was given up
				g.Replicas[i].Lost, g.Replicas[i].Heard, g.Replicas[i].Ready = true, false, false
			}
		}
	}
	step := placement.Next(g, nodesFor(group, rows))
	if step.None() {
		if to := preferred(g); to != 0 && time.Since(since) >= stayFor {
			e.host.Do(func(c *host.Core) { _ = c.Transfer(group, to) }) // it does not lead any more: as well
		} else if ram && st.Applied.Index == st.Last.Index && len(home.Stores) > len(st.Conf.Members) && time.Since(since) >= stayFor {
			m.once(group, func(ctx context.Context) { // all of its log is applied, so no replica is on its way that is no member
				_ = m.db.keepStores(ctx, group, home.Epoch, func([]uint64) (s []uint64) { // tried again
					for _, mem := range st.Conf.Members {
						s = append(s, mem.Store)
					}
					return s
				})
			})
		}
		return false
	}
	if step.Transfer != 0 {
		e.host.Do(func(c *host.Core) { _ = c.Transfer(group, step.Transfer) })
		return false
	}
	short := few(g)
	if !may && !short {
		return false
	}
	ch := host.Change{Promote: step.Promote, Demote: step.Demote, Remove: step.Remove}
	if step.Add.ID != 0 {
		ch.Learners = []state.Member{{Node: step.Add.ID, Store: step.Add.Store}}
	}
	m.once(group, func(ctx context.Context) {
		var err error
		if ram && step.Add.ID != 0 {
			err = m.register(ctx, group, home.Epoch, step.Add.Store)
		}
		if err == nil {
			err = e.host.Change(ctx, group, ch)
		}
		log := m.node.Logger().With("group", group, "new", step.Add.ID, "promote", step.Promote, "demote", step.Demote, "remove", step.Remove)
		switch {
		case err == nil:
			log.Info("db: a group's replicas change")
		case errors.Is(err, host.ErrStopped), errors.Is(err, host.ErrNotLeader), errors.Is(err, host.ErrUnknown), errors.Is(err, errUnmade), errors.Is(err, ErrClosed):
			// who leads from now on works it out again
		default:
			log.Warn("db: a group's replicas do not change", "error", err)
		}
	})
	return !short
}

// few reports whether a group has fewer voters that are heard than three, or than it shall have: whatever gives it more comes before all else.
func few(g placement.Group) bool {
	n := 0
	for _, r := range g.Replicas {
		if r.Voter && r.Heard {
			n++
		}
	}
	return n < min(3, g.Rule.Copies)
}

// groupOf is a group as placement sees it. absent are the replicas that are known to be lost.
func groupOf(st host.Status, absent map[uint64]bool) placement.Group {
	g := placement.Group{ID: st.Group, Rule: ruleOf(st.Group), Leader: st.Replica}
	for _, mem := range st.Conf.Members {
		r := placement.Replica{ID: mem.Replica, Node: mem.Node, Store: mem.Store, Voter: st.Conf.Voter(mem.Replica), Lost: absent[mem.Replica]}
		for _, p := range st.Progress {
			if p.Replica == mem.Replica && !r.Lost {
				r.Heard = p.Silent < silentTicks
				r.Ready = r.Heard && p.Match > 0 && p.Match+almost >= st.Commit
			}
		}
		g.Replicas = append(g.Replicas, r)
	}
	return g
}

// preferred is the replica that should lead in place of the one that does, 0 if there is none that could. The meta group stays where it is.
func preferred(g placement.Group) uint64 {
	if g.ID == txn.MetaGroup {
		return 0
	}
	var voters []uint64
	for _, r := range g.Replicas {
		if r.Voter {
			voters = append(voters, r.Node)
		}
	}
	want := placement.Preferred(g.ID, voters)
	for _, r := range g.Replicas {
		if r.Node == want && r.Voter && r.Ready && r.ID != g.Leader {
			return r.ID
		}
	}
	return 0
}

// judge declares nodes dead that have been silent for long, and takes that back. Only the leader of the meta group does.
func (m *member) judge(rows []nodeRow) {
	for _, r := range rows {
		missing := m.health.missing(r.number)
		to := r.state
		switch {
		case r.state == placement.Up && r.number != m.number && missing >= m.options.ReplaceAfter:
			to = placement.Dead
		case r.state == placement.Dead && (r.number == m.number || m.health.silence(r.number) < silentTicks):
			to = placement.Up
		default:
			continue
		}
		m.once(0, func(ctx context.Context) { // one at a time
			err := m.db.Update(ctx, func(tx *Tx) error {
				b, ok, err := tx.get(nodeKey(r.number))
				if err != nil || !ok {
					return err
				}
				if now, err := decodeNode(nodeKey(r.number), b); err != nil || now.state != r.state {
					return err // somebody knows better
				}
				return setState(tx, r.number, to)
			})
			if err == nil {
				m.node.Logger().Warn("db: a node is "+to.String(), "peer", r.name, "missing", missing)
			} // after an error it is judged again
		})
	}
}

// sayHowMany tells operators what two nodes are worth.
func (m *member) sayHowMany(rows []nodeRow) {
	n := 0
	for _, r := range rows {
		if r.state == placement.Up || r.state == placement.Dead {
			n++
		}
	}
	text := ""
	if n == 2 {
		text = "db: two nodes: one votes and the other one learns, since two voters would stop when either of them does. A third node makes three voters"
	}
	m.mu.Lock()
	news := text != m.said
	m.said = text
	m.mu.Unlock()
	if news && text != "" {
		m.node.Logger().Warn(text)
	}
}

// handOver gives away what is led here, and waits a moment for it.
func (m *member) handOver() {
	deadline := time.Now().Add(500 * time.Millisecond)
	for time.Now().Before(deadline) {
		moves := 0
		for _, g := range m.watch.leads() {
			st, ok := m.db.engineOf(g).host.Status(g)
			if !ok || !st.Leading {
				continue
			}
			for _, r := range groupOf(st, nil).Replicas {
				if r.Voter && r.Ready && r.ID != st.Replica {
					moves++
					m.db.engineOf(g).host.Do(func(c *host.Core) { _ = c.Transfer(g, r.ID) }) // what stays here is elected elsewhere soon
					break
				}
			}
		}
		if moves == 0 {
			return
		}
		t := time.NewTimer(tick / 2)
		select {
		case <-t.C:
		case <-m.db.host.Done():
			t.Stop()
			return
		}
	}
}
