// SPDX-License-Identifier: Apache-2.0

package host

import (
	"fmt"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/banyan-go/banyan/db/internal/raftlog"
	"github.com/banyan-go/banyan/db/internal/state"
)

// replica is one group's replica on this node. The core's goroutine owns it, but for laneConf.
type replica struct {
	group, id uint64
	log       *raftlog.Log
	rn        *raft.RawNode // nil: it was refused
	why       string        // of a refused one

	conf     state.Conf    // as of applied
	laneConf state.Conf    // the apply lane's: as of what it has applied
	laneAt   state.Applied // likewise
	applied  state.Applied
	durable  uint64       // applied index that is known to be on the disk
	queued   uint64       // index up to which entries have been handed to the apply lane
	seen     uint64       // last index that went through a turn, durable or not
	hard     raftlog.Hard // as it was written last, durable or not
	writing  *item        // the last write that matters, as long as it is not durable; all before it become so no later

	term, lead, commit uint64
	leading            bool
	own                uint64 // of a leader: index of the first entry of its term, 0 as long as that went through no turn
	inQueue            bool
	ending             bool // it is being destroyed
	ended              []func()
	paused             bool // no turns: a snapshot is being installed
	staged             *incoming

	elapsed, timeout int // ticks since the leader was heard; when to campaign
	quiet            bool
	idle             int // ticks without work
	contacts         map[uint64]uint64

	waiters  map[uint64]func(Result) // proposals, by number
	proposed []proposal              // not handed to raft yet
	reads    []*read                 // asked for, in order
	asking   []*read                 // not handed to raft yet
}

// Result is what became of a proposal.
type Result struct {
	Index uint64 // where it was applied
	Value any    // what the machine gave
	Err   error
}

type read struct {
	seq   uint64
	index uint64 // 0: not confirmed
	done  func(error)
}

func confState(members []state.Member) *pb.ConfState {
	cs := &pb.ConfState{AutoLeave: new(false)}
	for _, m := range members {
		cs.Voters = append(cs.Voters, m.Replica)
	}
	return cs
}

// storage is what raft reads of a replica.
type storage struct {
	*raftlog.Log
	r *replica
}

// InitialState implements raft.Storage.
func (s storage) InitialState() (*pb.HardState, *pb.ConfState, error) {
	h := s.Hard()
	cs := s.r.conf.Raft
	if cs == nil {
		cs = &pb.ConfState{}
	}
	return &pb.HardState{Term: new(h.Term), Vote: new(h.Vote), Commit: new(max(h.Commit, s.r.applied.Index))}, cs, nil
}

// Snapshot implements raft.Storage: it names the state of now, the rows are read when they are sent.
func (s storage) Snapshot() (*pb.Snapshot, error) {
	r := s.r
	return &pb.Snapshot{Metadata: &pb.SnapshotMetadata{ConfState: r.conf.Raft, Index: new(r.applied.Index), Term: new(r.applied.Term)}}, nil
}

// start makes the replica run.
func (c *Core) start(r *replica) error {
	r.waiters, r.contacts = map[uint64]func(Result){}, map[uint64]uint64{}
	r.laneConf, r.laneAt = r.conf, r.applied
	h := r.log.Hard()
	r.term, r.commit, r.seen, r.hard = h.Term, h.Commit, r.log.Last().Index, h
	rn, err := raft.NewRawNode(&raft.Config{
		ID: r.id, ElectionTick: c.cfg.ElectionTicks, HeartbeatTick: 1, Storage: storage{r.log, r}, Applied: r.applied.Index,
		AsyncStorageWrites: true, MaxSizePerMsg: 256 << 10, MaxCommittedSizePerReady: 1 << 20,
		MaxUncommittedEntriesSize: 64 << 20, MaxInflightMsgs: 64, MaxInflightBytes: 8 << 20,
		CheckQuorum: true, PreVote: true, ReadOnlyOption: raft.ReadOnlySafe, Logger: quietLogger{},
		DisableProposalForwarding: true,
	})
	if err != nil {
		return fmt.Errorf("raft host: group %d: %w", r.group, err)
	}
	r.rn = rn
	r.wait(c)
	if h.Lead == r.id {
		r.timeout = 1 + c.cfg.Rand.IntN(2) // it led before: let it again, before others ask
	}
	if v := r.conf.Raft.GetVoters(); len(v) == 1 && v[0] == r.id && !r.conf.Joint() {
		_ = c.safely(rn.Campaign) // there is nobody to wait for; if raft declines, the timer comes
	}
	c.touch(r) // committed entries wait to be applied again
	c.cfg.Events.Conf(r.group, r.applied.Index, r.conf)
	return nil
}

