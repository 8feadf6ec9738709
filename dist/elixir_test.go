// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
)

type basket struct{ n int }

// addFruit is a call that an Elixir node makes as GenServer.call(pid, {:add, 2}).
type addFruit struct{ N int }

func (m addFruit) Call(b *basket, _ *banyan.Self) (int, error) {
	if m.N < 0 {
		return 0, errors.New("a negative number of fruit")
	}
	b.n += m.N
	return b.n, nil
}

// fruitOrder is Elixir's %Shop.Order{}.
type fruitOrder struct {
	Fruit    string
	At       time.Time
	Notes    fruitNotes `etf:",keyword"`
	Charlist string     `etf:",charlist"`
	Price    *int
	Kind     string `etf:",atom"`
}

type fruitNotes struct {
	Fresh bool
	Size  int
}

func (m fruitOrder) Call(*basket, *banyan.Self) (fruitOrder, error) { return m, nil }

// An Elixir node pings a Banyan node, calls its server by name, sees its errors, and monitors it.
func TestElixir(t *testing.T) {
	needErlang(t)
	if _, err := exec.LookPath("elixir"); err != nil {
		if os.Getenv("BANYAN_REQUIRE") == "all" {
			t.Fatal("BANYAN_REQUIRE=all, but there is no elixir:", err)
		}
		t.Skip("SKIPPED: no elixir on this machine, so NOTHING was tried with a real Elixir node")
	}
	banyan.RegisterCall[addFruit]("add")
	banyan.RegisterCall[fruitOrder]("%Shop.Order")
	port := freePort(t)
	n, err := banyan.Start("go_elixir@127.0.0.1", banyan.WithLogger(slog.New(slog.DiscardHandler)),
		banyan.WithTransport(New(Config{Cookie: "elixirelixirelixirelixir", Names: &EPMD{Port: port}})))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = n.Stop(context.Background()) }()
	ref, err := banyan.SpawnState(n, &basket{}, banyan.Name("basket"))
	if err != nil {
		t.Fatal(err)
	}
	script := `
		go = :"go_elixir@127.0.0.1"
		:pong = Node.ping(go)
		2 = GenServer.call({:basket, go}, {:add, 2})
		5 = GenServer.call({:basket, go}, {:add, 3})
		{:error, _} = GenServer.call({:basket, go}, {:add, -1})
		order = %{__struct__: Shop.Order, fruit: "pear", at: ~U[2024-02-29 12:30:45.123456Z], notes: [fresh: true, size: 3], charlist: 'ripe', price: nil, kind: :big, new_in_elixir: {1}}
		^order = GenServer.call({:basket, go}, order) |> Map.put(:new_in_elixir, {1})
		{:error, text} = GenServer.call({:basket, go}, %{order | notes: [size: "big"]})
		IO.puts(inspect(text))
		{:at, pid} = GenServer.call({:teller, go}, :where)
		ref = Process.monitor(pid)
		send(pid, :stop)
		receive do
			{:DOWN, ^ref, :process, ^pid, reason} -> IO.puts("down #{inspect(reason)}")
		after 5000 -> IO.puts("no DOWN") end
		:pong = Node.ping(go)
		IO.puts("all well")
	`
	banyan.RegisterCall[where]("where")
	banyan.RegisterType[whereabouts]("at")
	if _, err := banyan.SpawnState(n, &teller{}, banyan.Name("teller")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "elixir", "--name", "ex@127.0.0.1", "--cookie", "elixirelixirelixirelixir", "-e", script)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "ERL_EPMD_PORT="+strconv.Itoa(port), "ERL_EPMD_ADDRESS=127.0.0.1")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "all well") || !strings.Contains(string(out), "down :shutdown") ||
		!strings.Contains(string(out), "dist.fruitOrder.Notes.Size: want integer, got a binary of 3 bytes") {
		t.Fatalf("%v\n%s", err, out)
	}
	if got, err := banyan.Call(n.Context(ctx), ref, addFruit{0}); got != 5 || err != nil {
		t.Fatalf("the basket holds %d, %v", got, err)
	}
}

// teller says where a process is that stops when it is told to.
type teller struct{}

type where struct{}

// whereabouts is {at, Pid} on the wire.
type whereabouts struct{ PID banyan.PID }

func (where) Call(_ *teller, self *banyan.Self) (whereabouts, error) {
	pid, err := banyan.Go(self.Node(), func(p *banyan.Self) error {
		m, err := p.Receive(p)
		if err != nil {
			return err
		}
		if m != banyan.Atom("stop") {
			return fmt.Errorf("got %v", m)
		}
		return banyan.ErrShutdown
	})
	return whereabouts{pid}, err
}
