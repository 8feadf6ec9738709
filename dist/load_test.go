// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// A call that asks for the load is one with another first atom, and its reply has two elements more.
func TestLoadOnTheWire(t *testing.T) {
	ta, _, a, b, ab, ba := connected(t, newMemory(), nil)
	pa, pb, tag := a.pid(7), b.pid(8), a.ref(5)
	ask := banyan.Body{Kind: banyan.BodyCall, From: pa, Tag: tag, Value: etf.Atom("q"), Asks: true}
	if err := ab.Send(&banyan.Signal{Op: banyan.OpSend, From: pa, To: pb, Body: ask}); err != nil {
		t.Fatal(err)
	}
	if got := b.next(t, "signal").signal.Body; !reflect.DeepEqual(got, ask) {
		t.Errorf("call: %+v", got)
	}
	send := func(s *banyan.Signal) event {
		t.Helper()
		a.mu.Lock()
		a.pending[tag] = reflect.TypeFor[int]()
		a.mu.Unlock()
		if err := ba.Send(s); err != nil {
			t.Fatal(err)
		}
		return a.next(t, "complete")
	}
	for _, load := range []banyan.Load{{Known: true}, {Known: true, Backlog: 100_000, Service: 1 << 40}} {
		reply := func(v any, err error) event {
			return send(&banyan.Signal{Op: banyan.OpSendAlias, From: pb, Ref: tag, Body: banyan.Body{Kind: banyan.BodyReply, Tag: tag, Value: v, Err: err, Load: load}})
		}
		if e := reply(42, nil); e.err != nil || *e.value.(*int) != 42 || e.load != load {
			t.Errorf("%+v", e)
		}
		if e := reply(nil, fmt.Errorf("shelf: %w", banyan.ErrMailboxFull)); !errors.Is(e.err, banyan.ErrMailboxFull) || e.load != load {
			t.Errorf("%+v", e)
		}
		if e := reply("no number", nil); e.err == nil || e.load != load {
			t.Errorf("%+v", e)
		}
	}
	alias := etf.ImproperList{Elems: []any{etf.Atom("alias")}, Tail: tag}
	for _, odd := range [][2]any{{etf.Atom("x"), 1}, {1, etf.Atom("x")}, {-1, 1}, {1, -1}, {1 << 40, 1}, {"x", etf.Tuple{}}} {
		if e := send(text(pb, pa, etf.Tuple{alias, 42, odd[0], odd[1]})); e.err != nil || *e.value.(*int) != 42 || e.load.Known {
			t.Errorf("%v: %+v", odd, e)
		}
	}
	// Nobody waits any more, and what only looks like such a reply.
	if err := ba.Send(&banyan.Signal{Op: banyan.OpSend, From: pb, To: pa, Body: banyan.Body{Kind: banyan.BodyReply, Tag: tag, Value: 1, Load: banyan.Load{Known: true}}}); err != nil {
		t.Fatal(err)
	}
	for _, other := range []any{etf.Tuple{tag, 1, 2, 3}, etf.Tuple{alias, 1, 2}, etf.Tuple{etf.Atom("$banyan_call"), 1, 2}} {
		if err := ba.Send(text(pb, pa, other)); err != nil {
			t.Fatal(err)
		}
		if e := a.next(t, "signal"); !etf.Equal(e.signal.Body.Value, other) {
			t.Errorf("%v became %+v", other, e)
		}
	}
	if st := ta.Stats(); st.Late != 1 || st.Undecodable != 2 || st.Links != 1 {
		t.Errorf("%+v", st)
	}
}

// one is a Via with one target.
type one[S any] struct {
	to   banyan.Dest[S]
	ref  banyan.Ref[S]
	load banyan.Load
}

func (o *one[S]) Resolve(ctx context.Context) (banyan.Ref[S], error) { return o.to.Resolve(ctx) }

func (o *one[S]) Try(ctx context.Context, a banyan.Attempt) (_ banyan.Trial[S], err error) {
	if len(a.Tried) > 0 {
		return nil, errors.New("tried")
	}
	o.ref, err = o.to.Resolve(ctx)
	return trialOf[S]{o}, err
}

type trialOf[S any] struct{ *one[S] }

func (o trialOf[S]) Target() banyan.Ref[S]           { return o.ref }
func (o trialOf[S]) Hedge() (d time.Duration)        { return 0 }
func (o trialOf[S]) End(err error, load banyan.Load) { o.load = load }

// Banyan nodes ask each other; Erlang's processes are asked as they know it.
func TestLoadOfOtherNodes(t *testing.T) {
	m := newMemory()
	na, _ := startNode(t, "na@h", Config{Cookie: "c", Network: m, Names: m})
	nb, _ := startNode(t, "nb@h", Config{Cookie: "c", Network: m, Names: m})
	if _, err := banyan.Spawn(nb, newShop, banyan.Name("shop")); err != nil {
		t.Fatal(err)
	}
	process(t, na, func(self *banyan.Self) error {
		via := &one[*shop]{to: banyan.At[*shop]("shop", "nb@h")}
		for !via.load.Known { // until the nodes have greeted each other
			if _, err := banyan.Call(self, via, echoText{"x"}); err != nil {
				return err
			}
		}
		if left, err := banyan.Call(self, via, takeTea{"tea", 1}); left != 9 || err != nil {
			return fmt.Errorf("%d left, %w", left, err)
		}
		if !via.load.Known || via.load.Backlog != 0 || via.load.Service <= 0 {
			t.Errorf("%+v", via.load)
		}
		if _, err := banyan.Call(self, via, takeTea{"tea", 100}); !errors.Is(err, errOut) || !via.load.Known {
			t.Errorf("%v, %+v", err, via.load)
		}
		return nil
	})
}
