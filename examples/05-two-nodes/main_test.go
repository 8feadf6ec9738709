// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/banyantest"
)

const one, two = "one@sim", "two@sim"

func TestVisit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := banyantest.Cluster(t, banyantest.Nodes(one, two), banyantest.Latency(time.Millisecond, 50*time.Millisecond))
		if err := serve(c.Node(one)); err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		if err := visit(t.Context(), &out, c.Node(two), one); err != nil {
			t.Fatal(err)
		}
		want := "hello Joe, you are number 1 at one@sim\n" +
			"hello Robert, you are number 2 at one@sim\n" +
			"hello Mike, you are number 3 at one@sim\n" +
			"error: nobody is there to greet\n"
		if out.String() != want {
			t.Fatalf("got\n%swant\n%s", out.String(), want)
		}
	})
}

func TestVisitWhenThePlugIsPulled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := banyantest.Cluster(t, banyantest.Nodes(one, two))
		c.Connect()
		c.Partition(one, two)
		var out strings.Builder
		if err := visit(t.Context(), &out, c.Node(two), one); !errors.Is(err, banyan.ErrTimeout) {
			t.Fatal(err)
		}
		c.Kill(one)
		c.HealAll()
		if err := visit(t.Context(), &out, c.Node(two), one); !errors.Is(err, banyan.ErrNoConnection) {
			t.Fatal(err)
		}
	})
}
