// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
	"github.com/banyan-go/banyan/rpc"
)

// Amount is {:ok, cents}: a record by its first element. {:error, reason} is an error, so a call that may give either needs
// no type for it.
type Amount struct{ Cents int }

// Rate is {:rate, currency}.
type Rate struct{ Currency etf.Atom }

// Tip is {:tip, from, cents}.
type Tip struct {
	From  string
	Cents int
}

// Report is a plain map, %{total: ..., currency: ..., tips: ...}.
type Report struct {
	Total    int
	Currency etf.Atom
	Tips     map[string]int
}

// Ring and Ding are plain messages, as send and handle_info have them.
type (
	Ring struct {
		From banyan.PID
		Ref  banyan.Reference
	}
	Ding struct{ Ref banyan.Reference }
)

func init() {
	banyan.RegisterType[Amount]("ok")
	banyan.RegisterType[Rate]("rate")
	banyan.RegisterType[Tip]("tip")
	banyan.RegisterType[Report]("#{}")
	banyan.RegisterType[Ring]("ring")
	banyan.RegisterType[Ding]("ding")
}

// ask calls a GenServer and prints what it answers. R is the type that the reply must have; one that does not fit is an error.
func ask[R any](self *banyan.Self, w io.Writer, till banyan.Dest[banyan.Foreign], what string, request any) {
	reply, err := banyan.Call(self, till, banyan.Ask[R]{Term: request})
	if err != nil {
		fmt.Fprintf(w, "%s: error: %v\n", what, err)
		return
	}
	fmt.Fprintf(w, "%s: %+v\n", what, reply)
}

// visit is what a Go process does with the Elixir node's Shop.Till.
func visit(self *banyan.Self, w io.Writer, elixir banyan.Atom) error {
	till := banyan.At[banyan.Foreign]("Elixir.Shop.Till", elixir) // {Shop.Till, elixir}
	closed := self.MonitorName("Elixir.Shop.Till", elixir)

	// Structs, atoms, tuples and maps become Go types; so do {:ok, v} and {:error, reason}.
	ask[Receipt](self, w, till, "pay", Receipt{Item: "tea", Cents: 750, Status: "open"})
	ask[Amount](self, w, till, "total", etf.Atom("total"))
	ask[Amount](self, w, till, "rate of the euro", Rate{"eur"})
	ask[Amount](self, w, till, "rate of the thaler", Rate{"thaler"})
	if err := banyan.Cast(self, till, banyan.Tell{Term: Tip{"Joe", 50}}); err != nil {
		return err
	}
	ask[Report](self, w, till, "report", etf.Tuple{etf.Atom("report"), etf.List{etf.Tuple{etf.Atom("tips"), etf.Atom("true")}}})
	ask[[]string](self, w, till, "a reply of another type", etf.Atom("total"))

	// A call's time-out is its context's.
	_, err := banyan.Call(banyan.Within(self, 50*time.Millisecond), till, banyan.Ask[any]{Term: etf.Tuple{etf.Atom("think"), 500}})
	fmt.Fprintln(w, "think: timed out:", errors.Is(err, banyan.ErrTimeout))

	// A plain message, and a selective receive of the answer.
	ring := Ring{self.PID(), self.Alias()}
	if err := banyan.SendName(self, "Elixir.Shop.Till", elixir, ring); err != nil {
		return err
	}
	m, err := self.Receive(banyan.Within(self, 5*time.Second), banyan.When(func(t etf.Tuple) bool { return t[0] == etf.Atom("ding") }))
	if err != nil {
		return err
	}
	var ding Ding
	if err := etf.FromTerm(m, &ding, nil); err != nil {
		return err
	}
	fmt.Fprintln(w, "ring: the same reference came back:", ding.Ref == ring.Ref)

	// Functions of Elixir's modules.
	loud, err := rpc.Call[string](self, elixir, "Elixir.String", "upcase", "grüße")
	fmt.Fprintln(w, "String.upcase:", loud, err)
	_, err = rpc.Call[int](self, elixir, "Elixir.String", "to_integer", "tea")
	fmt.Fprintln(w, "String.to_integer:", err)

	// The end of the GenServer, as a monitor sees it: its reason is an error.
	if err := banyan.Cast(self, till, banyan.Tell{Term: etf.Atom("close")}); err != nil {
		return err
	}
	m, err = self.Receive(banyan.Within(self, 5*time.Second), banyan.When(func(d banyan.Down) bool { return d.Monitor == closed }))
	if err != nil {
		return err
	}
	reason, orderly := banyan.ShutdownReason(m.(banyan.Down).Reason)
	fmt.Fprintln(w, "the till has closed:", reason, orderly)
	_, err = banyan.Call(self, till, banyan.Ask[Amount]{Term: etf.Atom("total")})
	fmt.Fprintln(w, "nobody is there any more:", errors.Is(err, banyan.ErrNoProcess))
	return nil
}
