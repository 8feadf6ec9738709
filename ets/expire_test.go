// SPDX-License-Identifier: Apache-2.0

package ets

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
)

func TestTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := startNode(t)
		got := make(chan Event[int, string], 10)
		to, err := banyan.Go(n, func(self *banyan.Self) error {
			for {
				e, err := banyan.ReceiveOf[Event[int, string]](self, self)
				if err != nil {
					return err
				}
				got <- e
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		s := must[*Set[int, string]](t)(NewSet[int, string](n, "cache", TTL(10*time.Second), Events(to)))
		_ = s.Insert(1, "ten")
		_ = s.InsertFor(2, "short", 300*time.Millisecond)
		_ = s.Insert(3, "stays")
		if ok, err := s.Expire(3, 0); !ok || err != nil {
			t.Error(ok, err)
		}
		time.Sleep(500 * time.Millisecond) //lint:sleep virtual time
		if _, ok := s.Lookup(2); ok || s.Len() != 3 {
			t.Error("it has expired, and is not swept yet", ok, s.Len())
		}
		if ok, err := s.InsertNew(2, "again"); !ok || err != nil {
			t.Error("an expired row is as good as gone", ok, err)
		}
		_, _, _ = s.Compute(1, func(v string, ok bool) (string, bool) { return v, ok }) // written: ten seconds from now
		time.Sleep(9900 * time.Millisecond)                                             //lint:sleep virtual time
		if _, ok := s.Lookup(1); !ok {
			t.Error("it was written again")
		}
		time.Sleep(2 * time.Second) //lint:sleep virtual time
		if s.Len() != 1 || !s.Has(3) {
			t.Error("the keeper sweeps:", s.Len())
		}
		synctest.Wait()
		seen := map[int][]string{}
		for len(got) > 0 {
			e := <-got
			if seen[e.Key] = append(seen[e.Key], e.Value); e.What != Expired || e.Table != "cache" {
				t.Error(e)
			}
		}
		if len(seen) != 2 || !slices.Equal(seen[1], []string{"ten"}) || !slices.Equal(seen[2], []string{"short", "again"}) {
			t.Error(seen)
		}
		if st := must[Stats](t)(s.Stats()); st.Expired != 3 {
			t.Error(st)
		}
		audit(t, s.core)
	})
}

func TestCap(t *testing.T) {
	s := newSet[int, int](t, Cap(100))
	for i := range 150 {
		err := s.Insert(i, i)
		if (i >= 100) != errors.Is(err, ErrFull) {
			t.Fatal(i, err)
		}
	}
	if err := s.Insert(5, 6); err != nil {
		t.Error("no new row:", err)
	}
	if ok, err := s.InsertNew(200, 1); ok || !errors.Is(err, ErrFull) {
		t.Error(ok, err)
	}
	if _, err := Add(s, 200, 1); !errors.Is(err, ErrFull) {
		t.Error(err)
	}
	_, _ = s.Delete(5)
	if err := s.Insert(200, 1); err != nil || s.Len() != 100 {
		t.Error(err, s.Len())
	}
	if st := must[Stats](t)(s.Stats()); st.Refused != 52 || st.Cap != 100 {
		t.Errorf("%+v", st)
	}
	audit(t, s.core)
}

func TestEvict(t *testing.T) {
	n := startNode(t)
	s := must[*Set[int, int]](t)(NewSet[int, int](n, "", Cap(100), Evict()))
	o := must[*OrderedSet[int, int]](t)(NewOrderedSet[int, int](n, "", Cap(100), Evict()))
	b := must[*Bag[int, int]](t)(NewBag[int, int](n, "", Cap(100), Evict()))
	for i := range 10000 {
		_, err := b.Insert(i, i)
		if err := errors.Join(s.Insert(i, i), o.Insert(i, i), err); err != nil {
			t.Fatal(i, err)
		}
		if !s.Has(i) || !o.Has(i) || !b.Has(i) {
			t.Fatal("the new row was given up")
		}
	}
	if k, _, _ := o.First(); k != 9900 || o.Len() != 100 || s.Len() != 100 || b.Keys() != 100 || b.Len() != 100 {
		t.Error(k, o.Len(), s.Len(), b.Keys(), b.Len())
	}
	if st := must[Stats](t)(s.Stats()); st.Evicted != 9900 {
		t.Errorf("%+v", st)
	}
	audit(t, s.core)
	audit(t, o.core)
	audit(t, b.r.core)
}

