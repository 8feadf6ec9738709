// SPDX-License-Identifier: Apache-2.0

package client_test

import (
	"context"
	"os/exec"
	"strings"
	"testing"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/internal/compiletest/client"
	"github.com/banyan-go/banyan/internal/compiletest/shop"
	"github.com/banyan-go/banyan/internal/compiletest/shopapi"
)

// fake stands behind the same messages in a test of the client.
type fake struct{ calls []string }

func (f *fake) Take(sku string, _ int) (int, error) {
	f.calls = append(f.calls, "take "+sku)
	if sku == "salt" {
		return 0, shopapi.ErrOut
	}
	return 1, nil
}

func (f *fake) Refill(sku string, _ int) { f.calls = append(f.calls, "refill "+sku) }

func start(t *testing.T) (*banyan.Node, context.Context) {
	t.Helper()
	n, err := banyan.Start("shop@127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return n, n.Context(t.Context())
}

func TestClientWithAFake(t *testing.T) {
	n, ctx := start(t)
	f := &fake{}
	ref, err := banyan.Spawn(n, func(context.Context, *banyan.Self) (shopapi.API, error) { return f, nil })
	if err != nil {
		t.Fatal(err)
	}
	got, err := client.Restock(ctx, ref, "tea", "salt", "oil")
	if got != 1 || err != nil {
		t.Fatalf("got %d, %v", got, err)
	}
	if _, err := banyan.Call(ctx, ref, shopapi.Take{SKU: "end"}); err != nil { // all casts are handled by then
		t.Fatal(err)
	}
	if s := strings.Join(f.calls, ", "); s != "take tea, take salt, refill salt, take oil, take end" {
		t.Errorf("the fake saw %s", s)
	}
}

func TestClientWithTheShop(t *testing.T) {
	n, ctx := start(t)
	ref, err := banyan.Spawn(n, shop.NewAPI, banyan.Name("shop"))
	if err != nil {
		t.Fatal(err)
	}
	for _, to := range []banyan.Dest[shopapi.API]{ref, banyan.At[shopapi.API]("shop", "")} {
		if got, err := client.Restock(ctx, to, "tea", "salt"); err != nil || got > 1 {
			t.Fatalf("got %d, %v", got, err)
		}
	}
}

// A server that was started as a pointer is known to clients by its interface: by name, and by RefOf.
func TestPointerServerBehindTheInterface(t *testing.T) {
	n, ctx := start(t)
	ref, err := banyan.Spawn(n, shop.New, banyan.Name("stock"))
	if err != nil {
		t.Fatal(err)
	}
	left, err := banyan.Call(ctx, banyan.At[shopapi.API]("stock", ""), shopapi.Take{SKU: "tea", N: 1})
	if left != 2 || err != nil {
		t.Fatalf("got %d, %v", left, err)
	}
	api, err := banyan.RefOf[shopapi.API](n, ref.PID())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := client.Restock(ctx, api, "salt"); got != 1 || err != nil {
		t.Fatalf("got %d, %v", got, err)
	}
	if sum, err := banyan.Call(ctx, ref, shop.Total{}); sum != 12 || err != nil {
		t.Fatalf("got %d, %v", sum, err)
	}
}

// The client does not import the server's package.
func TestClientImportsTheAPIOnly(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if strings.Contains(string(out), "compiletest/shop\n") || !strings.Contains(string(out), "compiletest/shopapi\n") {
		t.Errorf("the client needs:\n%s", out)
	}
}
