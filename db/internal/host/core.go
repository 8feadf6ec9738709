// SPDX-License-Identifier: Apache-2.0

package host

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/banyan-go/banyan/db/internal/raftlog"
	"github.com/banyan-go/banyan/db/internal/state"
)

// Core is the host of all replicas of a node, without goroutines. See the package's comment for who may call what.
type Core struct {
	cfg    Config
	groups map[uint64]*replica
	order  []*replica // by group, so that nothing depends on the order of a map
	peers  map[uint64]*peer
	run    uint64 // names this run of this store in proposals
	seq    uint64 // of proposals, reads and streams

	queue    []*replica // those that have something to do
	pending  []*item    // to be made durable
	urgent   bool       // somebody waits for pending
	writing  bool       // an Append is under way
	applies  []*Apply   // to be handed out
	applying []*Apply   // of entries, that have not come back, in order
	frames   map[uint64]*Frame

	outgoing, waiting []*outgoing // snapshots that are sent, and those that wait for a place
	incoming          map[uint64]*incoming
	allowance         int // bytes of snapshots that may still be sent in this tick
	campaigns         int // that may still be started in this tick
	appended          int // bytes since the last flush
	flushing          bool
	ticks             uint64
	err               error
}

// New opens the host on its two stores and starts the replicas that live in them. Replicas that cannot have what they once
// acknowledged are refused, which Events.Lost tells.
func New(cfg Config) (*Core, error) {
	cfg.defaults()
	c := &Core{cfg: cfg, groups: map[uint64]*replica{}, peers: map[uint64]*peer{}, frames: map[uint64]*Frame{},
		incoming: map[uint64]*incoming{}, run: mix(cfg.Log.ID(), cfg.Log.Boot())}
	logs, err := cfg.Log.Groups()
	if err != nil {
		return nil, err
	}
	states, err := cfg.State.Groups()
	if err != nil {
		return nil, err
	}
	all := map[uint64]bool{}
	for _, g := range append(logs, states...) {
		all[g] = true
	}
	for _, g := range slices.Sorted(maps.Keys(all)) {
		if err := c.load(g); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// mix makes one number of a store and its run.
func mix(store, boot uint64) uint64 {
	x := store ^ boot*0x9e3779b97f4a7c15
	x ^= x >> 32
	x *= 0xd6e8feb86659fd93
	return x ^ x>>32
}

// load starts the replica that the stores have of a group.
func (c *Core) load(group uint64) error {
	log, err := c.cfg.Log.Load(group)
	if err != nil {
		return err
	}
	at, conf, err := c.cfg.State.Load(group)
	if err != nil {
		return err
	}
	if log.Replica() == 0 {
		switch {
		case at.Index == 0:
			return nil // destroyed, or never began
		case log.Grave() != 0:
			return c.cfg.State.Remove(group) // destroyed, and a crash kept the state
		}
		// Which replica it was stands in its configuration. If it does not, none is ever let in here again: one that forgot its votes might be among them.
		r := &replica{group: group, log: log}
		for _, m := range conf.Members {
			if m.Store == c.cfg.Log.ID() {
				r.id = m.Replica
			}
		}
		c.add(r).lose(c, "its log is not there, its state is")
		return nil
	}
	r := &replica{group: group, id: log.Replica(), log: log, conf: conf, applied: at, durable: at.Index, queued: at.Index}
	if why, err := c.reconcile(log, at); err != nil {
		return err
	} else if why != "" {
		c.add(r).lose(c, why)
		return nil
	}
	return c.start(c.add(r))
}

// reconcile compares what log and state say of each other, and ends an installation of a snapshot that a crash broke off.
func (c *Core) reconcile(log *raftlog.Log, at state.Applied) (why string, err error) {
	start, last := log.Start(), log.Last()
	if m := log.Marker(); m != nil && m.Index == at.Index && m.Term == at.Term {
		h := log.Hard()
		h.Term, h.Commit = max(h.Term, at.Term), max(h.Commit, at.Index)
		w := &raftlog.Write{Log: log, Installed: m, Hard: &h}
		if err := c.cfg.Log.Commit(raftlog.Batch{w}, true); err != nil {
			return "", err
		}
		log.Done(w)
		return "", nil
	}
	if c.cfg.Flaw == SnapshotKeepsLog {
		return "", nil // it would be found here, before it does harm
	}
	switch {
	case at.Index < start.Index:
		return fmt.Sprintf("its state ends at %d, its log begins behind %d", at.Index, start.Index), nil
	case at.Index > last.Index:
		return fmt.Sprintf("its log ends at %d, its state has applied %d", last.Index, at.Index), nil
	}
	if term, err := log.Term(at.Index); err != nil {
		return "", err
	} else if term != at.Term {
		return fmt.Sprintf("entry %d has term %d, its state has applied one of term %d", at.Index, term, at.Term), nil
	}
	return "", nil
}

func (c *Core) add(r *replica) *replica {
	c.groups[r.group] = r
	i, _ := slices.BinarySearchFunc(c.order, r.group, func(r *replica, g uint64) int {
		if r.group < g {
			return -1
		} else if r.group > g {
			return 1
		}
		return 0
	})
	c.order = slices.Insert(c.order, i, r)
	return r
}

func (c *Core) remove(r *replica) {
	delete(c.groups, r.group)
	c.order = slices.DeleteFunc(c.order, func(o *replica) bool { return o == r })
}

// Create makes the first replica of a new group on this node: members lists all of them, with the ids that they shall
// have. Each member's node does the same. It writes to both stores before it returns, and may be repeated after a crash.
func (c *Core) Create(group uint64, members []state.Member) error {
	return c.create(group, members, raftlog.Mark{Index: 1, Term: 1}, nil)
}

// Begin makes the one replica that a group begins with, here, under the given id and behind the given index, with rows in the form of
// state.AppendRow. It is Create for a group that may have been there before, under ids and with an index that were all lower; ErrRefused: one of those
// is here, or this one was, and has moved on.
func (c *Core) Begin(group, replica, index uint64, rows []byte) error {
	r := c.groups[group]
	if r != nil && r.id != replica {
		return fmt.Errorf("%w: group %d has replica %d here", ErrRefused, group, r.id)
	}
	log, err := c.cfg.Log.Load(group)
	if err != nil {
		return err
	}
	if log.Grave() >= replica {
		return fmt.Errorf("%w: replica %d of group %d was here", ErrRefused, replica, group)
	}
	return c.create(group, []state.Member{{Replica: replica, Node: c.cfg.Node, Store: c.cfg.Log.ID()}}, raftlog.Mark{Index: index, Term: 1}, rows)
}

func (c *Core) create(group uint64, members []state.Member, first raftlog.Mark, rows []byte) error {
	if c.err != nil {
		return c.err
	}
	if r := c.groups[group]; r != nil && r.applied.Index > 0 {
		return nil
	} else if r != nil {
		c.remove(r)
	}
	conf, self, err := c.firstConf(group, members)
	if err != nil {
		return err
	}
	log, err := c.cfg.Log.Load(group)
	if err != nil {
		return err
	}
	// The same three steps as for a snapshot that comes in: a group begins with the snapshot of nothing, at index 1 of term 1.
	w := &raftlog.Write{Log: log, Replica: self, Installing: &first}
	if err := c.cfg.Log.Commit(raftlog.Batch{w}, true); err != nil {
		return err
	}
	log.Done(w)
	im, err := c.cfg.State.Import(group, state.Applied(first), conf)
	if err == nil {
		err = im.Add(rows)
	}
	if err == nil {
		err = im.Finish()
	}
	if err != nil {
		return err
	}
	return c.load(group)
}

func (c *Core) firstConf(group uint64, members []state.Member) (conf state.Conf, self uint64, err error) {
	conf.Raft = confState(members)
	for _, m := range members {
		if m.Replica >= conf.Next {
			conf.Next = m.Replica + 1
		}
		if m.Store == c.cfg.Log.ID() {
			self = m.Replica
		}
	}
	conf.Members = slices.SortedFunc(slices.Values(members), func(a, b state.Member) int { return int(a.Replica) - int(b.Replica) })
	if self == 0 {
		return conf, 0, fmt.Errorf("raft host: group %d has no replica in store %x: members %v", group, c.cfg.Log.ID(), members)
	}
	return conf, self, nil
}

// Err is why the host has stopped, nil while it runs.
func (c *Core) Err() error { return c.err }

// fail ends the core: its stores are dead, or it was closed. What waits learns that its outcome is unknown.
func (c *Core) fail(err error) {
	if c.err != nil {
		return
	}
	c.err = errors.Join(ErrStopped, err)
	for _, r := range c.order {
		r.abandon(ErrUnknown)
	}
	for _, a := range c.applying {
		a.abandon()
	}
	for _, o := range c.outgoing {
		o.close()
	}
	c.outgoing, c.waiting = nil, nil
}

// Close ends the core; it does not close its stores. No Append or Apply may be under way.
func (c *Core) Close() {
	c.fail(ErrStopped)
	for _, in := range c.incoming {
		_ = in.m.Discard() // swept at the next start
	}
}

// Fail ends the core because its runner saw a store die.
func (c *Core) Fail(err error) { c.fail(err) }
