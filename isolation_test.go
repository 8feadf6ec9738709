// SPDX-License-Identifier: Apache-2.0

package banyan_test

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
)

// keeper keeps what it is sent, and gives away what it keeps.
type keeper struct {
	got  parcel
	when chan struct{} // closed: the messages may be handled
}

type leaf struct{ N int }

// parcel holds all that can be shared by mistake.
type parcel struct {
	Slice []int
	Map   map[string][]int
	Ptr   *leaf
	Any   any
	Array [2][]string
	inner []byte
}

func newParcel() parcel {
	return parcel{[]int{1, 2}, map[string][]int{"a": {1}}, &leaf{1}, []int{1}, [2][]string{{"x"}, {"y"}}, []byte("abc")}
}

// spoil changes all that can be reached.
func (p parcel) spoil() {
	p.Slice[0] = 99
	p.Map["a"][0] = 99
	p.Map["b"] = nil
	p.Ptr.N = 99
	p.Any.([]int)[0] = 99
	p.Array[0][0] = "spoilt"
	p.inner[0] = 'X'
}

type give struct{ P parcel }

func (m give) Call(k *keeper, _ *banyan.Self) (int, error) { k.got = m.P; return 0, nil }
func (m give) Cast(k *keeper, _ *banyan.Self) error        { <-k.when; k.got = m.P; return nil }

type show struct{}

func (show) Call(k *keeper, _ *banyan.Self) (parcel, error) { return k.got, nil }

type showLater struct{}

func (showLater) Call(k *keeper, self *banyan.Self) (parcel, error) {
	return parcel{}, banyan.Defer[parcel](self).Reply(k.got)
}

type showAny struct{}

func (showAny) Call(k *keeper, _ *banyan.Self) (any, error) { return k.got, nil }

func whole(t *testing.T, where string, got any) {
	t.Helper()
	if want := newParcel(); !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %+v", where, got)
	}
}

func TestSenderKeepsNothing(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		ctx := outside(n)
		k := &keeper{when: make(chan struct{})}
		ref, err := banyan.SpawnState(n, k)
		if err != nil {
			t.Fatal(err)
		}
		p := newParcel()
		if err := banyan.Cast(ctx, ref, give{p}); err != nil {
			t.Fatal(err)
		}
		p.spoil() // it is still in the mailbox
		close(k.when)
		got, err := banyan.Call(ctx, ref, show{})
		if err != nil {
			t.Fatal(err)
		}
		whole(t, "cast", got)

		p = newParcel()
		if _, err := banyan.Call(ctx, ref, give{p}); err != nil {
			t.Fatal(err)
		}
		p.spoil()
		got, _ = banyan.Call(ctx, ref, show{})
		whole(t, "call", got)
		got.spoil() // the reply is the caller's own
		got, _ = banyan.Call(ctx, ref, showLater{})
		whole(t, "reply", got)
		got.spoil()
		v, _ := banyan.Call(ctx, ref, showAny{})
		whole(t, "deferred reply", v)
		v.(parcel).spoil()
		got, _ = banyan.Call(ctx, ref, show{})
		whole(t, "reply as any", got)

		p = newParcel() // as a pointer
		if _, err := banyan.Call(ctx, ref, &give{p}); err != nil {
			t.Fatal(err)
		}
		p.spoil()
		got, _ = banyan.Call(ctx, ref, show{})
		whole(t, "pointer message", got)

		p = newParcel() // through an interface
		if _, err := banyan.Call(ctx, ref, banyan.Query[*keeper, int](give{p})); err != nil {
			t.Fatal(err)
		}
		p.spoil()
		got, _ = banyan.Call(ctx, ref, show{})
		whole(t, "message in an interface", got)
	})
}

func TestSentValuesAreCopied(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		l, a := spawnLab(t, n)
		hold := make(chan struct{})
		later(t, n, a, func(*banyan.Self) error { <-hold; return nil })
		p := newParcel()
		s := []int{1}
		sendAll(t, n, a.PID(), p, s)
		p.spoil()
		s[0] = 2
		close(hold)
		whole(t, "send", next(t, l.infos))
		if got := nextOf[[]int](t, l.infos); got[0] != 1 {
			t.Error("a sent slice was changed")
		}
	})
}

func TestEachTargetOfCallAllGetsItsOwn(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		var refs []banyan.Ref[*keeper]
		var ks []*keeper
		for range 3 {
			k := &keeper{}
			ref, _ := banyan.SpawnState(n, k)
			ks, refs = append(ks, k), append(refs, ref)
		}
		p := newParcel()
		for r := range banyan.CallAll(outside(n), banyan.Refs(refs...), give{p}) {
			if r.Err != nil {
				t.Error(r.Err)
			}
		}
		p.spoil()
		ks[0].got.spoil()
		whole(t, "second", ks[1].got)
		whole(t, "third", ks[2].got)
	})
}

// frozen says itself that it is never changed; cloned brings its own copy.
type frozen struct{ p *leaf }

func (frozen) Immutable() {}

type cloned struct {
	p      *leaf
	copies int
}

func (c cloned) Clone() cloned { return cloned{&leaf{c.p.N}, c.copies + 1} }

type keep struct{ V any }

func (m keep) Call(_ *lab, _ *banyan.Self) (any, error) { return m.V, nil }

