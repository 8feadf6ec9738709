// SPDX-License-Identifier: Apache-2.0

package ets_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/banyantest"
	"github.com/banyan-go/banyan/ets"
)

type price struct {
	Cents int
	Notes []string
}

func init() {
	banyan.RegisterType[price]("price")
	ets.RegisterRemote[string, price]()
	ets.RegisterRemote[int, int]()
}

// TestRemote reads tables of another node by the same interface as one's own.
func TestRemote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := banyantest.Cluster(t, banyantest.Nodes("a@sim", "b@sim"))
		a, b := c.Node("a@sim"), c.Node("b@sim")
		prices, err := ets.NewSet[string, price](b, "prices")
		if err != nil {
			t.Fatal(err)
		}
		ints, err := ets.NewOrderedSet[int, int](b, "ints")
		if err != nil {
			t.Fatal(err)
		}
		for i := range 2000 {
			_ = prices.Insert(fmt.Sprint(i), price{i, []string{"n"}})
			_ = ints.Insert(i, -i)
		}
		for _, err := range []error{second(ets.Serve(b, prices.Reader)), second(ets.Serve(b, ints.Reader))} {
			if err != nil {
				t.Fatal(err)
			}
		}
		c.Connect()
		ctx, cancel := context.WithTimeout(a.Context(t.Context()), time.Minute)
		defer cancel()
		for _, src := range []ets.Source[string, price]{prices, ets.At[string, price]("prices", "b@sim")} {
			if v, err := src.Get(ctx, "7"); err != nil || v.Cents != 7 || v.Notes[0] != "n" {
				t.Error(v, err)
			}
			if _, err := src.Get(ctx, "none"); !errors.Is(err, ets.ErrNoRow) {
				t.Error(err)
			}
			if n, err := src.Size(ctx); n != 2000 || err != nil {
				t.Error(n, err)
			}
			seen := map[string]bool{}
			if err := src.Each(ctx, func(k string, v price) bool { seen[k] = fmt.Sprint(v.Cents) == k; return true }); err != nil || len(seen) != 2000 {
				t.Error(len(seen), err)
			}
		}
		for _, src := range []ets.OrderedSource[int, int]{ints, ets.At[int, int]("ints", "b@sim")} {
			next := 100
			if err := src.EachIn(ctx, ets.Between(100, 900), func(k, v int) bool {
				if k != next || v != -k {
					t.Error(k, v)
				}
				next++
				return true
			}); err != nil || next != 900 {
				t.Error(next, err)
			}
		}
		if err := ets.At[string, price]("prices", "b@sim").EachIn(ctx, ets.From("a"), func(string, price) bool { return true }); !errors.Is(err, ets.ErrTableType) {
			t.Error(err)
		}
		if _, err := ets.At[int, int]("nothing", "b@sim").Get(ctx, 1); !errors.Is(err, banyan.ErrNoProcess) {
			t.Error(err)
		}
		_ = ints.Drop()
		if _, err := ets.At[int, int]("ints", "b@sim").Size(ctx); !errors.Is(err, ets.ErrNoTable) {
			t.Error(err)
		}
	})
}

func second[T any](_ T, err error) error { return err }
