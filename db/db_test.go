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

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/banyan-go/banyan/db/internal/txn"
)

func openOn(t *testing.T, fs vfs.FS) *DB {
	t.Helper()
	d, err := open(fs, "db")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func table[K, V any](t *testing.T, d *DB, name string) *Table[K, V] {
	t.Helper()
	tb, err := NewTable[K, V](t.Context(), d, name)
	if err != nil {
		t.Fatal(err)
	}
	return tb
}

func update(t *testing.T, d *DB, fn func(tx *Tx) error) {
	t.Helper()
	if err := d.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// rows reads a range, as "key=value".
func rows[K, V any](t *testing.T, d *DB, tb *Table[K, V], r Range[K], backward bool) (list []string) {
	t.Helper()
	err := d.View(t.Context(), func(tx *Tx) error {
		list = nil // it may run again
		seq := tb.All(tx, r)
		if backward {
			seq = tb.Backward(tx, r)
		}
		for r, err := range seq {
			if err != nil {
				return err
			}
			list = append(list, fmt.Sprintf("%v=%v", r.Key, r.Value))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func want(t *testing.T, got, want any) {
	t.Helper()
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		t.Errorf("got %s, want %s", g, w)
	}
}

func TestRows(t *testing.T) {
	d := openOn(t, vfs.NewMem())
	tb := table[string, int](t, d, "t")
	update(t, d, func(tx *Tx) error {
		return errors.Join(tb.Put(tx, "b", 2), tb.Create(tx, "a", 1), tb.Put(tx, "c", 3), tb.Put(tx, "d", 4))
	})
	want(t, rows(t, d, tb, Range[string]{}, false), "[a=1 b=2 c=3 d=4]")
	want(t, rows(t, d, tb, Within("b", "d"), true), "[c=3 b=2]")
	err := d.Update(t.Context(), func(tx *Tx) error {
		if err := tb.Put(tx, "x", 9); err != nil {
			return err
		}
		return tb.Create(tx, "b", 5)
	})
	if !errors.Is(err, ErrExists) {
		t.Error(err)
	}
	update(t, d, func(tx *Tx) error {
		err := errors.Join(tb.Delete(tx, "b"), tb.Delete(tx, "nobody"), tb.Put(tx, "bb", 7))
		var seen []string // its own writes are seen, in order
		for r, e := range tb.Backward(tx, Range[string]{}) {
			err = errors.Join(err, e)
			seen = append(seen, r.Key)
		}
		want(t, seen, "[d c bb a]")
		if _, ok, e := tb.Lookup(tx, "b"); ok || e != nil {
			t.Error("a deleted row is seen", e)
		}
		return err
	})
	want(t, rows(t, d, tb, Range[string]{}, false), "[a=1 bb=7 c=3 d=4]")
}

// TestSurvives: what was committed is there after the power was cut, and what was not is not.
func TestSurvives(t *testing.T) {
	fs := vfs.NewCrashableMem()
	d := openOn(t, fs)
	tb := table[int, string](t, d, "t")
	for i := range 300 {
		update(t, d, func(tx *Tx) error { return tb.Put(tx, i, fmt.Sprint("v", i)) })
	}
	after := fs.CrashClone(vfs.CrashCloneCfg{})
	d.Close()
	d = openOn(t, after)
	tb = table[int, string](t, d, "t")
	got := rows(t, d, tb, Range[int]{}, false)
	if len(got) != 300 || got[299] != "299=v299" {
		t.Errorf("%d rows are left, the last is %v", len(got), got[len(got)-1:])
	}
}

// TestBank: transfers from many goroutines lose and make no money, and everybody sees a sum that is right, at any time.
func TestBank(t *testing.T) {
	const accounts, each, workers = 10, 100, 8
	d := openOn(t, vfs.NewMem())
	tb := table[int, int](t, d, "accounts")
	update(t, d, func(tx *Tx) (err error) {
		for i := range accounts {
			err = errors.Join(err, tb.Put(tx, i, each))
		}
		return err
	})
	sum := func(tx *Tx) (n int, err error) {
		for r, err := range tb.All(tx, Range[int]{}) {
			if err != nil {
				return 0, err
			}
			n += r.Value
		}
		return n, nil
	}
	var wg sync.WaitGroup
	var moved atomic.Int64
	for w := range workers {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(w), 1))
			for range 40 {
				from, to, n := rng.IntN(accounts), rng.IntN(accounts), rng.IntN(30)
				err := d.Update(t.Context(), func(tx *Tx) error {
					a, err := tb.Get(tx, from)
					if err != nil || a < n || from == to {
						return err
					}
					b, err := tb.Get(tx, to)
					tx.OnCommit(func() { moved.Add(1) })
					return errors.Join(err, tb.Put(tx, from, a-n), tb.Put(tx, to, b+n))
				})
				if err != nil {
					t.Error(err)
				}
				err = d.View(t.Context(), func(tx *Tx) error {
					if n, err := sum(tx); err != nil || n != accounts*each {
						t.Errorf("a view sees %d, %v", n, err)
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if moved.Load() == 0 {
		t.Error("nothing was moved")
	}
}

// TestPhantom: who read a range conflicts with what comes into it, is changed in it, or goes from it; not with what is
// beyond the part that was read.
func TestPhantom(t *testing.T) {
	for name, c := range map[string]struct {
		change   func(tb *Table[int, int], tx *Tx) error
		backward bool
		runs     int
	}{
		"insert":          {func(tb *Table[int, int], tx *Tx) error { return tb.Put(tx, 15, 1) }, false, 2},
		"change":          {func(tb *Table[int, int], tx *Tx) error { return tb.Put(tx, 20, 1) }, false, 2},
		"delete":          {func(tb *Table[int, int], tx *Tx) error { return tb.Delete(tx, 10) }, false, 2},
		"before":          {func(tb *Table[int, int], tx *Tx) error { return tb.Put(tx, 5, 1) }, false, 1},
		"beyond":          {func(tb *Table[int, int], tx *Tx) error { return tb.Put(tx, 25, 1) }, false, 1},
		"backward beyond": {func(tb *Table[int, int], tx *Tx) error { return tb.Put(tx, 25, 1) }, true, 1},
		"backward insert": {func(tb *Table[int, int], tx *Tx) error { return tb.Put(tx, 35, 1) }, true, 2},
	} {
		t.Run(name, func(t *testing.T) {
			d := openOn(t, vfs.NewMem())
			tb := table[int, int](t, d, "t")
			update(t, d, func(tx *Tx) error {
				return errors.Join(tb.Put(tx, 10, 1), tb.Put(tx, 20, 1), tb.Put(tx, 30, 1), tb.Put(tx, 40, 1))
			})
			runs := 0
			update(t, d, func(tx *Tx) error {
				seq := tb.All(tx, Within(10, 50))
				if c.backward {
					seq = tb.Backward(tx, Within(10, 50))
				}
				n := 0
				for range seq { // reads two rows, 10 and 20, or 40 and 30
					if n++; n == 2 {
						break
					}
				}
				if runs++; runs == 1 {
					update(t, d, func(tx *Tx) error { return c.change(tb, tx) })
				}
				return tb.Put(tx, 1000, runs)
			})
			if runs != c.runs {
				t.Errorf("the transaction ran %d times, want %d", runs, c.runs)
			}
		})
	}
}

// TestLostUpdate: increments from many goroutines are all counted, each once.
func TestLostUpdate(t *testing.T) {
	d := openOn(t, vfs.NewMem())
	tb := table[string, int](t, d, "t")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 25 {
				err := d.Update(t.Context(), func(tx *Tx) error {
					n, err := tb.Get(tx, "n")
					return errors.Join(err, tb.Put(tx, "n", n+1))
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	want(t, rows(t, d, tb, Range[string]{}, false), "[n=200]")
}

// TestWriteSkew: two that read what the other one writes cannot both commit on what they saw.
func TestWriteSkew(t *testing.T) {
	d := openOn(t, vfs.NewMem())
	tb := table[string, bool](t, d, "on call")
	update(t, d, func(tx *Tx) error { return errors.Join(tb.Put(tx, "a", true), tb.Put(tx, "b", true)) })
	leave := func(me, other string, between func()) error {
		return d.Update(t.Context(), func(tx *Tx) error {
			on, err := tb.Get(tx, other)
			between()
			if err != nil || !on {
				return err
			}
			return tb.Put(tx, me, false)
		})
	}
	once := sync.OnceFunc(func() {
		if err := leave("b", "a", func() {}); err != nil {
			t.Error(err)
		}
	})
	if err := leave("a", "b", once); err != nil {
		t.Fatal(err)
	}
	want(t, rows(t, d, tb, Range[string]{}, false), "[a=true b=false]")
}

func TestConflictUntilTheEnd(t *testing.T) {
	d := openOn(t, vfs.NewMem())
	tb := table[string, int](t, d, "t")
	ctx, cancel := context.WithCancel(t.Context())
	runs := 0
	err := d.Update(ctx, func(tx *Tx) error {
		n, err := tb.Get(tx, "n")
		update(t, d, func(tx *Tx) error { return tb.Put(tx, "n", n+1) })
		if runs++; runs == 5 {
			defer cancel()
			tx.ctx = context.WithoutCancel(ctx) // it ends while the commit fails, not before
		}
		return errors.Join(err, tb.Put(tx, "n", -1))
	})
	if !errors.Is(err, ErrConflict) && !errors.Is(err, ErrUnknown) && !errors.Is(err, ErrNoQuorum) {
		t.Errorf("ended with %v after %d runs", err, runs)
	}
}

func TestMisuse(t *testing.T) {
	d := openOn(t, vfs.NewMem())
	tb := table[string, int](t, d, "t")
	var kept *Tx
	update(t, d, func(tx *Tx) error { kept = tx; return nil })
	if err := tb.Put(kept, "a", 1); !errors.Is(err, ErrTxDone) {
		t.Error(err)
	}
	if err := d.View(t.Context(), func(tx *Tx) error { return tb.Put(tx, "a", 1) }); !errors.Is(err, ErrReadOnly) {
		t.Error(err)
	}
	if _, err := NewTable[string, string](t.Context(), d, "t"); !errors.Is(err, ErrType) {
		t.Error(err)
	}
	if _, err := NewTable[[]string, int](t.Context(), d, "u"); err == nil {
		t.Error("a slice is a key")
	}
	type unregistered struct{ A int }
	if _, err := NewTable[string, unregistered](t.Context(), d, "u"); err == nil {
		t.Error("a type that is not registered is a value")
	}
	big := table[string, []byte](t, d, "big")
	if err := d.Update(t.Context(), func(tx *Tx) error { return big.Put(tx, "a", make([]byte, 5<<20)) }); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
}

func TestDrop(t *testing.T) {
	d := openOn(t, vfs.NewMem())
	tb, other := table[string, int](t, d, "t"), table[string, int](t, d, "other")
	update(t, d, func(tx *Tx) error { return errors.Join(tb.Put(tx, "a", 1), other.Put(tx, "a", 2)) })
	err := d.Update(t.Context(), func(tx *Tx) error { // one that is under way is too late
		err := tb.Put(tx, "b", 1)
		if dropped := d.Drop(t.Context(), "t"); dropped != nil && !errors.Is(dropped, ErrNoTable) {
			t.Error(dropped)
		}
		return err
	})
	if !errors.Is(err, ErrNoTable) {
		t.Errorf("a transaction on a dropped table ends with %v", err)
	}
	if err := d.Drop(t.Context(), "t"); !errors.Is(err, ErrNoTable) {
		t.Error(err)
	}
	again := table[string, int](t, d, "t")
	want(t, rows(t, d, again, Range[string]{}, false), "[]")
	want(t, rows(t, d, other, Range[string]{}, false), "[a=2]")
	if err := d.Update(t.Context(), func(tx *Tx) error { return tb.Put(tx, "a", 1) }); !errors.Is(err, ErrNoTable) {
		t.Errorf("the old handle on the new table: %v", err)
	}
	list, err := d.Tables(t.Context())
	want(t, list, "[{other string int  disk 3 1 0 0} {t string int  disk 3 1 0 0}]")
	if err != nil {
		t.Error(err)
	}
}

// TestDeadDisk: a sync that fails is never taken for one that went well.
func TestDeadDisk(t *testing.T) {
	mem := vfs.NewCrashableMem()
	broken := errorfs.Toggle{Injector: errorfs.ErrInjected.If(errorfs.Writes)}
	d := openOn(t, errorfs.Wrap(mem, &broken))
	tb := table[int, int](t, d, "t")
	update(t, d, func(tx *Tx) error { return tb.Put(tx, 1, 1) })
	broken.On()
	err := d.Update(t.Context(), func(tx *Tx) error { return tb.Put(tx, 2, 2) })
	if !errors.Is(err, ErrUnknown) || !errors.Is(err, ErrDead) {
		t.Errorf("the commit ends with %v", err)
	}
	broken.Off()
	if err := d.Update(t.Context(), func(tx *Tx) error { return tb.Put(tx, 3, 3) }); !errors.Is(err, ErrDead) {
		t.Errorf("the next one ends with %v", err)
	}
	d = openOn(t, mem.CrashClone(vfs.CrashCloneCfg{}))
	got := rows(t, d, table[int, int](t, d, "t"), Range[int]{}, false)
	if !slices.Contains(got, "1=1") || slices.Contains(got, "3=3") {
		t.Errorf("after a restart there is %v", got)
	}
}

// TestOutcome: a transaction that is closed before it comes never commits; one that has committed is known to have.
func TestOutcome(t *testing.T) {
	d := openOn(t, vfs.NewMem())
	tb := table[int, int](t, d, "t")
	update(t, d, func(tx *Tx) error { return tb.Delete(tx, 1) }) // the table is there, in all groups
	entry := func() (*Tx, TxID) {
		tx := &Tx{db: d, ctx: t.Context()}
		if err := tb.Put(tx, 1, 1); err != nil {
			t.Fatal(err)
		}
		tx.end()
		seq, _ := d.txns.Numbers.Begin()
		return tx, TxID{d.session, seq, tx.sorted()[0].group}
	}
	propose := func(tx *Tx, id TxID) string {
		p := tx.sorted()[0]
		e := p.entry(txn.KindCommit)
		e.Session, e.Seq = id.session, id.seq
		out, err := d.txns.Propose(t.Context(), p.shard, e)
		return fmt.Sprint(out.Verdict, err)
	}
	tx, id := entry()
	ok, err := d.Outcome(t.Context(), id)
	want(t, fmt.Sprint(ok, err), "false <nil>")
	want(t, propose(tx, id), "3 <nil>") // Closed
	want(t, rows(t, d, tb, Range[int]{}, false), "[]")

	tx, id = entry()
	want(t, propose(tx, id), "1 <nil>") // Committed
	want(t, propose(tx, id), "1 <nil>") // the same, not again
	ok, err = d.Outcome(t.Context(), id)
	want(t, fmt.Sprint(ok, err), "true <nil>")
}

func TestOneProcessAtATime(t *testing.T) {
	dir := t.TempDir()
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil {
		t.Error("a folder is open twice")
	}
	tb := table[string, int](t, d, "t")
	update(t, d, func(tx *Tx) error { return tb.Put(tx, "a", 1) })
	if err := errors.Join(d.Close(), d.Close()); err != nil {
		t.Fatal(err)
	}
	if err := d.Update(t.Context(), func(*Tx) error { return nil }); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	d, err = Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	want(t, rows(t, d, table[string, int](t, d, "t"), Range[string]{}, false), "[a=1]")
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}
