// SPDX-License-Identifier: Apache-2.0

package tenure

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/banyan-go/banyan/db/internal/lease"
)

const (
	// lookEvery is how often a node looks at what it has applied of the book, and whether processes of its machine have ended.
	lookEvery = 50 * time.Millisecond
	// Farewell is how long a node that is closed tries to say so.
	Farewell = 500 * time.Millisecond
)

var (
	// ErrStopped: the keeper was stopped.
	ErrStopped = errors.New("the lease is given up")
	// ErrNone: this node held no lease as long as was waited.
	ErrNone = errors.New("this node has no lease")
)

// Config is what a Keeper needs.
type Config struct {
	Node uint64 // its number
	Name string // for people
	Book Book
	FS   vfs.FS // of Dir; what is not vfs.Default has no proofs of death
	Dir  string // the node's folder
	// Send sends a message to another node's Receive, or drops it: all of them are sent again as long as they matter. It must not block.
	// Nil: there is nobody else.
	Send func(to uint64, data []byte)
	// Tell hears of lives that are over, one call after the other. It must not block.
	Tell func([]Ended)
	Log  *slog.Logger
}

// Keeper is this node's lease, and its vote on those of others.
type Keeper struct {
	cfg   Config
	votes votes
	proof *proof

	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu      sync.Mutex
	core    *lease.Core
	unsaved bool // something could not be written down; until it is, the core hears neither the clock nor other nodes, as if this node were paused
	writes  *writes

	// page is what is known of the book. Written by look only.
	page atomic.Pointer[Page]

	// term and until are the lease as others read it: see Valid. Written with mu held.
	term   atomic.Uint64
	until  atomic.Int64
	life   atomic.Pointer[lease.Life] // nil: not admitted
	lapses atomic.Pointer[func()]
}

// New makes a keeper from what its folder has; Start starts it, and Stop must be called in the end.
func New(cfg Config) (*Keeper, error) {
	k := &Keeper{cfg: cfg, votes: votes{cfg.FS, cfg.Dir}, proof: &proof{}}
	saved, err := k.votes.load()
	if err != nil {
		return nil, err
	}
	if k.core, err = lease.New(lease.Config{Node: cfg.Node}, Clock(), saved); err != nil {
		return nil, err
	}
	if cfg.FS == vfs.Default {
		k.proof = newProof(cfg.Dir)
	}
	k.ctx, k.cancel = context.WithCancel(context.Background())
	k.writes = newWrites(k.ctx, cfg.Log)
	return k, nil
}

// Start begins to hold and to vote.
func (k *Keeper) Start() {
	k.work.Go(k.beat)
	k.work.Go(k.watch)
	k.work.Go(k.live)
}

// beat is the goroutine that keeps time.
func (k *Keeper) beat() {
	t := time.NewTimer(0)
	defer t.Stop()
	for {
		select {
		case <-k.ctx.Done():
			return
		case <-t.C:
		}
		every := k.tick()
		if k.term.Load() != 0 && int64(Clock()) >= k.until.Load() {
			k.lapse()
		}
		t.Reset(every)
	}
}

// tick lets time pass in the core, and says when to do so again.
func (k *Keeper) tick() (every time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.unsaved {
		k.carryOut() // tried again
	}
	if !k.unsaved {
		k.core.Tick(Clock())
		k.carryOut()
	}
	k.publish()
	return k.core.Every()
}

// do tells the core something of this node, and does what the core wants done.
func (k *Keeper) do(f func(now lease.Time)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	f(Clock())
	if !k.unsaved {
		k.carryOut()
	}
	k.publish()
}

// carryOut does what the core wants done. With mu held.
func (k *Keeper) carryOut() {
	for {
		w := k.core.Work()
		for _, m := range w.Send {
			if k.cfg.Send != nil {
				k.cfg.Send(m.To, m.Append(nil))
			}
		}
		for _, p := range w.Propose {
			k.propose(p)
		}
		if w.Save == nil {
			return
		}
		switch err := k.votes.save(w.Save); {
		case err == nil && k.unsaved:
			k.unsaved = false
			k.cfg.Log.Info("db: the vote on a lease is written down; this node goes on")
		case err != nil && !k.unsaved:
			k.unsaved = true
			k.cfg.Log.Error("db: a vote on a lease could not be written down; until it is, this node neither votes nor holds a lease", "error", err)
		}
		if k.unsaved {
			return // the core gives it again
		}
		k.core.Saved(Clock())
	}
}

// publish lets others see the lease. A reader that finds its term before and after it has read until has read the until of that term.
func (k *Keeper) publish() {
	life, until, term := k.core.Lease()
	if mine := k.life.Load(); mine == nil || *mine != life {
		term, until = 0, 0 // given up
	}
	if k.term.Load() != term {
		k.until.Store(0)
		k.term.Store(term)
		go k.lapse()
	}
	k.until.Store(int64(until))
}

func (k *Keeper) lapse() {
	if f := k.lapses.Load(); f != nil {
		(*f)()
	}
}

// OnLapse has f called when a term has ended, and perhaps without reason; nil ends that. There is one such f at a time: false if there is another.
func (k *Keeper) OnLapse(f func()) bool {
	if f == nil {
		return k.lapses.Swap(nil) != nil
	}
	return k.lapses.CompareAndSwap(nil, &f)
}

// Valid reports whether the lease is held, and has been without a break in that term.
func (k *Keeper) Valid(term uint64) bool {
	return term != 0 && k.term.Load() == term && int64(Clock()) < k.until.Load() && k.term.Load() == term
}

// Term is the present term; 0 while there is none. It may be over: see Valid.
func (k *Keeper) Term() uint64 { return k.term.Load() }

// Wait waits until this node holds a lease, and gives its life and the term. Errors: ErrStopped, and ErrNone with ctx's.
func (k *Keeper) Wait(ctx context.Context) (lease.Life, uint64, error) {
	t := time.NewTicker(5 * time.Millisecond)
	defer t.Stop()
	for {
		life, term := k.life.Load(), k.term.Load()
		if life != nil && k.Valid(term) {
			return *life, term, nil
		}
		select {
		case <-t.C:
		case <-k.ctx.Done():
			return lease.Life{}, 0, ErrStopped
		case <-ctx.Done():
			return lease.Life{}, 0, errors.Join(ErrNone, ctx.Err())
		}
	}
}

// Page is what this node knows of the book; nil before it knows anything.
func (k *Keeper) Page() *Page { return k.page.Load() }

// Receive takes a message of another node's Send. The error says that it is none.
func (k *Keeper) Receive(from uint64, data []byte) error {
	m, err := lease.Decode(from, k.cfg.Node, data)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.unsaved {
		k.core.Receive(Clock(), m)
		k.carryOut()
		k.publish()
	}
	return nil
}

// Stop ends the lease, and says so in the book, if that is quick. It waits for what the keeper has begun.
func (k *Keeper) Stop() {
	life := k.life.Swap(nil)
	k.mu.Lock()
	k.publish()
	k.mu.Unlock()
	k.lapse()
	k.mu.Lock()
	k.cancel() // no proposal is begun from here on
	k.mu.Unlock()
	k.work.Wait()
	k.writes.wait()
	if late := k.life.Swap(nil); late != nil { // it was admitted just now
		life = late
		k.publish()
	}
	if life != nil {
		ctx, cancel := context.WithTimeout(context.Background(), Farewell)
		defer cancel()
		if err := k.cfg.Book.End(ctx, *life, Left, "it was closed"); err != nil {
			k.cfg.Log.Debug("db: the database was not told that this node is closed; it will notice", "error", err)
		}
	}
	k.proof.close()
}
