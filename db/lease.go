// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/db/internal/host"
	"github.com/banyan-go/banyan/db/internal/lease"
	"github.com/banyan-go/banyan/db/internal/txn"
)

const (
	// lookEvery is how often a node looks at what it has applied of the rows, and whether processes of its machine have ended.
	lookEvery = 50 * time.Millisecond
	// farewell is how long a node that is closed tries to say so.
	farewell = 500 * time.Millisecond
)

// leases is this node's lease, and its vote on those of others: lease.Core with a clock, a disk, the meta group and a way to the other nodes.
type leases struct {
	db     *DB
	number uint64
	name   string
	log    *slog.Logger
	send   func(to uint64, data []byte) // may drop; nil: there is nobody else
	fs     vfs.FS
	dir    string
	proof  *proof

	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu    sync.Mutex
	core  *lease.Core
	doing map[string]bool // what is being written
	said  map[string]bool // what was logged as not written

	// rows are what is known of the lives. Written by look only.
	rows atomic.Pointer[lives]

	// term and until are the lease as others read it: see valid. Written with mu held.
	term   atomic.Uint64
	until  atomic.Int64
	life   atomic.Pointer[lease.Life] // nil: not admitted
	lapses atomic.Pointer[func()]     // called when a term has ended; may be called without reason
}

// Down is a life of a node that is over, by the word of the meta group: nobody holds anything in its name any more, nor ever will.
type Down struct {
	Node        banyan.Atom
	Incarnation uint64 // of the node in the database: rises with each start of its process
	Left        bool   // it said goodbye itself
	Why         string
}

// newLeases makes the part; start starts it.
func newLeases(d *DB, number uint64, name string, log *slog.Logger, fs vfs.FS, dir string, send func(uint64, []byte)) (*leases, error) {
	l := &leases{db: d, number: number, name: name, log: log, send: send, fs: fs, dir: dir, proof: &proof{}, doing: map[string]bool{}, said: map[string]bool{}}
	saved, err := l.load()
	if err != nil {
		return nil, err
	}
	if l.core, err = lease.New(lease.Config{Node: number}, leaseClock(), saved); err != nil {
		return nil, err
	}
	if fs == vfs.Default {
		l.proof = newProof(dir)
	}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l, nil
}

func (l *leases) start() {
	l.work.Go(l.beat)
	l.work.Go(l.watch)
	l.work.Go(l.live)
}

// path is where grants are written down.
func (l *leases) path() string { return l.fs.PathJoin(l.dir, "lease") }

