// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/banyan-go/banyan/db/internal/host"
	"github.com/banyan-go/banyan/db/internal/placement"
	"github.com/banyan-go/banyan/db/internal/state"
	"github.com/banyan-go/banyan/db/internal/txn"
)

// giveUpAfter is how long a replica in memory has known of no leader when it looks whether there can ever be one again.
const giveUpAfter = time.Second

// keeper sees to the groups that are made while the database runs: it makes those that shall begin here, ends replicas in memory whose group can have no majority any more, and lets a
// group begin anew when nothing of it is left. The goroutine that tends owns it.
type keeper struct {
	m        *member
	orphaned map[uint64]time.Time // groups in memory that have a replica here, and no leader, since when
	vacant   map[uint64]time.Time // groups in memory that may have a replica here, and have none, since when
	known    map[uint64]uint64    // how often each group was lost, as far as was told

	mu       sync.Mutex
	forsaken map[uint64]uint64 // groups whose replica here was given up, of which epoch; not written down yet
}

func newKeeper(m *member) *keeper {
	return &keeper{m: m, orphaned: map[uint64]time.Time{}, vacant: map[uint64]time.Time{}, known: map[uint64]uint64{}, forsaken: map[uint64]uint64{}}
}

// homeWork is the number, among those of groups, under which making and renewing is done once at a time; see member.once.
const homeWork = ^uint64(0)

// homes are the rows of groups as this process's replica of the meta group has them.
func (m *member) homes() map[uint64]homeRow {
	list := map[uint64]homeRow{}
	for _, row := range m.db.localRows(m.ctx, homesTable.ranges()[0]) {
		r, err := homesTable.decode(row.key, row.value)
		if err != nil {
			m.node.Logger().Error("db: the table of groups", "error", err)
			return nil
		}
		list[r.Key] = r.Value
	}
	return list
}

// look does what is to be done. rows are the nodes.
func (k *keeper) look(rows []nodeRow) {
	m := k.m
	homes := m.homes()
	for g := range homes {
		if m.db.shards[g] == nil {
			delete(homes, g) // of a newer version
		}
	}
	if len(homes) == 0 || !slices.ContainsFunc(rows, func(r nodeRow) bool { return r.number == m.number && r.ram == m.db.ram.log.ID() }) {
		return // nothing was made, or what is here of the meta group is older than this process
	}
	alive := storesOf(rows)
	k.tell(homes)
	leads := slices.Contains(m.watch.leads(), uint64(txn.MetaGroup))
	for g, r := range homes {
		mine := !r.Made && r.Node == m.number
		if mine || leads && r.over(g, alive) {
			m.once(homeWork, func(ctx context.Context) {
				err := error(nil)
				if leads {
					err = m.db.renew(ctx)
				}
				if err == nil {
					err = m.db.found(ctx)
				}
				if err != nil && ctx.Err() == nil {
					m.node.Logger().Warn("db: groups are not made; it will be tried again", "error", err)
				}
			})
			break
		}
	}
	k.giveUp(homes, alive)
}

// tell says what is lost, once on each node.
func (k *keeper) tell(homes map[uint64]homeRow) {
	lost := map[txn.Class]int64{}
	for g, r := range homes {
		before, known := k.known[g]
		k.known[g] = r.Lost
		if known && r.Lost > before {
			lost[txn.ClassOf(g)] = max(lost[txn.ClassOf(g)], r.Since)
		}
	}
	for c, since := range lost {
		l := Lost{At: time.Unix(since, 0), Tables: k.m.tablesOf(c)}
		k.m.node.Logger().Error("db: rows in memory are lost: too many of the nodes that had them have ended at once; the tables go on without", "tables", l.Tables)
		k.m.db.losses.tell(l)
	}
}

// tablesOf names the tables of a class.
func (m *member) tablesOf(c txn.Class) (names []string) {
	prefix := append(slices.Clone(schema), 'd')
	for _, row := range m.db.localRows(m.ctx, txn.Scan{From: prefix, To: txn.After(prefix)}) {
		name, _, err := cutString(row.key[len(prefix):])
		def, bad := decodeDefinition(row.value)
		if err == nil && bad == nil && def.class() == c {
			names = append(names, name)
		}
	}
	return names
}

