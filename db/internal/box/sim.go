// SPDX-License-Identifier: Apache-2.0

package box

import (
	"container/heap"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/banyan-go/banyan/db/internal/check"
	"github.com/banyan-go/banyan/db/internal/host"
	"github.com/banyan-go/banyan/db/internal/txn"
)

// Options say what is simulated. Zero values are the defaults given with each field.
type Options struct {
	Seed uint64
	// Nodes, Groups and Clients are how many there are, Keys how many registers each group has. 4, 2, 6, 2.
	Nodes, Groups, Clients, Keys int
	// Length is how long faults and load last, in simulated time; healing comes on top. 25 s.
	Length time.Duration
	// Heal is how long load goes on when the faults are over. 15 s.
	Heal time.Duration
	// Calm leaves the nemesis out.
	Calm bool
	// CrashAt, if not 0, crashes the first node at that sync of its disk, counted from when the load begins, and After when it
	// is through instead of before.
	CrashAt int
	After   bool
	// Cuts is how many power cuts there are, spread over the run, each at some sync of some node.
	Cuts int
	// Damage is what kind of file of the first node has a bit flipped while it is down, in the middle of the run: a folder, a slash, and a part of the
	// file's name.
	Damage string
	// Full lets the first node's disk be full for the middle third of the run.
	Full bool
	// Single lets every second group have one voter only.
	Single bool
	// Traders is how many clients each node has that run transactions over groups. They take the place of Clients and their registers. Traders is 0 of a run
	// without.
	Traders int
	// FlushBytes is after how many bytes of entries a state is flushed. 4 KiB, with Traders 16 KiB.
	FlushBytes int
	// Flaw is a bug that the run should catch, TxnFlaw one in the transactions.
	Flaw    host.Flaw
	TxnFlaw txn.Flaw
	// Log keeps a text of what happened, for reading.
	Log bool
}

// tooMany events are ten times as many as a run has: somebody goes round in a circle.
const tooMany = 2_000_000

// event happens at a time; those of one time in the order in which they were made.
type event struct {
	at  time.Duration
	seq int
	do  func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].seq < e[j].seq
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	old := *e
	x := old[len(old)-1]
	*e = old[:len(old)-1]
	return x
}

// Sim is one simulated cluster. It belongs to one goroutine.
type Sim struct {
	o      Options
	rng    *rand.Rand
	now    time.Duration
	seq    int
	queue  events
	nodes  []*node
	net    network
	check  checker
	load   load
	trade  trade
	plan   control
	hash   uint64
	steps  int
	text   []string
	broken error
	stall  bool // what was violated is no more than that it did not go on
	calm   bool // the nemesis is over
	mood   mood
	stats  Stats
}

// Stats count what a run has exercised.
type Stats struct {
	Steps, Crashes, TornCrashes, PowerCuts, Failures, Damages, Found, Refused, Full, Jumps, Losses, Partitions, Pauses, Moves, Snapshots, Elections, Done, Unknown, Learned int
}

// Stats returns the counts of a run.
func (s *Sim) Stats() Stats {
	s.stats.Steps = s.steps
	return s.stats
}

// Hash is a digest of everything that has happened, in order. Two runs of one seed have the same.
func (s *Sim) Hash() uint64 { return s.hash }

// Text is the log, if Options.Log asked for it.
func (s *Sim) Text() string { return strings.Join(s.text, "\n") }

// New prepares a run.
func New(o Options) *Sim {
	set := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	set(&o.Nodes, 4)
	set(&o.Groups, 2)
	set(&o.Clients, 6)
	set(&o.Keys, 2)
	if o.Traders > 0 {
		set(&o.FlushBytes, 16<<10)
	}
	set(&o.FlushBytes, 4<<10)
	if o.Length == 0 {
		o.Length = 25 * time.Second
	}
	if o.Heal == 0 {
		o.Heal = 15 * time.Second
	}
	o.Single = o.Single || o.Seed%10 == uint64(crashes)
	s := &Sim{o: o, rng: rand.New(rand.NewPCG(o.Seed, 0xb0)), hash: 14695981039346656037}
	s.check = newChecker(s)
	s.net = network{s: s, cut: map[[2]uint64]bool{}}
	s.load = load{s: s}
	s.trade = trade{s: s, mix: check.Mix{Keys: 6, PerKey: 15, Most: 4}}
	s.plan = control{s: s, lost: map[[2]uint64]bool{}}
	return s
}

