// SPDX-License-Identifier: Apache-2.0

package box

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	dbdisk "github.com/banyan-go/banyan/db/internal/disk"
	"github.com/banyan-go/banyan/db/internal/host"
	"github.com/banyan-go/banyan/db/internal/raftlog"
	"github.com/banyan-go/banyan/db/internal/state"
)

const tick = 100 * time.Millisecond

// node is one simulated machine: a disk, and as long as it is up, a host on it.
type node struct {
	s    *Sim
	id   uint64
	disk *disk

	up      bool
	process *process // of transactions, if there are any
	life    int      // events of an earlier life do nothing
	core    *host.Core
	log     *raftlog.Store
	state   *state.Store
	store   uint64 // id of its log store
	lane    []*host.Apply
	laneOn  bool
	paused  time.Duration // until then
	slow    time.Duration // of each write
	lag     time.Duration // of each piece that is applied
	hasty   bool          // it starts again at once
	trap    bool          // it crashes again soon after its next start
	power   bool          // its next crash is everybody's
	rotten  bool          // a bit of its disk has flipped, and nobody has noticed
	wiped   bool          // it has no disk yet in place of the one that it lost
	full    time.Duration // its disk is full until then
	later   []func()      // what came while it was paused
}

func (s *Sim) addNode(id uint64) {
	n := &node{s: s, id: id}
	n.disk = newDisk(vfs.NewCrashableMem(), rand.New(rand.NewPCG(s.o.Seed, id)))
	s.nodes = append(s.nodes, n)
	n.start()
}

// start opens what the disk has, and runs it.
func (n *node) start() {
	s := n.s
	var err error
	n.disk.full = n.full > s.now
	id := s.rng.Uint64() | 1
	if s.o.Flaw == host.TrustIdentity && n.store != 0 {
		id = n.store
	}
	if n.log, err = raftlog.Open(dbdisk.Options{FS: n.disk, Dir: "log", CacheBytes: 256 << 10, MemTableBytes: 4 << 20, Manual: true}, func() uint64 { return id }); err != nil {
		n.openFailed(err)
		return
	}
	if n.state, err = state.Open(dbdisk.Options{FS: n.disk, Dir: "state", CacheBytes: 256 << 10, MemTableBytes: 4 << 20, Manual: true}, n.log.ID(), n.machine()); err != nil {
		n.openFailed(err)
		return
	}
	n.store = n.log.ID()
	n.life++
	n.core, err = host.New(host.Config{
		Node: n.id, Log: n.log, State: n.state, Rand: rand.New(rand.NewPCG(s.rng.Uint64(), n.id)), Events: watcher{n},
		KeepEntries: 8, FlushBytes: s.o.FlushBytes, ChunkBytes: 64, SnapshotBytes: 4 << 10, Campaigns: 2, Flaw: s.o.Flaw,
	})
	if err != nil {
		n.openFailed(err)
		return
	}
	n.up, n.wiped = true, false
	if n.trap {
		n.trap, n.hasty = false, true
		n.disk.crashAt, n.disk.after, n.disk.keep = n.disk.syncs+1+s.rng.IntN(3), true, 0
	}
	s.note("node %d starts, store %x run %d", n.id, n.store, n.log.Boot())
	s.load.probe(n)
	if s.o.Traders > 0 {
		n.startProcess()
	}
	n.tick()
}

// openFailed is a crash in the middle of opening, or a violation: what the host wrote must open again.
func (n *node) openFailed(err error) {
	if n.disk.crashed == nil && !n.excused() {
		n.s.violate("node %d does not open: %v", n.id, err)
		return
	}
	n.up = true
	if n.rotten && n.disk.crashed == nil && !n.disk.hasFailed() {
		n.replace(err)
		return
	}
	n.crash()
}

func (n *node) tick() {
	if n.up {
		n.do(func() { n.core.Tick() })
		n.in(tick, n.tick)
	}
}

// in plans something of this life of the node.
func (n *node) in(d time.Duration, do func()) {
	life := n.life
	n.s.after(d, func() {
		if n.life != life || !n.up {
			return
		}
		if n.paused > n.s.now {
			n.later = append(n.later, do)
			return
		}
		do()
	})
}

// do runs an input of the host, and then carries out what it wants.
func (n *node) do(f func()) {
	if !n.up {
		return
	}
	f()
	n.drain()
}

func (n *node) drain() {
	s := n.s
	if n.dying() {
		return
	}
	w := n.core.Work()
	if n.dying() {
		return
	}
	for _, f := range w.Frames {
		s.net.send(f)
	}
	if a := w.Append; a != nil {
		n.in(n.slow+s.between(100*time.Microsecond, 2*time.Millisecond), func() {
			n.do(func() {
				a.Run()
				if !n.dying() {
					n.core.Appended(a)
				}
			})
		})
	}
	n.lane = append(n.lane, w.Apply...)
	n.applyNext()
}

func (n *node) applyNext() {
	if n.laneOn || len(n.lane) == 0 {
		return
	}
	n.laneOn = true
	n.in(n.lag+n.s.between(10*time.Microsecond, time.Millisecond), func() {
		a := n.lane[0]
		n.lane = n.lane[1:]
		n.laneOn = false
		n.do(func() {
			a.Run()
			if !n.dying() {
				n.core.Applied(a)
				n.s.check.applied(n)
			}
		})
	})
}

