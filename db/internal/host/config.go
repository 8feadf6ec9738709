// SPDX-License-Identifier: Apache-2.0

package host

import (
	"math/rand/v2"

	"github.com/banyan-go/banyan/db/internal/raftlog"
	"github.com/banyan-go/banyan/db/internal/state"
)

// Config is what a core stands on, and its measures. Zero values are the defaults given with each field; ticks are of
// whatever length the runner gives them, 100 ms by default.
type Config struct {
	Node  uint64 // the node's number, not 0
	Log   *raftlog.Store
	State *state.Store
	Rand  *rand.Rand // for election timeouts
	// Events may be nil.
	Events Events

	// ElectionTicks without a word from the leader start an election, after as many again at random. 10.
	ElectionTicks int
	// QuietTicks without work let a group stop ticking. 20; below 0: never.
	QuietTicks int
	// Campaigns is how many elections the node may start per tick. 20.
	Campaigns int
	// SnapshotBytes is how much of snapshots the node sends per tick, ChunkBytes the size of one message of it,
	// Snapshots how many are sent, and how many taken in, at a time. 6.4 MB (64 MB/s), 64 KB, 2.
	SnapshotBytes, ChunkBytes, Snapshots int
	// KeepEntries is how much of a log, that everybody has, is kept for replicas that come back. 1000 entries.
	KeepEntries uint64
	// FlushBytes is how much may be appended to logs before the state is flushed and the logs are cut. 64 MB.
	FlushBytes int
	// MaxEntryBytes bounds one proposal. 4 MB.
	MaxEntryBytes int

	// Flaw plants a bug, for the suite that must catch it.
	Flaw Flaw
}

func (c *Config) defaults() {
	set := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	set(&c.ElectionTicks, 10)
	set(&c.QuietTicks, 20)
	set(&c.Campaigns, 20)
	set(&c.SnapshotBytes, 6400<<10)
	set(&c.ChunkBytes, 64<<10)
	set(&c.Snapshots, 2)
	set(&c.FlushBytes, 64<<20)
	set(&c.MaxEntryBytes, 4<<20)
	if c.KeepEntries == 0 {
		c.KeepEntries = 1000
	}
	if c.Events == nil {
		c.Events = silent{}
	}
}

// Events are told what the owner of a host must know. They are called on the core's goroutine and must not call it.
type Events interface {
	// Leader: the replica of a group here learned who leads in a term; leader 0: nobody that it knows of.
	Leader(group, term, leader uint64, here bool)
	// Lost: a replica has lost its log, or the store it was in, and will not take part again: replace it.
	Lost(group uint64, replica uint64, why string)
	// Conf: the configuration changed, as of an applied index.
	Conf(group uint64, index uint64, conf state.Conf)
	// Gone: the replica here was removed from its group. What it has is about to go: who has found something missing there after this must not believe it.
	Gone(group uint64, replica uint64)
}

type silent struct{}

func (silent) Leader(uint64, uint64, uint64, bool) {}
func (silent) Lost(uint64, uint64, string)         {}
func (silent) Conf(uint64, uint64, state.Conf)     {}
func (silent) Gone(uint64, uint64)                 {}
