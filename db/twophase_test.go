// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/banyan-go/banyan/db/internal/twophase"
	"github.com/banyan-go/banyan/db/internal/txn"
)

// bank is a table of accounts in all groups.
type bank struct {
	*Table[int, int]
	d *DB
	n int
}

const perAccount = 100

func newBank(t *testing.T, d *DB, n int) *bank {
	t.Helper()
	b := &bank{partitioned[int, int](t, d, "bank", Partitioned()), d, n}
	update(t, d, func(tx *Tx) (err error) {
		for i := range n {
			err = errors.Join(err, b.Put(tx, i, perAccount))
		}
		return err
	})
	return b
}

// move is a transfer.
func (b *bank) move(tx *Tx, from, to, n int) error {
	x, err := b.Get(tx, from)
	if err != nil || x < n || from == to {
		return err
	}
	y, err := b.Get(tx, to)
	return errors.Join(err, b.Put(tx, from, x-n), b.Put(tx, to, y+n))
}

// sum is what a view finds that reads all.
func (b *bank) sum(ctx context.Context) (sum int, err error) {
	err = b.d.View(ctx, func(tx *Tx) error {
		sum = 0
		for r, err := range b.All(tx, Range[int]{}) {
			if err != nil {
				return err
			}
			sum += r.Value
		}
		return nil
	})
	return sum, err
}

// apart are two accounts in different groups.
func (b *bank) apart() (from, to int) {
	for txn.GroupOf(b.at(to)) == txn.GroupOf(b.at(from)) {
		to++
	}
	return from, to
}

// TestCoordinatorDies: wherever the coordinator of a transaction over several groups dies, what it did is done in all of them or in none, and is in nobody's
// way for long.
func TestCoordinatorDies(t *testing.T) {
	for _, step := range []string{twophase.StepBegin, twophase.StepPartly, twophase.StepPrepared, twophase.StepDecided, twophase.StepResolved} {
		for _, restart := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s restart=%v", step, restart), func(t *testing.T) {
				fs := vfs.NewCrashableMem()
				d := openOn(t, fs)
				d.txns.Expiry = 20 * time.Millisecond
				b := newBank(t, d, 30)
				from, to := b.apart()
				d.left.running.Wait()
				var died atomic.Bool
				d.world.crash = func(at string) bool { return at == step && died.CompareAndSwap(false, true) }
				err := d.Update(t.Context(), func(tx *Tx) error { return b.move(tx, from, to, 10) })
				committed := step == twophase.StepDecided || step == twophase.StepResolved
				if step == twophase.StepResolved {
					want(t, err, error(nil))
				} else if !errors.Is(err, twophase.ErrCrash) {
					t.Fatalf("the update ends with %v", err)
				}
				d.left.running.Wait()
				if !died.Load() {
					t.Fatal("the coordinator lives")
				}
				d.world.crash = nil
				if restart {
					after := fs.CrashClone(vfs.CrashCloneCfg{})
					d.Close()
					d = openOn(t, after)
					b.d, b.Table = d, partitioned[int, int](t, d, "bank", Partitioned())
				}
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				if n, err := b.sum(ctx); err != nil || n != b.n*perAccount {
					t.Errorf("a view sees %d, %v", n, err)
				}
				var left int
				err = d.Update(ctx, func(tx *Tx) (err error) {
					if left, err = b.Get(tx, from); err != nil {
						return err
					}
					return b.move(tx, to, from, 1)
				})
				if err != nil {
					t.Fatalf("somebody else is held up: %v", err)
				}
				if moved := left == perAccount-10; moved != committed {
					t.Errorf("after %q there are %d left", step, left)
				}
				if n, err := b.sum(ctx); err != nil || n != b.n*perAccount {
					t.Errorf("afterwards a view sees %d, %v", n, err)
				}
			})
		}
	}
}

