// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/banyan-go/banyan/banyantest"
)

func TestShop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := banyantest.Cluster(t, banyantest.Nodes("till@sim", "customer@sim"))
		if err := serve(c.Node("till@sim")); err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		if err := shop(t.Context(), &out, c.Node("customer@sim"), "till@sim"); err != nil {
			t.Fatal(err)
		}
		want := `{ok,750}
coffee: true
three: rpc call till@sim (till:price/2): error: badarg in till:price/2: argument 2: want int, got <<"three">>
os:cmd: rpc call till@sim (os:cmd/1): error: undef in os:cmd/1
customer@sim: rpc call customer@sim (till:name/0): the node serves no rpc: call rpc.Start there
till@sim, at your service
a word there has 8 bytes; <nil>
`
		if out.String() != want {
			t.Errorf("got\n%swant\n%s", out.String(), want)
		}
	})
}