// after plans something.
func (s *Sim) after(d time.Duration, do func()) {
	s.seq++
	heap.Push(&s.queue, event{s.now + d, s.seq, do})
}

// between is a random time.
func (s *Sim) between(a, b time.Duration) time.Duration {
	return a + time.Duration(s.rng.Int64N(int64(b-a)+1))
}

func (s *Sim) chance(percent int) bool { return s.rng.IntN(100) < percent }

// note adds to the digest, and to the log.
func (s *Sim) note(format string, args ...any) {
	line := fmt.Sprintf("%8.3f ", s.now.Seconds()) + fmt.Sprintf(format, args...)
	h := fnv.New64a()
	fmt.Fprintf(h, "%x %s", s.hash, line)
	s.hash = h.Sum64()
	if s.o.Log {
		s.text = append(s.text, line)
	}
}

// violate ends the run.
func (s *Sim) violate(format string, args ...any) {
	if s.broken == nil {
		s.broken = fmt.Errorf("seed %d, at %v: %s", s.o.Seed, s.now, fmt.Sprintf(format, args...))
		s.note("VIOLATED %v", s.broken)
	}
}

// stalled ends the run like violate, where nothing wrong was done but what should have been done was not.
func (s *Sim) stalled(format string, args ...any) {
	s.stall = s.stall || s.broken == nil
	s.violate(format, args...)
}

// Stalled reports whether what Run returned is only that the cluster did not go on: no answer was wrong.
func (s *Sim) Stalled() bool { return s.stall }

// run carries out events until a time.
func (s *Sim) run(until time.Duration) bool {
	for s.broken == nil && len(s.queue) > 0 && s.queue[0].at <= until {
		e := heap.Pop(&s.queue).(event)
		s.now = e.at
		e.do()
		if s.steps++; s.steps > tooMany {
			s.stalled("%d events", s.steps)
		}
		s.check.all()
	}
	s.now = max(s.now, until)
	return s.broken == nil
}

// Run simulates, and returns the first thing that was violated.
func (s *Sim) Run() error {
	defer s.close()
	for id := uint64(1); id <= uint64(s.o.Nodes); id++ {
		s.addNode(id)
	}
	s.plan.createGroups()
	calm := 5 * time.Second
	if s.o.Traders > 0 { // they begin at once
		calm = 2500 * time.Millisecond
	}
	if !s.run(calm) {
		return s.broken
	}
	if s.o.CrashAt > 0 {
		n := s.nodes[0]
		n.disk.crashAt, n.disk.after, n.disk.keep = n.disk.syncs+s.o.CrashAt, s.o.After, s.rng.IntN(3)*50
	}
	s.scenario()
	if s.o.Traders == 0 {
		s.load.start()
	}
	s.plan.start()
	if !s.o.Calm {
		s.nemesis()
	}
	if !s.run(s.now + s.o.Length) {
		return s.broken
	}
	s.heal()
	if !s.run(s.now + s.o.Heal) {
		return s.broken
	}
	s.load.stopped = true
	if s.o.Traders > 0 {
		if !s.finish() {
			return s.broken
		}
	} else if !s.run(s.now + 5*time.Second) {
		return s.broken
	}
	s.check.end()
	return s.broken
}

// finish lets the transactions come to their end.
func (s *Sim) finish() bool {
	s.trade.finish()
	for limit := s.now + time.Minute; s.trade.last > 0 && s.now < limit; {
		if !s.run(s.now + 500*time.Millisecond) {
			return false
		}
	}
	if !s.run(s.now + 5*time.Second) { // who was down starts, the last transactions are resolved
		return false
	}
	s.plan.still = true
	if !s.run(s.now + 3*time.Second) { // replicas come to what their leaders have
		return false
	}
	s.trade.end()
	return s.broken == nil
}

func (s *Sim) close() {
	for _, n := range s.nodes {
		n.stop()
	}
}