func TestImmutableAndClone(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n)
		f := frozen{&leaf{1}}
		got, err := banyan.Call(outside(n), a, keep{f})
		if err != nil || got.(frozen).p != f.p {
			t.Errorf("an immutable value was copied: %v, %v", got, err)
		}
		c := cloned{&leaf{1}, 0}
		got, err = banyan.Call(outside(n), a, keep{c})
		if err != nil || got.(cloned).p == c.p || got.(cloned).copies != 2 { // there and back
			t.Errorf("got %+v, %v", got, err)
		}
		if got, err = banyan.Call(outside(n), a, keep{errBoom}); got != errBoom || err != nil {
			t.Errorf("an error lost its identity: %v, %v", got, err)
		}
		if got, err = banyan.Call(outside(n), a, keep{nil}); got != nil || err != nil {
			t.Errorf("nil became %v, %v", got, err)
		}
	})
}

// Messages that must not be sent, and what the error has to name.
type (
	withChan  struct{ Deep struct{ C chan int } }
	withFunc  struct{ F []func() }
	withMutex struct{ M map[string]*sync.Mutex }
	withFile  struct{ F *os.File }
)

func (withChan) Call(*lab, *banyan.Self) (int, error)  { return 0, nil }
func (withFunc) Cast(*lab, *banyan.Self) error         { return nil }
func (withMutex) Call(*lab, *banyan.Self) (int, error) { return 0, nil }
func (withFile) Cast(*lab, *banyan.Self) error         { return nil }

type replyChan struct{}

func (replyChan) Call(*lab, *banyan.Self) (withChan, error) { return withChan{}, nil }

func TestRefusedTypes(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		ctx := outside(n)
		_, a := spawnLab(t, n)
		call := func(err error, words ...string) {
			t.Helper()
			errorIs(t, err, banyan.ErrNotDelivered)
			for _, w := range words {
				if !contains(err, w) {
					t.Errorf("%q does not name %s", fmt.Sprint(err), w)
				}
			}
		}
		_, err := banyan.Call(ctx, a, withChan{})
		call(err, "withChan", "Deep", "C", "chan int")
		call(banyan.Cast(ctx, a, withFunc{}), "withFunc", "F", "func()")
		_, err = banyan.Call(ctx, a, withMutex{})
		call(err, "withMutex", "M", "sync.Mutex")
		call(banyan.Cast(ctx, a, withFile{}), "withFile", "F", "open file")
		_, err = banyan.Call(ctx, a, replyChan{})
		call(err, "withChan", "C", "chan int")
		call(banyan.Send(ctx, a.PID(), make(chan int)), "chan int")
		call(banyan.Send(ctx, a.PID(), withChan{}), "withChan", "C")
		for r := range banyan.CallAll(ctx, banyan.Refs(a), withChan{}) {
			call(r.Err, "withChan", "C")
		}
		// Refused at run time, inside an interface: on the way there, and on the way back.
		_, err = banyan.Call(ctx, a, keep{func() {}})
		call(err, "func()")
		_, err = banyan.Call(ctx, a, returnsBad{})
		if !contains(err, "chan int") {
			t.Errorf("got %v", err)
		}
		if got := n.Stats().Processes; got != 1 {
			t.Errorf("%d processes", got)
		}
	})
}

type returnsBad struct{}

func (returnsBad) Call(*lab, *banyan.Self) (any, error) { return []any{1, make(chan int)}, nil }

// panicky cannot be copied: its Clone panics.
type panicky struct{ p *int }

func (panicky) Clone() panicky { panic("cannot be cloned") }

type returnsPanicky struct{}

func (returnsPanicky) Call(*lab, *banyan.Self) (panicky, error) { return panicky{new(int)}, nil }

// A reply whose Clone panics is a crash in the call: the caller hears of it at once.
func TestReplyWhoseCloneMethodPanics(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n)
		start := time.Now()
		_, err := banyan.Call(outside(n), a, returnsPanicky{})
		if err == nil || errors.Is(err, banyan.ErrTimeout) || time.Since(start) > 0 {
			t.Fatalf("got %v after %v", err, time.Since(start))
		}
	})
}

// A nil message is the sender's mistake. It must not cost the server its life.
func TestNilMessageIsTheSendersError(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		k := &keeper{when: make(chan struct{})}
		ref, _ := banyan.SpawnState(n, k)
		close(k.when)
		var q banyan.Query[*keeper, int]
		var p *give
		if _, err := banyan.Call(outside(n), ref, q); !errors.Is(err, banyan.ErrNotDelivered) {
			t.Errorf("nil interface, call: %v", err)
		}
		if err := banyan.Cast(outside(n), ref, banyan.Note[*keeper](nil)); !errors.Is(err, banyan.ErrNotDelivered) {
			t.Errorf("nil interface, cast: %v", err)
		}
		if _, err := banyan.Call(outside(n), ref, p); !errors.Is(err, banyan.ErrNotDelivered) {
			t.Errorf("nil pointer, call: %v", err)
		}
		if err := banyan.Cast(outside(n), ref, p); !errors.Is(err, banyan.ErrNotDelivered) {
			t.Errorf("nil pointer, cast: %v", err)
		}
		synctest.Wait()
		alive(t, n, ref.PID())
	})
}