// TestBankOverGroups: transfers of many clients over all groups, of whom now and then one dies in the middle, make and lose no money, in any view.
func TestBankOverGroups(t *testing.T) {
	const clients, each, accounts = 8, 40, 40
	d := openOn(t, vfs.NewMem())
	d.txns.Expiry = 10 * time.Millisecond
	b := newBank(t, d, accounts)
	d.left.running.Wait()
	var coin sync.Mutex
	rng := rand.New(rand.NewPCG(7, 7))
	deaths := 0
	d.world.crash = func(string) bool {
		coin.Lock()
		defer coin.Unlock()
		if rng.IntN(40) > 0 {
			return false
		}
		deaths++
		return true
	}
	var wg sync.WaitGroup
	var moved atomic.Int64
	for c := range clients {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(c), 1))
			for i := range each {
				err := d.Update(t.Context(), func(tx *Tx) error {
					tx.OnCommit(func() { moved.Add(1) })
					return b.move(tx, rng.IntN(accounts), rng.IntN(accounts), rng.IntN(50))
				})
				if err != nil && !errors.Is(err, twophase.ErrCrash) {
					t.Error(err)
				}
				if i%4 > 0 {
					continue
				}
				if n, err := b.sum(t.Context()); err != nil || n != accounts*perAccount {
					t.Errorf("a view sees %d, %v", n, err)
				}
			}
		})
	}
	wg.Wait()
	d.left.running.Wait() // those who may still die
	d.world.crash = nil
	if n, err := b.sum(t.Context()); err != nil || n != accounts*perAccount {
		t.Errorf("in the end a view sees %d, %v", n, err)
	}
	for _, row := range rows(t, d, b.Table, Range[int]{}, false) {
		if slices.Contains([]byte(row), '-') {
			t.Errorf("an account is overdrawn: %s", row)
		}
	}
	if moved.Load() == 0 || deaths == 0 {
		t.Errorf("%d transfers, %d deaths", moved.Load(), deaths)
	}
}

// TestSkewOverGroups: two transactions in different groups that read what the other one writes cannot both commit on what they saw.
func TestSkewOverGroups(t *testing.T) {
	d := openOn(t, vfs.NewMem())
	b := newBank(t, d, 30)
	x, y := b.apart()
	update(t, d, func(tx *Tx) error { return errors.Join(b.Put(tx, x, 1), b.Put(tx, y, 1)) })
	for range 20 {
		var wg sync.WaitGroup
		leave := func(me, other int) {
			err := d.Update(t.Context(), func(tx *Tx) error {
				n, err := b.Get(tx, other)
				if err != nil || n == 0 {
					return err
				}
				return b.Put(tx, me, 0)
			})
			if err != nil {
				t.Error(err)
			}
		}
		wg.Go(func() { leave(x, y) })
		wg.Go(func() { leave(y, x) })
		wg.Wait()
		err := d.View(t.Context(), func(tx *Tx) error {
			n, err := b.Get(tx, x)
			m, err2 := b.Get(tx, y)
			if n+m != 1 {
				t.Errorf("%d and %d are left", n, m)
			}
			return errors.Join(err, err2)
		})
		if err != nil {
			t.Error(err)
		}
		update(t, d, func(tx *Tx) error { return errors.Join(b.Put(tx, x, 1), b.Put(tx, y, 1)) })
	}
}

// TestReadYourWrites: who has committed over several groups sees it in the next transaction, whoever has written what was prepared.
func TestReadYourWrites(t *testing.T) {
	d := openOn(t, vfs.NewMem())
	b := newBank(t, d, 30)
	for i := range 50 {
		update(t, d, func(tx *Tx) (err error) {
			for k := range 10 {
				err = errors.Join(err, b.Put(tx, k, i))
			}
			return err
		})
		k := i % 10
		var n int
		if err := d.View(t.Context(), func(tx *Tx) (err error) { n, err = b.Get(tx, k); return err }); err != nil || n != i {
			t.Errorf("after %d was written a view sees %d, %v", i, n, err)
		}
	}
}

