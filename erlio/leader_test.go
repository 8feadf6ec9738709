// SPDX-License-Identifier: Apache-2.0

package erlio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// page is what was printed.
type page struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (p *page) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.Write(b)
}

// take gives what was printed since the last time.
func (p *page) take() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.b.Reset()
	return p.b.String()
}

func startNode(t testing.TB, name string, opts ...banyan.Option) *banyan.Node {
	t.Helper()
	n, err := banyan.Start(name, append(opts, banyan.WithLogger(slog.New(slog.DiscardHandler)))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := n.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return n
}

func spawnLeader(t testing.TB, n *banyan.Node, cfg Config, opts ...banyan.SpawnOption) banyan.PID {
	t.Helper()
	ref, err := banyan.Spawn(n, New(cfg), opts...)
	if err != nil {
		t.Fatal(err)
	}
	return ref.PID()
}

func atom(s string) etf.Atom { return etf.Atom(s) }

func chars(s string) etf.List {
	l := etf.List{}
	for _, r := range s {
		l = append(l, int(r))
	}
	return l
}

// Each request of the protocol, its answer and what it prints.
func TestRequests(t *testing.T) {
	n := startNode(t, "io@h")
	out := new(page)
	in := "first line\nsecond: αβ\nthird\n\xff end"
	leader := spawnLeader(t, n, Config{Out: out, In: strings.NewReader(in), Columns: 100, MaxText: 1000, MaxLine: 20})
	u, l1 := atom("unicode"), atom("latin1")
	type tup = etf.Tuple
	put := atom("put_chars")
	ok := atom("ok")
	e := func(reason any) any { return tup{atom("error"), reason} }
	for _, c := range []struct {
		req, want any
		printed   string
	}{
		{tup{put, u, []byte("plain αβ\n")}, ok, "plain αβ\n"},
		{tup{put, u, etf.List{chars("de"), []byte("ep"), etf.List{10}}}, ok, "deep\n"},
		{tup{put, l1, []byte("\xe9")}, ok, "é"}, {tup{put, []byte("\xe9")}, ok, "é"}, {tup{put, l1, chars("α")}, e(put), ""}, {tup{put, u, []byte("\xe9")}, e(put), ""},
		{tup{put, u, atom("x")}, e(put), ""}, {tup{put, u, etf.List{0xD800}}, e(put), ""}, {tup{put, u, make([]byte, 1001)}, e(put), ""},
		{tup{put, u, atom("io_lib"), atom("format"), etf.List{chars("~p and ~s~n"), etf.List{tup{ok, 1}, chars("text")}}}, ok, "{ok,1} and text\n"},
		{tup{put, u, atom("io_lib"), atom("fwrite"), etf.List{[]byte("~w"), etf.List{chars("ab")}}}, ok, "[97,98]"},
		{tup{put, atom("io_lib"), atom("format"), etf.List{chars("~ts"), etf.List{chars("α")}}}, e(atom("format")), ""},
		{tup{put, u, atom("io_lib"), atom("format"), etf.List{chars("~p"), etf.List{}}}, e(atom("format")), ""},
		{tup{put, u, atom("io_lib"), atom("format"), etf.List{chars("~2000c"), etf.List{65}}}, e(atom("format")), ""},
		{tup{put, u, atom("io_lib"), atom("write"), etf.List{chars("a")}}, ok, "[97]"}, {tup{put, u, atom("io_lib"), atom("nl"), etf.List{}}, ok, "\n"},
		{tup{put, u, atom("os"), atom("cmd"), etf.List{chars("ls")}}, e(atom("cmd")), ""},
		{atom("nl"), ok, "\n"}, {atom("getopts"), etf.List{tup{atom("binary"), atom("false")}, tup{atom("encoding"), u}}, ""},
		{tup{atom("get_geometry"), atom("columns")}, 100, ""}, {tup{atom("get_geometry"), atom("rows")}, e(atom("enotsup")), ""}, {tup{atom("get_geometry"), atom("x")}, e(atom("request")), ""},
		{tup{atom("get_line"), u, []byte("p1> ")}, chars("first line\n"), "p1> "},
		{tup{atom("get_chars"), u, atom("p2"), 3}, chars("sec"), "p2"}, {tup{atom("get_chars"), u, tup{atom("format"), chars("~p> "), etf.List{7}}, 0}, chars(""), "7> "},
		{tup{atom("get_chars"), u, atom("p"), -1}, e(atom("einval")), ""}, {tup{atom("get_chars"), u, atom("p"), 21}, e(atom("einval")), ""},
		{tup{atom("setopts"), etf.List{atom("binary")}}, ok, ""}, {tup{atom("get_line"), u, tup{1}}, []byte("ond: αβ\n"), "{1}"},
		{tup{atom("setopts"), etf.List{tup{atom("binary"), atom("false")}, atom("echo")}}, e(atom("enotsup")), ""},
		{tup{atom("requests"), etf.List{tup{put, u, []byte("a")}, tup{atom("get_chars"), u, []byte("?"), 2}, tup{put, u, []byte("b")}}}, ok, "a?b"},
		{tup{atom("requests"), etf.List{tup{put, u, []byte("a")}, tup{put, u, atom("x")}, tup{put, u, []byte("b")}}}, e(put), "a"},
		{tup{atom("requests"), etf.List{}}, ok, ""}, {tup{atom("requests"), atom("x")}, e(atom("request")), ""},
		{tup{atom("get_line"), u, []byte("")}, []byte("ird\n"), ""}, {tup{atom("get_line"), u, []byte("")}, []byte("ÿ end"), ""}, {tup{atom("get_line"), u, []byte("more? ")}, atom("eof"), "more? "},
		{tup{atom("get_chars"), u, []byte(""), 1}, atom("eof"), ""},
		{tup{atom("get_until"), u, []byte(""), atom("io_lib"), atom("fread"), etf.List{}}, e(atom("enotsup")), ""}, {tup{atom("get_password"), u}, e(atom("enotsup")), ""},
		{tup{atom("setopts"), etf.List{tup{atom("encoding"), l1}, atom("list")}}, ok, ""}, {tup{put, u, []byte("é α")}, ok, "\xe9 \\x{3B1}"},
		{atom("whatever"), e(atom("request")), ""}, {1, e(atom("request")), ""}, {tup{}, e(atom("request")), ""}, {tup{put}, e(atom("request")), ""}, {tup{put, u, 1, 2}, e(atom("request")), ""},
	} {
		got, err := Request(n.Context(t.Context()), leader, c.req)
		var te *banyan.TermError
		if errors.As(err, &te) {
			got, err = e(te.Term), nil
		}
		if printed := out.take(); err != nil || !etf.Equal(got, c.want) || printed != c.printed {
			t.Errorf("%s\n got %s, printed %q (%v)\nwant %s, printed %q", etf.Format(c.req), etf.Format(got), printed, err, etf.Format(c.want), c.printed)
		}
	}
	v, err := banyan.Inspect(n.Context(t.Context()), leader)
	if err != nil || v.(map[banyan.Atom]any)["columns"] != 100 {
		t.Error(v, err)
	}
}

// Who reads does not keep others from printing, and more readers than may wait are refused.
func TestReadersWait(t *testing.T) {
	n := startNode(t, "io@h")
	out := new(page)
	r, w := io.Pipe()
	leader := spawnLeader(t, n, Config{Out: out, In: r, MaxWaiting: 2})
	ctx := n.Context(t.Context())
	type line struct {
		text string
		err  error
	}
	lines := make(chan line, 10)
	for range 10 {
		go func() {
			s, err := GetLine(ctx, leader, "")
			lines <- line{s, err}
		}()
	}
	isRefused := func(l line) bool {
		var te *banyan.TermError
		return errors.As(l.err, &te) && te.Term == atom("enomem")
	}
	for range 7 { // one is being served, two wait
		if l := <-lines; !isRefused(l) {
			t.Error(l.text, l.err)
		}
	}
	if err := PutChars(ctx, leader, "meanwhile"); err != nil || out.take() != "meanwhile" {
		t.Error(err)
	}
	go io.WriteString(w, "a line\n")
	more := 0 // refused besides, when they came the first one was still among those who wait
	l := <-lines
	if isRefused(l) {
		more++
		l = <-lines
	}
	if l.err != nil || l.text != "a line\n" {
		t.Error(l.text, l.err)
	}
	// The end of the leader ends those who wait, and its reader.
	if err := banyan.SendExit(ctx, leader, banyan.ErrShutdown); err != nil {
		t.Fatal(err)
	}
	for range 2 - more {
		var te *banyan.TermError // the input is closed while the leader ends: who is being served may hear of that first
		l := <-lines
		if isRefused(l) && more == 0 {
			more++
		} else if !errors.Is(l.err, banyan.ErrShutdown) && !errors.Is(l.err, banyan.ErrNoProcess) &&
			!(errors.As(l.err, &te) && te.Term == atom("eio")) {
			t.Error(l.text, l.err)
		}
	}
	if _, err := io.WriteString(w, "x"); err != io.ErrClosedPipe {
		t.Error(err)
	}
	if err := PutChars(ctx, leader, "x"); !errors.Is(err, banyan.ErrNoProcess) && !errors.Is(err, banyan.ErrShutdown) {
		t.Error(err)
	}
}

func TestLinesAreBounded(t *testing.T) {
	n := startNode(t, "io@h")
	leader := spawnLeader(t, n, Config{In: strings.NewReader(strings.Repeat("x", 25) + "\n"), MaxLine: 10})
	for _, want := range []string{"xxxxxxxxxx", "xxxxxxxxxx", "xxxxx\n"} {
		if s, err := GetLine(n.Context(t.Context()), leader, ""); s != want || err != nil {
			t.Error(s, err)
		}
	}
	if s, err := GetLine(n.Context(t.Context()), leader, ""); err != io.EOF {
		t.Error(s, err)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("paper jam") }
func (broken) Read([]byte) (int, error)  { return 0, errors.New("no keys") }

func TestBrokenDevices(t *testing.T) {
	n := startNode(t, "io@h")
	leader := spawnLeader(t, n, Config{Out: broken{}, In: broken{}})
	var te *banyan.TermError
	if err := PutChars(n.Context(t.Context()), leader, "x"); !errors.As(err, &te) || te.Term != atom("eio") {
		t.Error(err)
	}
	if _, err := GetLine(n.Context(t.Context()), leader, ""); !errors.As(err, &te) || te.Term != atom("eio") {
		t.Error(err)
	}
	if err := PutChars(context.Background(), leader, "x"); !errors.Is(err, banyan.ErrNoNode) {
		t.Error(err)
	}
}

// A child prints where its parent does; who has nobody prints at user.
func TestWriter(t *testing.T) {
	n := startNode(t, "io@h")
	first, second := new(page), new(page)
	done := make(chan error, 1)
	run := func(by banyan.Spawner, f func(*banyan.Self) error) {
		t.Helper()
		if _, err := banyan.Go(by, func(self *banyan.Self) error { done <- f(self); return nil }); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	run(n, func(self *banyan.Self) error {
		if _, err := fmt.Fprint(NewWriter(self), "x"); err != ErrNoLeader {
			return fmt.Errorf("without a leader: %v", err)
		}
		return nil
	})
	spawnLeader(t, n, Config{Out: first}, banyan.Name("user"))
	leader := spawnLeader(t, n, Config{Out: second})
	long := strings.Repeat("äöü", 100_000)
	run(n, func(self *banyan.Self) error {
		w := NewWriter(self)
		if _, err := fmt.Fprint(w, "to user"); err != nil {
			return err
		}
		if err := banyan.SetGroupLeader(self, leader, self.PID()); err != nil {
			return err
		}
		inner := make(chan error, 1)
		if _, err := banyan.Go(self, func(child *banyan.Self) error {
			_, err := io.WriteString(NewWriter(child), long)
			inner <- err
			return nil
		}); err != nil {
			return err
		}
		return <-inner
	})
	if s := first.take(); s != "to user" {
		t.Error(s)
	}
	if s := second.take(); s != long {
		t.Error(len(s), len(long))
	}
	if err := banyan.SetGroupLeader(context.Background(), leader, leader); !errors.Is(err, banyan.ErrNoNode) {
		t.Error(err)
	}
}

func ExampleNew() {
	n, err := banyan.Start("shop@example")
	if err != nil {
		panic(err)
	}
	defer n.Stop(context.Background())
	leader, err := banyan.Spawn(n, New(Config{Out: os.Stdout}), banyan.Name("user"))
	if err != nil {
		panic(err)
	}
	// As a process on an Erlang node does it: io:format(Leader, "~p~n", [{ok, <<"tea">>}]).
	err = Format(n.Context(context.Background()), leader.PID(), "~p~n", etf.Tuple{etf.Atom("ok"), "tea"})
	fmt.Println(err)
	// Output:
	// {ok,<<"tea">>}
	// <nil>
}

func ExampleSprintf() {
	s, err := Sprintf("~s: ~.2f ~p", "price", 2.5, []int{1, 2, 300})
	fmt.Println(s, err)
	// Output: price: 2.50 [1,2,300] <nil>
}
