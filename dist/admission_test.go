// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist/internal/handshake"
)

// Each pair of nodes may have its own cookie, which can change while links are up.
func TestPeerCookies(t *testing.T) {
	m := newMemory()
	ta, a := begin(t, m, "a@h", func(c *Config) { c.Cookies = map[banyan.Atom]string{"b@h": "forb"} })
	tb, b := begin(t, m, "b@h", func(c *Config) { c.Cookies = map[banyan.Atom]string{"a@h": "forb"} })
	tc, c := begin(t, m, "c@h", nil)
	try := func(from *Transport, pf *fakePort, to banyan.Atom, pt *fakePort, want error) {
		t.Helper()
		p, err := from.Peer(t.Context(), to)
		if want != nil {
			if !errors.Is(err, want) {
				t.Errorf("%s to %s: %v", from.name, to, err)
			}
			return
		}
		if err != nil {
			t.Fatalf("%s to %s: %v", from.name, to, err)
		}
		pf.next(t, "up")
		pt.next(t, "up")
		p.Disconnect(nil)
		pf.next(t, "down")
		pt.next(t, "down")
	}
	try(ta, a, "b@h", b, nil)
	try(tb, b, "a@h", a, nil)
	try(ta, a, "c@h", c, nil)
	try(tc, c, "b@h", b, nil)
	if err := ta.SetCookie("c@h", "new"); err != nil {
		t.Fatal(err)
	}
	try(ta, a, "c@h", c, ErrCookie)
	try(tc, c, "a@h", a, ErrCookie)
	if err := tc.SetCookie("a@h", "new"); err != nil {
		t.Fatal(err)
	}
	try(ta, a, "c@h", c, nil)
	if err := errors.Join(ta.SetCookie("c@h", ""), tc.SetCookie("a@h", "")); err != nil {
		t.Fatal(err)
	}
	try(tc, c, "a@h", a, nil)
	for node, cookie := range map[banyan.Atom]string{"c": "x", "c@h": "\x00"} {
		if ta.SetCookie(node, cookie) == nil {
			t.Errorf("%q %q taken", node, cookie)
		}
	}
	if New(Config{}).SetCookie("a@h", "x") == nil || New(Config{}).Allow("a@h") == nil {
		t.Error("before Open")
	}
}

func TestAllow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		ta, _ := begin(t, m, "a@h", noPoll)
		tb, b := begin(t, m, "b@h", func(c *Config) { noPoll(c); c.Allow = []banyan.Atom{"c@h", "other"} })
		var log logs
		b.log = slog.New(slog.NewTextHandler(&log, nil))
		tc, _ := begin(t, m, "c@h", noPoll)
		if _, err := ta.Peer(t.Context(), "b@h"); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "not_allowed") {
			t.Error(err)
		}
		if _, err := tb.Peer(t.Context(), "a@h"); !errors.Is(err, ErrNotAllowed) {
			t.Error("the list is for calls of ours as well:", err)
		}
		if _, err := shake(dialRaw(t, m, "b"), rawSide("x@other", "monster"), "b@h", true); err != nil {
			t.Error("a node of an allowed host:", err)
		}
		b.next(t, "up")
		if _, err := tc.Peer(t.Context(), "b@h"); err != nil {
			t.Error(err)
		}
		if tb.Allow("a b@h") == nil || tb.Allow("") == nil {
			t.Error("what is no name was taken")
		}
		if err := tb.Allow("a@h"); err != nil {
			t.Fatal(err)
		}
		if _, err := ta.Peer(t.Context(), "b@h"); err != nil {
			t.Error(err)
		}
		synctest.Wait() // it is logged when the caller has been told, or after that
		log.mu.Lock()
		defer log.mu.Unlock()
		if s := log.text.String(); !strings.Contains(s, "is not allowed") || !strings.Contains(s, "peer=a@h") {
			t.Error(s)
		}
	})
}