// giveUp ends the replicas in memory that no group can use any more. What they have is not all that the group had, so it is no use to anybody.
func (k *keeper) giveUp(homes map[uint64]homeRow, alive map[uint64]bool) {
	m := k.m
	var list []host.Status
	m.db.ram.do(func(c *host.Core) {
		for _, g := range c.Groups() {
			st, _ := c.Status(g)
			list = append(list, st)
		}
	})
	here := map[uint64]bool{}
	for _, st := range list {
		g, home := st.Group, homes[st.Group]
		here[g] = true
		if st.Lead != 0 && st.Refused == "" {
			delete(k.orphaned, g)
			continue
		}
		if k.orphaned[g].IsZero() {
			k.orphaned[g] = time.Now()
		}
		old := epochOf(st.Replica) < home.Epoch
		if !old && (epochOf(st.Replica) > home.Epoch || time.Since(k.orphaned[g]) < giveUpAfter || st.Refused == "" && !hopeless(st.Conf, home, alive)) {
			continue
		}
		m.once(g, func(ctx context.Context) {
			if m.db.ram.abandon(ctx, g) == nil && !old {
				k.mu.Lock()
				k.forsaken[g] = home.Epoch
				k.mu.Unlock()
				m.node.Logger().Warn("db: a replica in memory is given up: its group can have no majority any more", "group", g, "replica", st.Replica, "refused", st.Refused)
			}
		})
	}
	for g := range k.orphaned {
		if !here[g] {
			delete(k.orphaned, g)
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for g, home := range homes {
		// A leader has noted this store, and lost its majority before it could add the replica. If it still leads after all, it notes it again; see placeGroup.
		if here[g] || !txn.ClassOf(g).InRAM() || !home.Made || !slices.Contains(home.Stores, m.db.ram.log.ID()) {
			delete(k.vacant, g)
		} else if k.vacant[g].IsZero() {
			k.vacant[g] = time.Now()
		} else if time.Since(k.vacant[g]) >= 3*giveUpAfter {
			k.forsaken[g] = home.Epoch
		}
	}
	for g, epoch := range k.forsaken {
		home := homes[g]
		if home.Epoch > epoch || home.Epoch == epoch && !slices.Contains(home.Stores, m.db.ram.log.ID()) {
			delete(k.forsaken, g)
			continue
		}
		if home.Epoch == epoch {
			m.once(g, func(ctx context.Context) { _ = m.db.keepStores(ctx, g, epoch, nil, m.db.ram.log.ID()) }) // tried again
		}
	}
}

// hopeless reports whether a replica's group can have no majority any more, as far as the replica knows it. One that knows nothing yet has no hope once a store of the group has ended:
// it is filled anew if there is a leader after all.
func hopeless(conf state.Conf, home homeRow, alive map[uint64]bool) bool {
	if len(conf.Members) == 0 {
		return slices.ContainsFunc(home.Stores, func(s uint64) bool { return !alive[s] })
	}
	for _, half := range [][]uint64{conf.Raft.GetVoters(), conf.Raft.GetVotersOutgoing()} {
		n := 0
		for _, id := range half {
			if mem, ok := conf.Member(id); ok && alive[mem.Store] && slices.Contains(home.Stores, mem.Store) {
				n++
			}
		}
		if len(half) > 0 && n <= len(half)/2 {
			return true
		}
	}
	return false
}

// keepStores changes which stores a group in memory may have replicas in: keep, if it is not nil, and without some. errUnmade: the group has begun anew.
func (d *DB) keepStores(ctx context.Context, group, epoch uint64, keep func([]uint64) []uint64, without ...uint64) error {
	return d.Update(ctx, func(tx *Tx) error {
		r, err := homesTable.Get(tx, group)
		if err != nil {
			return err
		}
		if r.Epoch != epoch {
			return errUnmade
		}
		stores := slices.Clone(r.Stores)
		if keep != nil {
			stores = keep(stores)
		}
		stores = slices.DeleteFunc(stores, func(s uint64) bool { return slices.Contains(without, s) })
		if slices.Equal(stores, r.Stores) {
			return nil
		}
		r.Stores = stores
		return homesTable.Put(tx, group, r)
	})
}

// register notes, before a replica is added to a group in memory, that there may be one in a store from now on.
func (m *member) register(ctx context.Context, group, epoch, store uint64) error {
	err := m.db.keepStores(ctx, group, epoch, func(s []uint64) []uint64 {
		if slices.Contains(s, store) {
			return s
		}
		return append(s, store)
	})
	if err != nil {
		return err
	}
	return m.db.txns.Confirm(ctx, m.db.shards[txn.MetaGroup]) // what is read here from now on has it
}

// filled waits until the groups of a class, which have just been made here, have the voters that there are nodes for: what is written from then on is on several nodes. It
// does not wait for ever: copies that are missing then come later.
func (m *member) filled(ctx context.Context, c txn.Class) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for attempt := 0; ; attempt++ {
		up := 0
		for _, r := range m.localNodes() {
			if r.state == placement.Up && (r.number == m.number || m.health.silence(r.number) < silentTicks) {
				up++
			}
		}
		full := true
		for _, g := range c.Groups() {
			st, ok := m.db.engineOf(g).host.Status(g)
			full = full && (!ok || st.Conf.Joint() || len(st.Conf.Raft.GetVoters()) >= ruleOf(g).Voters(up))
		}
		if full || m.db.pause(ctx, attempt+3) != nil {
			return
		}
	}
}

// Lost says that tables in memory have lost rows: too many of the nodes that had them have ended at once.
type Lost struct {
	Tables []string
	At     time.Time
}

// OnLost has f called when tables that are stored in RAM have lost rows, as soon as this node knows: all rows of the groups whose replicas have ended, which is all of a table that is not
// partitioned. The table is there still, and may be written. f must not block. The result ends that.
func (d *DB) OnLost(f func(Lost)) (remove func()) { return d.losses.add(f) }