func (l *leases) load() ([]byte, error) {
	f, err := l.fs.Open(l.path())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// save replaces what is written down as a whole.
func (l *leases) save(b []byte) error {
	f, err := l.fs.Create(l.path()+".new", vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := l.fs.Rename(l.path()+".new", l.path()); err != nil {
		return err
	}
	dir, err := l.fs.OpenDir(l.dir)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// beat is the goroutine that keeps time.
func (l *leases) beat() {
	t := time.NewTimer(0)
	defer t.Stop()
	for {
		select {
		case <-l.ctx.Done():
			return
		case <-t.C:
		}
		var every time.Duration
		l.do(func(now time.Duration) {
			l.core.Tick(now)
			every = l.core.Every()
		})
		if l.term.Load() != 0 && leaseClock() >= time.Duration(l.until.Load()) {
			l.lapse()
		}
		t.Reset(every)
	}
}

// do does something with the core, and what the core wants done.
func (l *leases) do(f func(now time.Duration)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := leaseClock()
	f(now)
	for {
		w := l.core.Work()
		for _, m := range w.Send {
			if l.send != nil {
				l.send(m.To, m.Append(nil))
			}
		}
		for _, p := range w.Propose {
			l.propose(p)
		}
		if w.Save == nil {
			break
		}
		if err := l.save(w.Save); err != nil {
			l.log.Error("db: a vote on a lease could not be written down; this node votes no more", "error", err)
			l.cancel()
			break
		}
		l.core.Saved(leaseClock())
	}
	l.publish()
}

// publish lets others see the lease. A reader that finds its term before and after it has read until has read the until of that term.
func (l *leases) publish() {
	life, until, term := l.core.Lease()
	if mine := l.life.Load(); mine == nil || *mine != life {
		term, until = 0, 0 // given up
	}
	if l.term.Load() != term {
		l.until.Store(0)
		l.term.Store(term)
		go l.lapse()
	}
	l.until.Store(int64(until))
}

func (l *leases) lapse() {
	if f := l.lapses.Load(); f != nil {
		(*f)()
	}
}

// valid reports whether the lease is held, and has been without a break in that term.
func (l *leases) valid(term uint64) bool {
	return term != 0 && l.term.Load() == term && int64(leaseClock()) < l.until.Load() && l.term.Load() == term
}

// receive takes a message of another node.
func (l *leases) receive(from uint64, data []byte) error {
	m, err := lease.Decode(from, l.number, data)
	if err != nil {
		return err
	}
	l.do(func(now time.Duration) { l.core.Receive(now, m) })
	return nil
}

// propose carries a proposal to the meta group. If that fails the core makes it again.
func (l *leases) propose(p lease.Proposal) {
	l.once(fmt.Sprintf("%+v", p), func(ctx context.Context) error { return l.db.carryOut(ctx, p) })
}

// once has something written into the meta group, unless it is being written already. With mu held.
func (l *leases) once(what string, write func(ctx context.Context) error) {
	if l.doing[what] || l.ctx.Err() != nil {
		return
	}
	l.doing[what] = true
	l.work.Go(func() {
		ctx, cancel := context.WithTimeout(l.ctx, 5*time.Second)
		defer cancel()
		err := write(ctx)
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.doing, what)
		if err == nil {
			delete(l.said, what)
		} else if l.ctx.Err() == nil && !l.said[what] && len(l.said) < 1000 {
			l.said[what] = true
			l.log.Warn("db: a decision on leases was not written; it will be tried again if it is still needed", "decision", what, "error", err)
		}
	})
}

// watch is the goroutine that looks at the rows.
func (l *leases) watch() {
	t := time.NewTicker(lookEvery)
	defer t.Stop()
	for {
		l.look()
		select {
		case <-l.ctx.Done():
			return
		case <-t.C:
		}
	}
}

func (l *leases) look() {
	st, ok := l.db.host.Status(txn.MetaGroup)
	known := uint64(0)
	before := l.rows.Load()
	if before != nil {
		known = before.at
	}
	rows, err := l.db.localLives(l.ctx, known)
	if err != nil {
		return // no replica is here yet, or the store is dead, which ends everything else too
	}
	l.do(func(now time.Duration) {
		l.core.Lead(ok && st.Leading)
		if ok && st.Leading && !st.Conf.Joint() {
			l.core.Want(votersOf(st))
		}
		if rows != nil {
			l.core.Learn(now, rows.view())
		}
	})
	if rows != nil {
		l.rows.Store(rows)
		l.tell(before, rows)
	}
	l.prove()
}

// votersOf are the nodes that vote in the meta group.
func votersOf(st host.Status) (list []uint64) {
	for _, id := range st.Conf.Raft.GetVoters() {
		if m, ok := st.Conf.Member(id); ok {
			list = append(list, m.Node)
		}
	}
	return list
}

// tell says which lives are over that were not, as far as was known.
func (l *leases) tell(before, now *lives) {
	var list []Down
	for n, r := range now.rows {
		if before == nil {
			continue
		}
		was, ok := before.rows[n]
		switch {
		case ok && was.State == lifeUp && r.Inc > was.Inc: // its successor is there already
			list = append(list, Down{banyan.Atom(was.Name), was.Inc, false, "it was started again"})
		case r.State != lifeUp && (!ok || was.Inc != r.Inc || was.State == lifeUp):
			list = append(list, Down{banyan.Atom(r.Name), r.Inc, r.State == lifeLeft, r.Why})
		}
	}
	if mine := l.life.Load(); mine != nil {
		if r, ok := now.rows[l.number]; ok && (r.Inc > mine.Inc || r.Inc == mine.Inc && r.State != lifeUp) {
			l.log.Error("db: the database has declared this node down: what it held by lease is void", "incarnation", mine.Inc, "why", r.Why)
			l.giveUp()
		}
	}
	if len(list) > 0 {
		l.db.downs.tell(list)
	}
}

// giveUp ends this node's life, for itself: live begins another one.
func (l *leases) giveUp() {
	l.life.Store(nil)
	l.do(func(now time.Duration) { l.core.Hold(now, lease.Life{}) })
}

// prove looks whether processes of this machine have ended.
func (l *leases) prove() {
	rows := l.rows.Load()
	if rows == nil || l.proof.row.Machine == "" {
		return
	}
	for n, r := range rows.rows {
		if n == l.number || r.State != lifeUp || r.Lock.Machine != l.proof.row.Machine || !r.Lock.dead() {
			continue
		}
		// What it led needs a leader, this decision included.
		l.db.host.Do(func(c *host.Core) { c.PeerDown(n) })
		l.mu.Lock()
		l.once(fmt.Sprint("proof ", n, " ", r.Inc), func(ctx context.Context) error {
			return l.db.endLife(ctx, lease.Life{Node: n, Inc: r.Inc}, lifeDown, "its process has ended")
		})
		l.mu.Unlock()
	}
}

// live is the goroutine that has this node admitted, again when its life was declared over.
func (l *leases) live() {
	t := time.NewTicker(lookEvery)
	defer t.Stop()
	for said := ""; ; {
		if l.life.Load() == nil {
			life, err := l.db.admit(l.ctx, l.number, l.name, l.proof.row)
			switch {
			case err == nil:
				said = ""
				l.life.Store(&life)
				l.do(func(now time.Duration) { l.core.Hold(now, life) })
			case l.ctx.Err() == nil && err.Error() != said:
				said = err.Error()
				l.log.Warn("db: this node has no lease yet; it goes on trying", "error", err)
			}
		}
		select {
		case <-l.ctx.Done():
			return
		case <-t.C:
		}
	}
}

// stop ends the lease, and says so to the database, if that is quick.
func (l *leases) stop() {
	life := l.life.Swap(nil)
	l.mu.Lock()
	l.publish()
	l.mu.Unlock()
	l.lapse()
	l.mu.Lock()
	l.cancel() // no proposal is begun from here on
	l.mu.Unlock()
	l.work.Wait()
	if late := l.life.Swap(nil); late != nil { // it was admitted just now
		life = late
		l.publish()
	}
	if life != nil {
		ctx, cancel := context.WithTimeout(context.Background(), farewell)
		defer cancel()
		if err := l.db.endLife(ctx, *life, lifeLeft, "it was closed"); err != nil {
			l.log.Debug("db: the database was not told that this node is closed; it will notice", "error", err)
		}
	}
	l.proof.close()
}