// TestCloseBeforePrepare: a transaction whose record is closed before it comes is refused in all groups, late parts of it included.
func TestCloseBeforePrepare(t *testing.T) {
	d := openOn(t, vfs.NewMem())
	b := newBank(t, d, 30)
	x, y := b.apart()
	d.left.running.Wait()
	tx := &Tx{db: d, ctx: t.Context(), start: 1}
	if err := errors.Join(b.Put(tx, x, 1), b.Put(tx, y, 2)); err != nil {
		t.Fatal(err)
	}
	tx.end()
	parts := tx.coordinated()
	id := txn.Entry{Session: d.session, Start: 1, Record: parts[0].Group}
	id.Seq, id.Low = d.txns.Numbers.Begin()
	h := txn.Holder{Session: id.Session, Seq: id.Seq, Record: id.Record, Start: 1}
	out, err := d.txns.Prepare(t.Context(), parts[1], id)
	want(t, fmt.Sprint(out.Verdict, err), fmt.Sprint(txn.Prepared, error(nil)))
	verdict, err := d.txns.End(t.Context(), h, parts[1].Group)
	want(t, fmt.Sprint(verdict, err), fmt.Sprint(txn.Closed, error(nil)))
	for _, p := range parts { // what comes late, and what comes again
		out, err := d.txns.Prepare(t.Context(), p, id)
		want(t, fmt.Sprint(out.Verdict, err), fmt.Sprint(txn.Closed, error(nil)))
	}
	decide := *parts[0].Entry
	decide.Kind, decide.Session, decide.Seq = txn.KindDecide, id.Session, id.Seq
	out, err = d.txns.Propose(t.Context(), parts[0].Shard, &decide)
	want(t, fmt.Sprint(out.Verdict, err), fmt.Sprint(txn.Closed, error(nil)))
	if n, err := b.sum(t.Context()); err != nil || n != b.n*perAccount {
		t.Errorf("a view sees %d, %v", n, err)
	}
}

// TestBlockedDecision: a transaction whose decision meets the lock of an older one is given up, and a copy of the decision that comes when the lock is gone is refused.
func TestBlockedDecision(t *testing.T) {
	d := openOn(t, vfs.NewMem())
	b := newBank(t, d, 30)
	x, y := b.apart()
	d.left.running.Wait()
	parts := func(n int) []twophase.Part {
		t.Helper()
		tx := &Tx{db: d, ctx: t.Context()}
		if err := errors.Join(b.Put(tx, x, n), b.Put(tx, y, n)); err != nil {
			t.Fatal(err)
		}
		tx.end()
		return tx.coordinated()
	}
	young := parts(2)
	decided := 0
	for _, p := range young { // one of them is the one that decides, and its part is handed in when the other one is prepared
		old := txn.Entry{Session: d.session, Start: 1, Record: p.Group + 1}
		old.Seq, old.Low = d.txns.Numbers.Begin()
		held := p
		for _, q := range parts(1) {
			if q.Group == p.Group {
				held = q
			}
		}
		out, err := d.txns.Prepare(t.Context(), held, old)
		want(t, fmt.Sprint(out.Verdict, err), fmt.Sprint(txn.Prepared, error(nil)))

		out, id, err := d.txns.Commit(t.Context(), 2, young)
		want(t, fmt.Sprint(out.Verdict, err), fmt.Sprint(txn.Blocked, error(nil)))
		out, err = d.txns.Propose(t.Context(), p.Shard, &txn.Entry{Kind: txn.KindResolve, Session: old.Session, Seq: old.Seq})
		want(t, fmt.Sprint(out.Verdict, err), fmt.Sprint(txn.Closed, error(nil)))
		if id.Record == p.Group {
			decided++
			copied := *p.Entry
			copied.Kind, copied.Session, copied.Seq = txn.KindDecide, d.session, id.Seq
			out, err = d.txns.Propose(t.Context(), p.Shard, &copied)
			want(t, fmt.Sprint(out.Verdict, err), fmt.Sprint(txn.Closed, error(nil)))
		}
	}
	if decided != 1 {
		t.Errorf("%d decisions met a lock", decided)
	}
}