// dying notices that the disk has crashed or failed under the host, and ends this life.
func (n *node) dying() bool {
	if !n.up {
		return true
	}
	if n.disk.crashed != nil {
		n.crash()
		return true
	}
	if err := n.core.Err(); err != nil {
		if n.rotten && !n.disk.hasFailed() {
			n.replace(err)
			return true
		}
		if !n.disk.hasFailed() {
			n.s.violate("node %d: the host stopped: %v", n.id, err)
		}
		n.crash()
		return true
	}
	return false
}

// crash ends this life of the node; the next one begins with what was synced, and with some of what a sync was about to make durable.
func (n *node) crash() {
	s := n.s
	left := n.disk.crashed
	if left == nil {
		left = n.disk.cut()
	}
	s.note("node %d crashes after sync %d", n.id, n.disk.syncs)
	s.stats.Crashes++
	n.stop()
	if n.power {
		n.power = false
		s.powerCut()
	}
	n.disk = newDisk(left, n.disk.rng)
	if n.hasty || s.chance(30) {
		n.hasty = false
		s.after(s.between(time.Millisecond, 50*time.Millisecond), n.start)
	} else if s.calm {
		s.after(s.between(10*time.Millisecond, 500*time.Millisecond), n.start)
	} else {
		s.after(s.between(10*time.Millisecond, 4*time.Second), n.start)
	}
}

// stop drops the host. Its stores are closed on the old file system, which nobody looks at again.
func (n *node) stop() {
	if !n.up {
		return
	}
	n.up = false
	n.life++
	n.lane, n.laneOn, n.later, n.paused = nil, false, nil, 0
	if n.process != nil {
		n.process.end()
		n.process = nil
	}
	n.disk.mu.Lock()
	if n.disk.crashed == nil {
		n.disk.crashed = vfs.NewMem() // the rest of its writes is for nobody
	}
	n.disk.mu.Unlock()
	if n.core != nil {
		n.core.Close()
	}
	if n.state != nil {
		_ = n.state.Close()
	}
	if n.log != nil {
		_ = n.log.Close()
	}
	n.core, n.state, n.log = nil, nil, nil
}

// excused reports whether the node's disk does not do what it should, so that errors are no fault of the host's. The node ends by that.
func (n *node) excused() bool { return n.rotten || n.disk.hasFailed() }

// replace is what an operator does with a node whose disk is damaged: he gives it another.
func (n *node) replace(err error) {
	n.s.note("node %d has noticed the damage", n.id)
	if n.s.o.Log { // not in the digest: pebble says it in several ways
		n.s.text = append(n.s.text, err.Error())
	}
	n.s.stats.Found++
	n.wipe()
}

// wipe takes the disk away.
func (n *node) wipe() {
	n.rotten, n.wiped = false, true
	n.s.note("node %d loses its disk", n.id)
	n.s.stats.Losses++
	n.stop()
	n.disk = newDisk(vfs.NewCrashableMem(), n.disk.rng)
	n.s.after(n.s.between(time.Millisecond, 100*time.Millisecond), n.start)
}

// pause stops the node as SIGSTOP does.
func (n *node) pause(d time.Duration) {
	n.s.note("node %d stands still for %v", n.id, d)
	n.s.stats.Pauses++
	n.paused = n.s.now + d
	life := n.life
	n.s.after(d, func() {
		if n.life != life {
			return
		}
		later := n.later
		n.later = nil
		// What has piled up comes from several sockets and the disk, in no order.
		n.s.rng.Shuffle(len(later), func(i, j int) { later[i], later[j] = later[j], later[i] })
		for _, do := range later {
			if n.life == life && n.up {
				do()
			}
		}
	})
}

// watcher hears the host's events.
type watcher struct{ n *node }

// Leader implements host.Events.
func (w watcher) Leader(group, term, lead uint64, here bool) {
	if here {
		w.n.s.stats.Elections++
	}
	w.n.s.note("node %d: group %d term %d led by %d", w.n.id, group, term, lead)
	w.n.s.check.leader(w.n, group, term, here)
}

// Lost implements host.Events.
func (w watcher) Lost(group, replica uint64, why string) {
	w.n.s.note("node %d: replica %d of group %d is lost: %s", w.n.id, replica, group, why)
	if w.n.rotten {
		w.n.s.stats.Refused++
	}
	w.n.s.plan.lose(group, replica, why)
}

// Conf implements host.Events.
func (w watcher) Conf(group, index uint64, conf state.Conf) {
	w.n.s.note("node %d: group %d at %d has %v %v", w.n.id, group, index, conf.Raft, conf.Members)
	w.n.s.changed(w.n, group, conf)
	w.n.s.check.conf(w.n, group, index, conf)
}

// Gone implements host.Events.
func (w watcher) Gone(group, replica uint64) {
	w.n.s.note("node %d: replica %d of group %d is gone", w.n.id, replica, group)
}

func (n *node) String() string { return fmt.Sprintf("node %d", n.id) }