// wait draws how long it will wait for a leader from now on.
func (r *replica) wait(c *Core) {
	r.elapsed = 0
	r.timeout = c.cfg.ElectionTicks + c.cfg.Rand.IntN(c.cfg.ElectionTicks)
}

// lose refuses the replica for good.
func (r *replica) lose(c *Core, why string) {
	if r.why != "" {
		return
	}
	r.rn, r.why = nil, why
	r.leading, r.quiet = false, true
	r.abandon(ErrUnknown)
	c.cfg.Events.Lost(r.group, r.id, why)
}

// abandon answers everything that waits: proposals with err, reads with the advice to ask another replica.
func (r *replica) abandon(err error) {
	r.proposed = nil
	for _, seq := range sortedKeys(r.waiters) {
		done := r.waiters[seq]
		delete(r.waiters, seq)
		done(Result{Err: err})
	}
	r.dropReads(func(*read) bool { return true })
}

// dropReads fails those reads that match; nothing has happened, so they may be asked again anywhere.
func (r *replica) dropReads(match func(*read) bool) {
	all := append(r.reads, r.asking...)
	r.reads, r.asking = nil, nil
	for _, q := range all {
		if match(q) {
			q.done(&NotLeader{})
		} else {
			r.reads = append(r.reads, q)
		}
	}
}

// touch puts a replica on the queue of those that have something to do.
func (c *Core) touch(r *replica) {
	if !r.inQueue && r.rn != nil {
		r.inQueue = true
		c.queue = append(c.queue, r)
	}
}

// step gives raft a message. A panic there means that the replica and the group do not agree on what has happened: it is
// refused, as one that lost its log.
func (c *Core) step(r *replica, m *pb.Message) (err error) {
	if r.rn == nil {
		return ErrNoGroup
	}
	defer func() {
		if v := recover(); v != nil {
			if bad := c.cfg.Log.Err(); bad != nil { // raft panics when it cannot read its log
				c.fail(bad)
				err = ErrNoGroup
				return
			}
			r.lose(c, fmt.Sprintf("raft: %v", v))
			err = ErrNoGroup
		}
	}()
	c.touch(r)
	return r.rn.Step(m)
}

// safely runs raft, which panics when it cannot read its log: that ends the host, and not the program.
func (c *Core) safely(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			bad := c.cfg.Log.Err()
			if bad == nil {
				panic(v)
			}
			c.fail(bad)
			err = ErrStopped
		}
	}()
	return f()
}

// quietLogger drops what raft tells, and panics where it demands that.
type quietLogger struct{}

func (quietLogger) Debug(...any)            {}
func (quietLogger) Debugf(string, ...any)   {}
func (quietLogger) Error(...any)            {}
func (quietLogger) Errorf(string, ...any)   {}
func (quietLogger) Info(...any)             {}
func (quietLogger) Infof(string, ...any)    {}
func (quietLogger) Warning(...any)          {}
func (quietLogger) Warningf(string, ...any) {}
func (quietLogger) Fatal(v ...any)          { panic(fmt.Sprint(v...)) }
func (quietLogger) Fatalf(f string, v ...any) {
	panic(fmt.Sprintf(f, v...))
}
func (quietLogger) Panic(v ...any)            { panic(fmt.Sprint(v...)) }
func (quietLogger) Panicf(f string, v ...any) { panic(fmt.Sprintf(f, v...)) }
