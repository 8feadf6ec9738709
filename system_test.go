// SPDX-License-Identifier: Apache-2.0

package banyan_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
)

// cabinet has fields of all sorts, and nothing that says how to show them.
type cabinet struct {
	name    string
	Stock   map[string]int
	places  map[[2]int]string
	prices  []float64
	key     []byte
	kind    banyan.Atom
	since   time.Time
	owner   banyan.PID
	friend  labRef
	next    *cabinet
	stop    chan int
	shared  struct{ guarded }
	anyway  any
	nothing error
	parts   [2]struct{ a, b uint8 }
}

type guarded struct {
	sync.Mutex
	m map[string]int
}

func TestInspectRendersFields(t *testing.T) {
	n := quietNode(t)
	lab, friend := spawnLab(t, n)
	_ = lab
	self := &cabinet{name: strings.Repeat("x", 2000), Stock: map[string]int{"tea": 3}, places: map[[2]int]string{{1, 2}: "x"},
		prices: []float64{1.5, math.Inf(-1)}, key: []byte("k"), kind: "cabinet", since: time.Unix(0, 0).UTC(),
		owner: friend.PID(), friend: friend, stop: make(chan int), anyway: map[banyan.Atom]int8{"a": -1}}
	self.next = self
	ref, err := banyan.SpawnState(n, self)
	if err != nil {
		t.Fatal(err)
	}
	got, err := banyan.Inspect(outside(n), ref.PID())
	if err != nil {
		t.Fatal(err)
	}
	want := map[banyan.Atom]any{
		"name": strings.Repeat("x", 1024) + "...", "Stock": map[any]any{"tea": int64(3)},
		"places": []any{[]any{[]any{int64(1), int64(2)}, "x"}},
		"prices": []any{1.5, banyan.Atom("-infinity")}, "key": []byte("k"), "kind": banyan.Atom("cabinet"),
		"since": "1970-01-01T00:00:00Z", "owner": friend.PID(), "friend": friend.PID(), "next": "(*banyan_test.cabinet)",
		"stop": "(chan int)", "shared": map[banyan.Atom]any{"guarded": "(banyan_test.guarded)"},
		"anyway": map[any]any{banyan.Atom("a"): int64(-1)}, "nothing": banyan.Atom("nil"),
		"parts": []any{map[banyan.Atom]any{"a": uint64(0), "b": uint64(0)}, map[banyan.Atom]any{"a": uint64(0), "b": uint64(0)}},
	}
	m, ok := got.(map[banyan.Atom]any)
	if !ok {
		t.Fatalf("%T", got)
	}
	for k := range want {
		if !reflect.DeepEqual(m[k], want[k]) {
			t.Errorf("%s: %#v, want %#v", k, m[k], want[k])
		}
	}
	if len(m) != len(want) {
		t.Error(m)
	}
}

// tree is a state whose rendering would be large.
type tree struct {
	wide []int
	deep []any
}

func TestInspectIsBounded(t *testing.T) {
	n := quietNode(t)
	deep := []any{}
	for range 100 {
		deep = []any{deep}
	}
	ref, err := banyan.SpawnState(n, &tree{make([]int, 1_000_000), deep})
	if err != nil {
		t.Fatal(err)
	}
	got, err := banyan.Inspect(outside(n), ref.PID())
	if err != nil {
		t.Fatal(err)
	}
	wide := got.(map[banyan.Atom]any)["wide"].([]any)
	if len(wide) > 2001 || wide[len(wide)-1] != banyan.Atom("...") {
		t.Error(len(wide), wide[len(wide)-1])
	}
}

// shown says itself what is to be seen.
type shown struct{ secret string }

func (s *shown) Inspect() any {
	if s.secret == "panic" {
		panic("no")
	}
	return banyan.Atom("shown")
}

func TestInspectAsksTheState(t *testing.T) {
	n := quietNode(t)
	ctx := outside(n)
	ref, err := banyan.SpawnState(n, &shown{})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := banyan.Inspect(ctx, ref.PID()); v != banyan.Atom("shown") || err != nil {
		t.Error(v, err)
	}
	ref, err = banyan.SpawnState(n, &shown{"panic"})
	if err != nil {
		t.Fatal(err)
	}
	var pe *banyan.PanicError
	for range 2 { // the server lives on
		if v, err := banyan.Inspect(ctx, ref.PID()); !errors.As(err, &pe) {
			t.Error(v, err)
		}
	}
	plain, err := banyan.Go(n, func(self *banyan.Self) error { _, err := self.Receive(self); return err })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := banyan.Inspect(ctx, plain); !errors.Is(err, banyan.ErrNotUnderstood) || !errors.Is(err, banyan.ErrNotDelivered) {
		t.Error(err)
	}
	if _, err := banyan.Inspect(context.Background(), plain); !errors.Is(err, banyan.ErrNoNode) {
		t.Error(err)
	}
	gone := ref.PID()
	gone.Serial++
	if err := banyan.Suspend(ctx, gone); !errors.Is(err, banyan.ErrNoProcess) {
		t.Error(err)
	}
	_, lab := spawnLab(t, n)
	in(t, n, lab, func(self *banyan.Self) {
		if err := banyan.Suspend(self, self.PID()); !errors.Is(err, banyan.ErrCallingSelf) {
			t.Error(err)
		}
		if v, err := banyan.Inspect(self, gone); !errors.Is(err, banyan.ErrNoProcess) {
			t.Error(v, err)
		}
	})
}

