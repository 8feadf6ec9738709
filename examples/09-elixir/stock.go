// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
	"github.com/banyan-go/banyan/rpc"
	"github.com/banyan-go/banyan/supervisor"
)

// Stock is the server that Elixir calls. Nothing in it knows that its callers may be written in Elixir.
type Stock struct{ left map[string]int }

// NewStock has some tea and some cake.
func NewStock(context.Context, *banyan.Self) (*Stock, error) {
	return &Stock{map[string]int{"tea": 10, "cake": 1}}, nil
}

// Take is {:take, item, count}.
type Take struct {
	Item  string
	Count int
}

// Call takes away what is asked for.
func (m Take) Call(s *Stock, _ *banyan.Self) (int, error) {
	if s.left[m.Item] < m.Count {
		return 0, ErrSoldOut
	}
	s.left[m.Item] -= m.Count
	return s.left[m.Item], nil
}

// ErrSoldOut is {:error, :sold_out}.
var ErrSoldOut = errors.New("sold out")

// Refill is {:refill, item, count}, a cast.
type Refill struct {
	Item  string
	Count int
}

// Cast fills up.
func (m Refill) Cast(s *Stock, _ *banyan.Self) error {
	s.left[m.Item] += m.Count
	return nil
}

// Left is :left.
type Left struct{}

// Call gives a map with binaries as keys: the runtime copies it, so the server may go on with its own.
func (Left) Call(s *Stock, _ *banyan.Self) (map[string]int, error) { return s.left, nil }

// Order is %Shop.Order{}. Fields are found by name, so either side may have more of them than the other.
type Order struct {
	Item  string
	Count int
	At    time.Time // a %DateTime{}
	Gift  bool
	Notes Notes `etf:",keyword"`
}

// Notes is a keyword list: [ribbon: :red, hurry: true].
type Notes struct {
	Ribbon string `etf:",atom"`
	Hurry  bool
}

// Receipt is %Shop.Receipt{}.
type Receipt struct {
	Item   string
	Cents  int
	Due    *time.Time // nil or a %DateTime{}
	Status etf.Atom
}

// Call sells.
func (m Order) Call(s *Stock, self *banyan.Self) (Receipt, error) {
	if _, err := (Take{m.Item, m.Count}).Call(s, self); err != nil {
		return Receipt{}, err
	}
	due := m.At.AddDate(0, 0, 14)
	if m.Notes.Hurry {
		due = m.At.AddDate(0, 0, 1)
	}
	return Receipt{m.Item, cents(m.Item) * m.Count, &due, "open"}, nil
}

// Find is {:find, [at_least: n]}.
type Find struct {
	Options FindOptions `etf:",keyword"`
}

// FindOptions are what may be asked for.
type FindOptions struct{ AtLeast, AtMost int }

// Call gives the names of what it finds, a list.
func (m Find) Call(s *Stock, _ *banyan.Self) ([]string, error) {
	var found []string
	for item, n := range s.left {
		if n >= m.Options.AtLeast && (m.Options.AtMost == 0 || n <= m.Options.AtMost) {
			found = append(found, item)
		}
	}
	slices.Sort(found)
	return found, nil
}

// CountSlowly is {:count_slowly, ms}.
type CountSlowly struct {
	For time.Duration `etf:",ms"`
}

// Call answers later, so that others are served meanwhile: GenServer's {:noreply, state} and GenServer.reply.
func (m CountSlowly) Call(s *Stock, self *banyan.Self) (int, error) {
	later, n := banyan.Defer[int](self), len(s.left)
	self.Go(func(ctx context.Context) error {
		select {
		case <-time.After(m.For):
			_ = later.Reply(n) // who has given up does not want it
		case <-ctx.Done():
		}
		return nil
	})
	return 0, nil
}

// Drop is :drop.
type Drop struct{}

// Call is clumsy.
func (Drop) Call(*Stock, *banyan.Self) (etf.Atom, error) { panic("oops, the tea") }

// PriceOptions are [count: n].
type PriceOptions struct {
	Count int `etf:",required"`
}

// What Erlang and Elixir call these things. Registration is once for a program.
func init() {
	banyan.RegisterCall[Take]("take")
	banyan.RegisterCast[Refill]("refill")
	banyan.RegisterCall[Left]("left")
	banyan.RegisterCall[Order]("%Shop.Order")
	banyan.RegisterType[Receipt]("%Shop.Receipt")
	banyan.RegisterCall[Find]("find")
	banyan.RegisterCall[CountSlowly]("count_slowly")
	banyan.RegisterCall[Drop]("drop")
	banyan.RegisterType[PriceOptions]("[]")
	banyan.RegisterError("sold_out", ErrSoldOut)
}

func cents(item string) int { return map[string]int{"tea": 250, "cake": 400}[item] }

// serve starts the stock under a supervisor, and lets other nodes call a function.
func serve(n *banyan.Node) error {
	tree := supervisor.New("shop", supervisor.OneForOne,
		supervisor.Worker("stock", NewStock, supervisor.With(banyan.Name("stock"))))
	if _, err := tree.Start(n); err != nil {
		return err
	}
	srv, err := rpc.Start(n,
		// :shop.price(item, count: n). As a function of Elixir's module Shop it would be in "Elixir.Shop".
		rpc.Func2("shop", "price", func(_ context.Context, item string, o PriceOptions) (int, error) {
			return cents(item) * o.Count, nil
		}),
	)
	if err != nil {
		return err
	}
	return rpc.RegisterErlang(srv) // what operators ask: :erlang.whereis(:stock), :erlang.memory(), ...
}
