// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// report is data with errors in it.
type report struct {
	Title  string
	When   time.Time
	Cause  error
	Others []error
	Extra  any
	Local  string `etf:"-"`
}

// file gives a report to a desk and gets it back. Its field that does not travel must not disturb finding its handler.
type file struct {
	Report report
	Local  int `etf:"-"`
}

type desk struct{}

func (m file) Call(*desk, *banyan.Self) (report, error) { return m.Report, nil }

// elixirFile is a message with the name of an Elixir struct.
type elixirFile struct{ N int }

func (m elixirFile) Call(*desk, *banyan.Self) (int, error) { return m.N + 1, nil }

var registerMapping = sync.OnceFunc(func() {
	banyan.RegisterType[report]()
	banyan.RegisterCall[file]("file")
	banyan.RegisterCall[elixirFile]("%My.File")
})

// Errors in fields keep their meaning between nodes, and registered structs their type, by Call and by Send.
func TestErrorsInFields(t *testing.T) {
	registerMapping()
	m := newMemory()
	na, _ := startNode(t, "na@h", Config{Cookie: "c", Network: m, Names: m})
	nb, _ := startNode(t, "nb@h", Config{Cookie: "c", Network: m, Names: m})
	ref, err := banyan.SpawnState(nb, &desk{})
	if err != nil {
		t.Fatal(err)
	}
	sent := report{Title: "tea", When: time.Unix(5, 123).UTC(), Cause: fmt.Errorf("shelf 3: %w", errOut), Others: []error{nil, errOut, errors.New("torn")},
		Extra: report{Title: "inner", Cause: banyan.ErrNoProcess}}
	check := func(got report) error {
		inner, ok := got.Extra.(report)
		if got.Title != "tea" || !got.When.Equal(sent.When) || !errors.Is(got.Cause, errOut) || got.Cause.Error() != sent.Cause.Error() || len(got.Others) != 3 || got.Others[0] != nil ||
			got.Others[1] != errOut || got.Others[2].Error() != "torn" || !ok || inner.Cause != banyan.ErrNoProcess {
			return fmt.Errorf("%+v became %+v", sent, got)
		}
		return nil
	}
	got, err := banyan.Call(na.Context(t.Context()), ref, file{Report: sent})
	if err == nil {
		err = check(got)
	}
	if err != nil {
		t.Error(err)
	}
	if n, err := banyan.Call(na.Context(t.Context()), ref, elixirFile{1}); n != 2 || err != nil {
		t.Error(n, err)
	}
	process(t, nb, func(self *banyan.Self) error {
		sender, err := banyan.Go(na, func(by *banyan.Self) error {
			if err := banyan.Send(by, self.PID(), sent); err != nil {
				return err
			}
			// One that says it is a report and does not fit arrives as the term.
			if err := banyan.Send(by, self.PID(), etf.Map{{Key: etf.Atom("__struct__"), Value: etf.Atom("dist.report")}, {Key: etf.Atom("title"), Value: 7}}); err != nil {
				return err
			}
			if err := banyan.Send(by, self.PID(), errOut); err != nil {
				return err
			}
			return banyan.Send(by, self.PID(), "a text")
		})
		if err != nil {
			return err
		}
		got, err := receive[report](self)
		if err != nil {
			return fmt.Errorf("from %v: %w", sender, err)
		}
		if err := check(got); err != nil {
			return err
		}
		odd, err := receive[etf.Map](self)
		if title, _ := odd.Get(etf.Atom("title")); err != nil || title != 7 {
			return fmt.Errorf("%v %v", odd, err)
		}
		failure, err := receive[etf.Tuple](self)
		if err != nil || !etf.Equal(failure, etf.Tuple{etf.Atom("error"), etf.Atom("shop.out")}) {
			return fmt.Errorf("%v %v", failure, err)
		}
		var back error
		if err := etf.FromTerm(failure, &back, self.Node()); err != nil || back != errOut {
			return fmt.Errorf("%v %v", back, err)
		}
		text, err := receive[[]byte](self)
		if err != nil || string(text) != "a text" {
			return fmt.Errorf("%v %v", text, err)
		}
		return nil
	})
	if reflect.TypeOf(sent).NumField() != 6 {
		t.Error("the test does not know all fields")
	}
}

// What Go cannot use goes back as it came: funs can still be called, and every term is the same to the byte.
func TestOpaqueTermsEcho(t *testing.T) {
	port := freePort(t)
	n, _ := startNode(t, "goecho@127.0.0.1", Config{Cookie: "monster", Names: &EPMD{Port: port, Retry: 50 * time.Millisecond}})
	e := startErlang(t, "erecho", port, "monster")
	if _, err := banyan.Go(n, func(self *banyan.Self) error {
		for {
			m, err := receive[etf.Tuple](self)
			if err != nil {
				return err
			}
			if err := banyan.Send(self, m[0].(banyan.PID), etf.Tuple{etf.Atom("back"), m[1]}); err != nil {
				return err
			}
		}
	}, banyan.Name("mirror")); err != nil {
		t.Fatal(err)
	}
	const echo = `L = fun(T) -> {mirror, 'goecho@127.0.0.1'} ! {self(), T}, receive {back, R} -> true = term_to_binary(R) =:= term_to_binary(T), R after 9000 -> timeout end end, `
	for _, step := range []struct{ expr, want string }{
		{"net_adm:ping('goecho@127.0.0.1')", "pong"},
		{"F = banyan_peer:adder(3), G = L(F), {G =:= F, G(4)}", `{true,{7,#{list => [1,2.5,"text"],n => 3}}}`},
		{"Y = 40, F = fun(X) -> X + Y end, (L(F))(2)", "42"}, // of the interpreter: it closes over its own code
		{"[_, {in, F}] = L([1, {in, fun banyan_peer:adder/1}]), (F(1))(1)", `{2,#{list => [1,2.5,"text"],n => 1}}`},
		{"(L(fun lists:sum/1))([1, 2])", "3"},
		{"P = hd(erlang:ports()), L(P) =:= P", "true"},
		{"R = make_ref(), A = alias(), L([R, A, self()]) =:= [R, A, self()]", "true"},
		{"B = <<5:3>>, L({B, <<1, B/bits>>, [a | b], [1, 2 | 3], 1 bsl 3000, -(1 bsl 64), -0.0, <<>>, \"\", {}, #{}}) =/= timeout", "true"},
		{"M = maps:from_list([{{K, [K]}, #{K => 1.5}} || K <- lists:seq(1, 100)]), L(M) =:= M", "true"},
		{"L(#{'__struct__' => 'Elixir.Nobody', a => 'atom with spaces'})", "#{'__struct__' => 'Elixir.Nobody',a => 'atom with spaces'}"},
		{"L([binary_to_atom(<<206, 187>>), binary_to_atom(binary:copy(<<206, 187>>, 255))]) =/= timeout", "true"},
		{"L(lists:seq(1, 300) ++ lists:seq(1, 3)) =:= lists:seq(1, 300) ++ [1, 2, 3]", "true"},
	} {
		expr := step.expr
		if step.want != "pong" {
			expr = echo + expr
		}
		if got := e.eval(t, expr); got != step.want {
			t.Errorf("%s\n got %s\nwant %s", step.expr, got, step.want)
		}
	}
}
