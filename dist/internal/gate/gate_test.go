// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"fmt"
	"net"
	"testing"
	"time"
)

var start = time.Unix(1000, 0)

func TestPending(t *testing.T) {
	g := New(Limits{Pending: 2})
	for range 2 {
		if err := g.Enter("a", start); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.Enter("a", start); err != ErrPending {
		t.Error(err)
	}
	if err := g.Enter("b", start); err != nil {
		t.Error("another address:", err)
	}
	g.Leave("a", false, start)
	if err := g.Enter("a", start); err != nil {
		t.Error(err)
	}
	g.Leave("a", false, start)
	g.Leave("a", false, start)
	g.Leave("b", false, start)
	if len(g.hosts) != 0 {
		t.Error("something is remembered of who did nothing wrong")
	}
}

// So many failures in a row, then one for each share of the time; a success costs nothing and forgives nothing.
func TestFailures(t *testing.T) {
	g := New(Limits{Failures: 6, Per: time.Minute})
	now := start
	fail := func() bool {
		if g.Enter("a", now) != nil {
			return false
		}
		g.Leave("a", true, now)
		return true
	}
	for i := range 6 {
		if !fail() {
			t.Fatal(i)
		}
	}
	if err := g.Enter("a", now); err != ErrFailures {
		t.Fatal(err)
	}
	now = now.Add(9 * time.Second)
	if fail() {
		t.Error("let in after 9 s of 10")
	}
	now = now.Add(time.Second)
	if !fail() || fail() {
		t.Error("not one more after 10 s")
	}
	now = now.Add(10 * time.Second)
	for range 20 {
		if err := g.Enter("a", now); err != nil {
			t.Fatal("a success was counted:", err)
		}
		g.Leave("a", false, now)
	}
	now = now.Add(time.Hour)
	for i := range 6 {
		if !fail() {
			t.Fatal(i)
		}
	}
	if fail() {
		t.Error("an hour was saved up")
	}
	if err := New(Limits{}).Enter("a", now); err != nil {
		t.Error(err)
	}
}

// The table does not grow without end, and forgets.
func TestBoundedTable(t *testing.T) {
	g := New(Limits{Failures: 10, Per: time.Minute})
	now := start
	for i := range 3 * MaxHosts {
		a := fmt.Sprint(i)
		if g.Enter(a, now) == nil {
			g.Leave(a, true, now)
		}
	}
	if len(g.hosts) != MaxHosts {
		t.Errorf("%d entries", len(g.hosts))
	}
	if err := g.Enter("new", now); err != ErrFailures {
		t.Error("strangers are not told apart any more, and too many failed:", err)
	}
	if err := g.Enter("5", now); err != nil {
		t.Error("who is known is judged by himself:", err)
	}
	now = now.Add(time.Minute)
	if err := g.Enter("new", now); err != nil || len(g.hosts) > 2 {
		t.Errorf("%v, %d entries", err, len(g.hosts))
	}
}

func TestAddr(t *testing.T) {
	for in, want := range map[string]string{
		"10.1.2.3:77": "10.1.2.3", "[2001:db8:1:2:3:4:5:6]:80": "2001:db8:1:2::/64", "[::1]:9": "::1",
		"[::ffff:10.0.0.1]:5": "10.0.0.1", "[fe80::1%eth0]:7": "fe80::/64", "host:5": "host", "pipe": "pipe",
	} {
		if got := Addr(text(in)); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

type text string

func (text) Network() string  { return "" }
func (t text) String() string { return string(t) }

var _ net.Addr = text("")