// An address may guess so often, and then waits; its places in the handshake are limited too.
func TestFailedAttemptsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		tb, b := begin(t, m, "b@h", func(c *Config) { noPoll(c); c.MaxFailures = 6; c.MaxPendingPerHost = 3 })
		guess := func(cookie string) error {
			c := dialRaw(t, m, "b")
			defer c.Close()
			_, err := shake(c, rawSide("raw@h", cookie), "b@h", true)
			synctest.Wait()
			return err
		}
		for range 6 {
			if err := guess("guess"); !errors.Is(err, ErrCookie) {
				t.Fatal(err)
			}
		}
		refused := tb.Stats().Refused
		for range 100 {
			if err := guess("monster"); err == nil {
				t.Fatal("let in although too many have failed")
			}
		}
		if got := tb.Stats().Refused; got != refused+100 {
			t.Errorf("%d refused", got-refused)
		}
		b.quiet(t)
		pass(10 * time.Second)
		if err := guess("monster"); err != nil {
			t.Error("after 10 s of 60 for six:", err)
		}
		b.next(t, "up")
		b.next(t, "down")
		// Callers that only connect.
		for range 3 {
			dialRaw(t, m, "b")
		}
		synctest.Wait()
		if err := guess("monster"); err == nil {
			t.Error("a fourth of one address at a time")
		}
		pass(8 * time.Second) // the time for a handshake
		synctest.Wait()
		if n := len(tb.pending); n != 0 {
			t.Errorf("%d still in the handshake", n)
		}
	})
}

// A caller that sends a byte now and then does not keep its place: the handshake has one time in all.
func TestDrippingCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		begin(t, m, "b@h", noPoll)
		c := dialRaw(t, m, "b")
		start := time.Now()
		var drip sync.WaitGroup
		drip.Go(func() {
			for _, b := range []byte("\x00\xffN\x00\x00\x00\x0d\x07\xdf\x7f\xbc\x00\x00\x00\x05\x00\x05") {
				if _, err := c.Write([]byte{b}); err != nil {
					return
				}
				pass(time.Second)
			}
		})
		io.ReadAll(c)
		if d := time.Since(start); d != 7*time.Second {
			t.Error(d)
		}
		drip.Wait()
	})
}

// Who calls us and is called by us at the same time cannot have us answer our own challenge.
func TestReflectedChallenge(t *testing.T) {
	m := newMemory()
	ta, a := begin(t, m, "a@h", nil)
	l, err := m.Listen("")
	if err != nil {
		t.Fatal(err)
	}
	port, err := portOf(l.Addr())
	if err != nil {
		t.Fatal(err)
	}
	m.Register(t.Context(), "evil", port, false)
	// The attacker, without the cookie, gets our challenge to one call...
	c := dialRaw(t, m, "a")
	d := handshake.NewDialler(rawSide("other@h", "?"), "a@h")
	writeMessage(c, d.Start())
	if status, err := readMessage(c); err != nil || string(status) != "sok" {
		t.Fatal(string(status), err)
	}
	challenge, err := readMessage(c)
	if err != nil {
		t.Fatal(err)
	}
	// ... and gives it to us when we call it.
	answer := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			answer <- err
			return
		}
		defer c.Close()
		evil := handshake.NewAcceptor(rawSide("evil@h", "?"))
		name, _ := readMessage(c)
		evil.Receive(name)
		msgs := evil.Decide(handshake.StatusOK)
		copy(msgs[1][9:13], challenge[9:13])
		writeMessage(c, msgs...)
		_, err = readMessage(c)
		answer <- err
	}()
	if _, err := ta.Peer(t.Context(), "evil@h"); !errors.Is(err, handshake.ErrReflected) {
		t.Error(err)
	}
	if err := <-answer; err == nil {
		t.Error("our digest was sent")
	}
	a.quiet(t)
	ta.admission.mu.Lock()
	defer ta.admission.mu.Unlock()
	if n := len(ta.admission.asked); n != 1 {
		t.Errorf("%d challenges are remembered", n)
	}
}
