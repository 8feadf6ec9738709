// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/banyan-go/banyan/internal/erltest"
	"github.com/banyan-go/banyan/internal/needs"
)

// What the chapter prints, with a real Elixir node.
const want = `== Elixir calls Go
Node.connect -> true
take 2 tea -> 8
what is left -> %{"cake" => 4, "tea" => 8}
an order -> %Shop.Receipt{item: "tea", cents: 750, due: ~U[2024-03-01 12:30:00Z], status: :open}
find -> ["tea"]
take 99 tea -> {:error, :sold_out}
take two tea -> {:error, {:"banyan.not_understood", "message not understood: etf: main.Take.Count: want integer, got atom two"}}
what is this -> {:error, :"banyan.undelivered.not_understood"}
count slowly -> :timeout
drop -> {:panic, "oops, the tea"}
monitor -> {:DOWN, "oops, the tea"}
back again, with -> %{"cake" => 1, "tea" => 10}
:erpc.call -> 500
:rpc.call of another -> {:badrpc, {:EXIT, {:undef, [{:os, :cmd, ['id'], []}]}}}
:erpc.multicall -> [ok: :"go@127.0.0.1", ok: :"till@127.0.0.1"]
the till is open
== Go calls Elixir
pay: {Item:tea Cents:750 Due:<nil> Status:paid}
total: {Cents:750}
rate of the euro: {Cents:100}
rate of the thaler: error: no_such_currency
report: {Total:750 Currency:eur Tips:map[Joe:50]}
a reply of another type: error: the reply cannot be decoded: etf: []string: want list, got a tuple of 2
think: timed out: true
ring: the same reference came back: true
String.upcase: GRÜSSE <nil>
String.to_integer: rpc call till@127.0.0.1 (Elixir.String:to_integer/1): error: badarg in erlang:binary_to_integer/1
the till has closed: closing_time true
nobody is there any more: true
the Go node has gone
`

func TestTour(t *testing.T) {
	needs.Elixir(t)
	port := erltest.FreePort(t)
	// The Go node is the port mapper here; the Elixir node could start one of its own only if that had gone.
	t.Cleanup(func() { _ = exec.Command("epmd", "-port", strconv.Itoa(port), "-kill").Run() })
	n, err := start(port)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Stop(context.Background())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var out strings.Builder
	if err := tour(ctx, &out, n, port); err != nil {
		t.Error(err)
	}
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

// Without Elixir the chapter says what is missing.
func TestWithoutElixir(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, _, err := startElixir(t.Context(), t.TempDir(), 0)
	if err == nil || !strings.Contains(err.Error(), "https://elixir-lang.org/install.html") {
		t.Error(err)
	}
}