// TestEvictGivesUpWhatExpiresFirst, as far as it is near the new row.
func TestEvictGivesUpWhatExpiresFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSet[int, int](t, Cap(1), Evict(), TTL(time.Minute))
		_ = s.Insert(1, 1)
		_ = s.Insert(2, 2)
		if s.Has(1) || !s.Has(2) || s.Len() != 1 {
			t.Error(s.Len())
		}
		time.Sleep(2 * time.Minute) //lint:sleep virtual time
		if s.Len() != 0 {
			t.Error(s.Len())
		}
	})
}

// TestExpirySurvivesSplits: rows keep their time, and what they looked like, when their block is split or joined.
func TestExpirySurvivesSplits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := startNode(t)
		quiet := Checked(func(v Violation) { t.Error(v) })
		for _, s := range []Table[int, int]{
			must[*Set[int, int]](t)(NewSet[int, int](n, "", quiet)).Table, must[*OrderedSet[int, int]](t)(NewOrderedSet[int, int](n, "", quiet)).Table,
		} {
			for i := range 20000 {
				if i%10 == 0 {
					_ = s.InsertFor(i, i, time.Minute)
				} else {
					_ = s.Insert(i, i)
				}
			}
			_, _ = s.DeleteWhere(func(k, _ int) bool { return k >= 1000 && k%10 != 0 })
			if n := s.Count(nil); n != 2900 {
				t.Error(n)
			}
			time.Sleep(2 * time.Minute) //lint:sleep virtual time
			synctest.Wait()             // the sweep of this very second, for audit wants all blocks at rest
			if n := s.Len(); n != 900 || s.Has(10) || !s.Has(11) {
				t.Error(n)
			}
			audit(t, s.core)
		}
	})
}

// TestBagEvents: what a bag gives up is told with all values of the key.
func TestBagEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := startNode(t)
		got := make(chan Event[string, []int], 10)
		to, err := banyan.Go(n, func(self *banyan.Self) error {
			for {
				e, err := banyan.ReceiveOf[Event[string, []int]](self, self)
				if err != nil {
					return err
				}
				got <- e
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		b := must[*Bag[string, int]](t)(NewBag[string, int](n, "b", Cap(1), Evict(), Events(to)))
		for _, k := range []string{"x", "y"} {
			_, _ = b.Insert(k, 1)
			_, _ = b.Insert(k, 2)
		}
		if ok, err := b.Expire("y", time.Second); !ok || err != nil {
			t.Error(ok, err)
		}
		time.Sleep(5 * time.Second) //lint:sleep virtual time
		for _, want := range []Event[string, []int]{{"b", Evicted, "x", []int{1, 2}}, {"b", Expired, "y", []int{1, 2}}} {
			if e := <-got; e.Key != want.Key || e.What != want.What || !slices.Equal(e.Value, want.Value) || e.Table != "b" {
				t.Error(e)
			}
		}
		if b.Len() != 0 || b.Keys() != 0 {
			t.Error(b.Len(), b.Keys())
		}
	})
}

// TestEventsLost: a process that does not take events costs the table nothing but their count.
func TestEventsLost(t *testing.T) {
	n := startNode(t)
	end := make(chan struct{})
	defer close(end)
	to, err := banyan.Go(n, func(*banyan.Self) error { <-end; return nil }, banyan.Mailbox(banyan.Limits{Messages: 5}))
	if err != nil {
		t.Fatal(err)
	}
	s := must[*Set[int, int]](t)(NewSet[int, int](n, "", Cap(10), Evict(), Events(to)))
	for i := range 1000 {
		if err := s.Insert(i, i); err != nil {
			t.Fatal(err)
		}
	}
	if st := must[Stats](t)(s.Stats()); st.Evicted != 990 || st.EventsLost < 980 {
		t.Errorf("%+v", st)
	}
}
