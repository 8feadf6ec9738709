// SPDX-License-Identifier: Apache-2.0

package ets_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/banyantest"
	"github.com/banyan-go/banyan/ets"
)

// TestInspector reads another node's tables without their types.
func TestInspector(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := banyantest.Cluster(t, banyantest.Nodes("a@sim", "b@sim"))
		a, b := c.Node("a@sim"), c.Node("b@sim")
		c.Connect()
		ctx, cancel := context.WithTimeout(a.Context(t.Context()), time.Minute)
		defer cancel()
		i := done[ets.Inspector](t)(ets.Inspect(ctx, "b@sim"))
		if list, err := i.Tables(ctx); err != nil || len(list) != 0 {
			t.Error("a node that never had a table has", list, err)
		}
		if err := i.Rows(ctx, "words", ets.Window{}, nil); !errors.Is(err, ets.ErrNoTable) {
			t.Error(err)
		}
		words := done[*ets.OrderedSet[string, price]](t)(ets.NewOrderedSet[string, price](b, "words"))
		for k := range 1000 {
			_ = words.Insert(fmt.Sprintf("w%03d", k), price{k, []string{"n"}})
		}
		rows := func(table banyan.Atom, w ets.Window) (list []string) {
			t.Helper()
			if err := i.Rows(ctx, table, w, func(r ets.RowText) bool {
				list = append(list, fmt.Sprintf("%s=%s %v", r.Key, r.Value, r.Cut))
				return true
			}); err != nil {
				t.Error(err)
			}
			return list
		}
		if all := rows("words", ets.Window{}); len(all) != 1000 || !slices.IsSorted(all) || all[7] != `"w007"={"Cents":7,"Notes":["n"]} false` {
			t.Error(len(all), all[:min(8, len(all))])
		}
		if some := rows("words", ets.Window{From: "w500", Before: `"w502"`, Bytes: 10}); !slices.Equal(some, []string{`"w500"="{\"Cents\":5..." true`, `"w501"="{\"Cents\":5..." true`}) {
			t.Error(some)
		}
		bag := done[*ets.DuplicateBag[int, string]](t)(ets.NewDuplicateBag[int, string](b, "bag"))
		for k := range 600 { // more than a page holds
			_ = bag.Insert(1, fmt.Sprint(k))
		}
		if all := rows("bag", ets.Window{}); len(all) != 600 || all[599] != `1="599" false` {
			t.Error(len(all))
		}
		if err := i.Rows(ctx, "bag", ets.Window{From: "1"}, nil); !errors.Is(err, ets.ErrBounds) {
			t.Error(err)
		}
		nums := done[*ets.OrderedSet[int, hidden]](t)(ets.NewOrderedSet[int, hidden](b, "nums", ets.With(ets.Public)))
		_ = nums.Insert(1, hidden{5})
		if all := rows("nums", ets.Window{}); !slices.Equal(all, []string{`1="{n:5}" false`}) {
			t.Error(all)
		}
		if err := i.Rows(ctx, "nums", ets.Window{Before: "x"}, nil); !errors.Is(err, ets.ErrBounds) || !strings.Contains(err.Error(), "int") {
			t.Error(err)
		}
		done[*ets.Set[int, int]](t)(ets.NewSet[int, int](b, "mine", ets.With(ets.Private)))
		if err := i.Rows(ctx, "mine", ets.Window{}, nil); !errors.Is(err, ets.ErrAccess) {
			t.Error(err)
		}
		list, err := i.Tables(ctx)
		slices.SortFunc(list, func(a, b ets.Stats) int { return strings.Compare(string(a.Name), string(b.Name)) })
		if err != nil || len(list) != 4 || list[3].Rows != 1000 || list[3].Kind != "ordered_set" || list[1].Access != ets.Private {
			t.Error(list, err)
		}
		seen := 0
		if err := i.Rows(ctx, "words", ets.Window{}, func(ets.RowText) bool {
			if seen++; seen == 10 { // in the middle of it
				_ = words.Drop()
			}
			return true
		}); !errors.Is(err, ets.ErrNoTable) {
			t.Error(seen, err)
		}
	})
}

// TestInspectorEnds is about what a client leaves behind that never comes back.
func TestInspectorEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := banyantest.Cluster(t, banyantest.Nodes("a@sim"))
		a := c.Node("a@sim")
		ctx := a.Context(t.Context())
		i := done[ets.Inspector](t)(ets.Inspect(ctx, ""))
		for range 6 {
			<-time.After(25 * time.Second)
			if _, err := i.Tables(ctx); err != nil {
				t.Fatal(err)
			}
		}
		<-time.After(2 * time.Minute)
		if _, err := i.Tables(ctx); !errors.Is(err, banyan.ErrNoProcess) {
			t.Error(err)
		}
		j := done[ets.Inspector](t)(ets.Inspect(ctx, ""))
		j.Close(ctx)
		if _, err := j.Tables(ctx); err == nil {
			t.Error("a closed one answers")
		}
	})
}

type hidden struct{ n int }

func done[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