func TestSuspendAndResume(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		ctx := outside(n)
		_, ref := spawnLab(t, n, banyan.Mailbox(banyan.Limits{Messages: 5}))
		if err := banyan.Suspend(ctx, ref.PID()); err != nil {
			t.Fatal(err)
		}
		ran := make(chan int, 10)
		for i := range 5 {
			later(t, n, ref, func(*banyan.Self) error { ran <- i; return nil })
		}
		if err := banyan.Cast(ctx, ref, do{nil}); !errors.Is(err, banyan.ErrMailboxFull) {
			t.Error(err)
		}
		none(t, ran)
		// A full mailbox does not keep system messages out, and they leave no trace in it.
		for range 1000 {
			if _, err := banyan.Inspect(ctx, ref.PID()); err != nil {
				t.Fatal(err)
			}
		}
		if err := banyan.Suspend(ctx, ref.PID()); err != nil { // twice is once
			t.Fatal(err)
		}
		if i, _ := n.Info(ref.PID()); i.Status != "suspended" || i.Queue != 5 {
			t.Errorf("%+v", i)
		}
		if err := banyan.Resume(ctx, ref.PID()); err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			if got := next(t, ran); got != i {
				t.Error(got, "in place of", i)
			}
		}
		if err := banyan.Resume(ctx, ref.PID()); err != nil { // one that runs
			t.Fatal(err)
		}
		if i, _ := n.Info(ref.PID()); i.Status == "suspended" || i.Queue != 0 {
			t.Errorf("%+v", i)
		}
	})
}

// What was in the mailbox before is served before, and what was in the same batch waits.
func TestSystemMessagesKeepTheirOrder(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		ctx := outside(n)
		_, ref := spawnLab(t, n)
		hold, ran := make(chan int), make(chan string, 10)
		later(t, n, ref, func(*banyan.Self) error { <-hold; return nil })
		say := func(s string) { later(t, n, ref, func(*banyan.Self) error { ran <- s; return nil }) }
		var wg sync.WaitGroup
		sys := func(f func() error) {
			wg.Go(func() {
				if err := f(); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		synctest.Wait()
		say("before")
		sys(func() error { return banyan.Suspend(ctx, ref.PID()) })
		say("while")
		sys(func() error { _, err := banyan.Inspect(ctx, ref.PID()); ran <- "inspected"; return err })
		hold <- 1
		wg.Wait()
		if a, b := next(t, ran), next(t, ran); a != "before" || b != "inspected" {
			t.Error(a, b)
		}
		none(t, ran)
		if err := banyan.Resume(ctx, ref.PID()); err != nil {
			t.Error(err)
		}
		if s := next(t, ran); s != "while" {
			t.Error(s)
		}
	})
}

func TestSuspendedServerEnds(t *testing.T) {
	for name, end := range map[string]func(*banyan.Node, banyan.PID) error{
		"exit signal": func(n *banyan.Node, pid banyan.PID) error { return banyan.SendExit(outside(n), pid, errBoom) },
		"kill":        func(n *banyan.Node, pid banyan.PID) error { return banyan.SendExit(outside(n), pid, banyan.ErrKill) },
		"node": func(n *banyan.Node, pid banyan.PID) error {
			return n.Stop(context.Background())
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, n *banyan.Node) {
				l, ref := spawnLab(t, n)
				hold := make(chan int)
				later(t, n, ref, func(*banyan.Self) error { <-hold; return nil })
				var wg sync.WaitGroup
				wg.Go(func() {
					if err := banyan.Suspend(outside(n), ref.PID()); err != nil {
						t.Error(err)
					}
				})
				synctest.Wait()
				result := make(chan error, 1)
				wg.Go(func() { // waits in the same batch
					_, err := banyan.Call(outside(n), ref, ask{func(*banyan.Self) (int, error) { return 1, nil }})
					result <- err
				})
				synctest.Wait()
				hold <- 1
				synctest.Wait()
				if err := end(n, ref.PID()); err != nil {
					t.Fatal(err)
				}
				if err := next(t, result); !errors.Is(err, banyan.ErrNotDelivered) && name != "kill" {
					t.Error(err)
				}
				wg.Wait()
				if name != "kill" {
					if reason := next(t, l.ended); reason == nil {
						t.Error("no reason")
					}
				}
				if _, ok := n.Info(ref.PID()); ok {
					t.Error("lives")
				}
			})
		})
	}
}

// A flood of system messages to a server that does not come to serve them is bounded.
func TestSystemMessagesAreBounded(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, ref := spawnLab(t, n)
		hold := make(chan int)
		later(t, n, ref, func(*banyan.Self) error { <-hold; return nil })
		synctest.Wait()
		var wg sync.WaitGroup
		results := make(chan error, 200)
		for range 150 {
			wg.Go(func() { _, err := banyan.Inspect(outside(n), ref.PID()); results <- err })
		}
		synctest.Wait()
		refused := len(results)
		for range refused {
			if err := <-results; !errors.Is(err, banyan.ErrMailboxFull) {
				t.Error(err)
			}
		}
		if refused != 50 {
			t.Error(refused, "refused")
		}
		wg.Wait() // all time out
		hold <- 1
		synctest.Wait()
		for range 3 {
			if _, err := banyan.Inspect(outside(n), ref.PID()); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func ExampleInspect() {
	n, err := banyan.Start("shop@example")
	if err != nil {
		panic(err)
	}
	defer n.Stop(context.Background())
	type shelf struct{ tea, coffee int }
	ref, err := banyan.SpawnState(n, &shelf{tea: 3})
	if err != nil {
		panic(err)
	}
	fmt.Println(banyan.Inspect(n.Context(context.Background()), ref.PID()))
	// Output: map[coffee:0 tea:3] <nil>
}
