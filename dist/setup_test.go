// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist/internal/handshake"
	"github.com/banyan-go/banyan/etf"
)

func TestDialErrors(t *testing.T) {
	m := newMemory()
	ta, _ := begin(t, m, "a@h", nil)
	begin(t, m, "b@h", func(c *Config) { c.Cookie = "another" })
	begin(t, m, "c@h", nil)
	m.mu.Lock()
	m.names["wrong"] = m.names["c"] // another node answers there
	m.mu.Unlock()
	for name, want := range map[banyan.Atom]error{"b@h": ErrCookie, "wrong@h": ErrWrongName, "nobody@h": nil, "a@h": nil, "nohost": nil} {
		_, err := ta.Peer(t.Context(), name)
		if !errors.Is(err, banyan.ErrNoConnection) || (want != nil && !errors.Is(err, want)) || !strings.Contains(err.Error(), string(name)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ta.Peer(t.Context(), "c@h"); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ta.Peer(ctx, "c@h"); err != nil {
		t.Error("a link that is there needs no time:", err)
	}
}

// All who want a link share one, and get a new one after its end, which was told before.
func TestSharedAttemptAndReconnect(t *testing.T) {
	m := newMemory()
	ta, a := begin(t, m, "a@h", nil)
	_, b := begin(t, m, "b@h", nil)
	for range 20 {
		var wg sync.WaitGroup
		peers := make([]banyan.Peer, 20)
		for i := range peers {
			wg.Go(func() { peers[i], _ = ta.Peer(t.Context(), "b@h") })
		}
		wg.Wait()
		for _, p := range peers {
			if p == nil || p != peers[0] {
				t.Fatal("not one link for all")
			}
		}
		if e := a.next(t, "up"); e.peer != peers[0] {
			t.Fatal("up of another link")
		}
		b.next(t, "up")
		why := errors.New("enough")
		woken := make(chan struct{})
		peers[0].Disconnect(why)
		peers[0].OnRoom(func() { close(woken) })
		<-woken
		if err := peers[0].Send(text(a.pid(1), b.pid(1), 1)); err != banyan.ErrNoConnection {
			t.Fatal(err)
		}
		if e := a.next(t, "down"); e.peer != peers[0] || !errors.Is(e.err, why) || !errors.Is(e.err, banyan.ErrNoConnection) {
			t.Fatal(e.err)
		}
		b.next(t, "down")
	}
	a.quiet(t)
}

// Both dial at the same time, again and again: one link, seen by both.
func TestSimultaneousConnects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where a busy machine cannot let a set-up time out
		m := newMemory()
		ta, a := begin(t, m, "a@h", noPoll)
		tb, b := begin(t, m, "b@h", noPoll)
		for range 200 {
			var wg sync.WaitGroup
			var ab, ba banyan.Peer
			var err1, err2 error
			wg.Go(func() { ab, err1 = ta.Peer(t.Context(), "b@h") })
			wg.Go(func() { ba, err2 = tb.Peer(t.Context(), "a@h") })
			wg.Wait()
			if err1 != nil || err2 != nil {
				t.Fatal(err1, err2)
			}
			if err := ab.Send(text(a.pid(1), b.pid(1), etf.Atom("x"))); err != nil {
				t.Fatal(err)
			}
			if a.next(t, "up").peer != ab || b.next(t, "up").peer != ba {
				t.Fatal("another link")
			}
			if e := b.next(t, "signal"); e.peer != ba {
				t.Fatal("the two ends are of two links")
			}
			ab.Disconnect(nil)
			a.next(t, "down")
			b.next(t, "down")
		}
	})
}

// dialRaw connects to a node and runs the handshake up to what the test wants.
func dialRaw(t *testing.T, m *memory, name string) net.Conn {
	t.Helper()
	addr, err := m.Lookup(t.Context(), "h", name)
	if err != nil {
		t.Fatal(err)
	}
	c, err := m.Dial(t.Context(), addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func rawSide(name, cookie string) handshake.Side {
	return handshake.Side{Name: name, Creation: 5, Flags: handshake.Hidden, Cookie: cookie, Challenge: 12345}
}

// shake runs the dialler's side on c; takeAlive answers "alive".
func shake(c net.Conn, side handshake.Side, to string, takeAlive bool) (alive bool, err error) {
	d := handshake.NewDialler(side, to)
	if err := writeMessage(c, d.Start()); err != nil {
		return false, err
	}
	for {
		msg, err := readMessage(c)
		if err != nil {
			return alive, d.Closed()
		}
		out, ev, err := d.Receive(msg)
		if err != nil {
			return alive, err
		}
		if ev == handshake.Alive {
			alive = true
			out = d.Answer(takeAlive)
		}
		if out != nil {
			if err := writeMessage(c, out); err != nil {
				return alive, err
			}
		}
		if ev == handshake.Done {
			return alive, nil
		}
	}
}

// A second connection of a node that has one cuts the old one if, and only if, it knows the cookie.
func TestAliveConflict(t *testing.T) {
	m := newMemory()
	ta, a, b, ab := func() (*Transport, *fakePort, *fakePort, banyan.Peer) {
		ta, _, a, b, ab, _ := connected(t, m, nil)
		return ta, a, b, ab
	}()
	check := func() {
		t.Helper()
		if err := ab.Send(text(a.pid(1), b.pid(1), 1)); err != nil {
			t.Fatal(err)
		}
		b.next(t, "signal")
	}
	if alive, err := shake(dialRaw(t, m, "b"), rawSide("a@h", "monster"), "b@h", false); !alive || err == nil {
		t.Fatal(alive, err)
	}
	check()
	if alive, err := shake(dialRaw(t, m, "b"), rawSide("a@h", "guess"), "b@h", true); !alive || !errors.Is(err, ErrCookie) {
		t.Fatal(alive, err)
	}
	check()
	c := dialRaw(t, m, "b")
	if alive, err := shake(c, rawSide("a@h", "monster"), "b@h", true); !alive || err != nil {
		t.Fatal(alive, err)
	}
	if e := b.next(t, "down"); !errors.Is(e.err, errReplaced) {
		t.Fatal(e.err)
	}
	if e := b.next(t, "up"); e.peer.Creation() != 5 {
		t.Fatal("not the new link")
	}
	a.next(t, "down")
	_ = ta
}

func TestRefusedCallers(t *testing.T) {
	m := newMemory()
	tb, b := begin(t, m, "b@h", func(c *Config) { c.SetupTime = 200 * time.Millisecond; c.MaxPending, c.MaxPendingPerHost = 2, 2 })
	free := func() { // whoever was refused hears of it before its place is free
		for len(tb.pending) > 0 {
			runtime.Gosched()
		}
	}
	for name, side := range map[string]handshake.Side{
		"name me": {Name: "host", Flags: handshake.Hidden | handshake.NameMe, Cookie: "monster"},
		"old":     {Name: "a@h", Flags: handshake.Mandatory25, Cookie: "monster"},
	} {
		if _, err := shake(dialRaw(t, m, "b"), side, "b@h", true); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
		free()
	}
	for _, bytes := range []string{"\x00\x00", "\xff\xff", "GET / HTTP/1.0\r\n\r\n", "\x00\x05n\x00\x05ab", ""} {
		c := dialRaw(t, m, "b")
		go io.WriteString(c, bytes)
		if b, err := io.ReadAll(c); len(b) > 0 { // closed, at the latest when the time is up
			t.Errorf("%q: %q %v", bytes, b, err)
		}
		free()
	}
	// More than two at a time are closed at once.
	c1, c2, c3 := dialRaw(t, m, "b"), dialRaw(t, m, "b"), dialRaw(t, m, "b")
	start := time.Now()
	c3.Read(make([]byte, 1))
	if time.Since(start) > 150*time.Millisecond {
		t.Error("the third caller was kept")
	}
	c1.Close()
	c2.Close()
	b.quiet(t)
	if st := tb.Stats(); st.Refused < 6 || st.Links != 0 {
		t.Errorf("%+v", st)
	}
}

// An impostor that claims the name of a node we are dialling can delay that, but not prevent it.
func TestImpostorDuringDial(t *testing.T) {
	m := newMemory()
	tb, b := begin(t, m, "a@h", nil)
	begin(t, m, "z@h", nil)
	held := make(chan struct{})
	first := true
	m.dialled = func(c net.Conn) net.Conn {
		if !first {
			return c
		}
		first = false
		return holdConn{c, held}
	}
	done := make(chan error, 1)
	go func() {
		_, err := tb.Peer(t.Context(), "z@h")
		done <- err
	}()
	for { // until the attempt is in its handshake
		tb.mu.Lock()
		n := tb.nodes["z@h"]
		ready := n != nil && n.attempt != nil && n.attempt.conn != nil
		tb.mu.Unlock()
		if ready {
			break
		}
	}
	m.mu.Lock()
	m.dialled = nil
	m.mu.Unlock()
	if _, err := shake(dialRaw(t, m, "a"), rawSide("z@h", "guess"), "a@h", true); !errors.Is(err, ErrCookie) {
		t.Error(err)
	}
	close(held)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	b.next(t, "up")
}

// holdConn writes nothing until held is closed.
type holdConn struct {
	net.Conn
	held chan struct{}
}

func (c holdConn) Write(b []byte) (int, error) {
	<-c.held
	return c.Conn.Write(b)
}

// pass lets virtual time pass.
func pass(d time.Duration) { <-time.After(d) }

func noPoll(c *Config) { c.PollTime = -1; c.TickTime = 60 * time.Second }

// Two idle nodes keep their link by ticks alone.
func TestTicksKeepLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, a, b, ab, _ := connected(t, newMemory(), noPoll)
		pass(time.Hour)
		a.quiet(t)
		b.quiet(t)
		if err := ab.Send(text(a.pid(1), b.pid(1), 1)); err != nil {
			t.Fatal(err)
		}
		b.next(t, "signal")
	})
}

// A node with a shorter tick time is content, because its ticks are answered.
func TestTicksAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		ta, a := begin(t, m, "a@h", func(c *Config) { noPoll(c); c.TickTime = 8 * time.Second })
		_, b := begin(t, m, "b@h", noPoll)
		if _, err := ta.Peer(t.Context(), "b@h"); err != nil {
			t.Fatal(err)
		}
		a.next(t, "up")
		b.next(t, "up")
		pass(10 * time.Minute)
		a.quiet(t)
		b.quiet(t)
	})
}

// silent is a connected raw peer of node b.
func silent(t *testing.T, m *memory) net.Conn {
	t.Helper()
	c := dialRaw(t, m, "b")
	if _, err := shake(c, rawSide("raw@h", "monster"), "b@h", true); err != nil {
		t.Fatal(err)
	}
	return c
}

// A silent peer is dropped after 1.25 T: not before, and whatever it reads; a peer that drips bytes is alive.
func TestSilentPeerDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		_, b := begin(t, m, "b@h", noPoll)
		c := silent(t, m)
		b.next(t, "up")
		ticks := 0
		go func() {
			buf := make([]byte, 4)
			for {
				if _, err := io.ReadFull(c, buf); err != nil {
					return
				}
				if binary.BigEndian.Uint32(buf) == 0 {
					ticks++
				}
			}
		}()
		start := time.Now()
		pass(74 * time.Second)
		b.quiet(t)
		pass(2 * time.Second)
		synctest.Wait()
		if e := b.next(t, "down"); !errors.Is(e.err, ErrTick) {
			t.Error(e.err, time.Since(start))
		}
		if ticks != 4 {
			t.Errorf("%d ticks in 75 s", ticks)
		}
	})
}

func TestDrippingPeerLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		_, b := begin(t, m, "b@h", noPoll)
		c := silent(t, m)
		b.next(t, "up")
		go io.Copy(io.Discard, c)
		c.Write([]byte{0, 0, 1, 0})
		for range 10 {
			pass(60 * time.Second)
			c.Write([]byte{112})
		}
		b.quiet(t)
		c.Close()
		b.next(t, "down")
	})
}

// A peer that does not read: senders are told to wait, its link ends in time, nothing hangs.
func TestPeerThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		tb, b := begin(t, m, "b@h", noPoll)
		silent(t, m)
		ba := b.next(t, "up").peer
		raw := banyan.PID{Node: "raw@h", ID: 1, Creation: 5}
		sent := 0
		for ba.Send(text(b.pid(1), raw, make([]byte, 1000))) == nil {
			sent++
		}
		if sent < 950 || sent > 2200 { // a buffer that fills, less what frames cost, and perhaps one that is being written
			t.Errorf("%d kB taken by a buffer of 1 MiB", sent)
		}
		if err := ba.Send(text(b.pid(1), raw, 1)); err != banyan.ErrLinkFull {
			t.Error(err)
		}
		if err := ba.Send(&banyan.Signal{Op: banyan.OpExit, From: b.pid(1), To: raw, Reason: nil}); err != nil {
			t.Error("an exit was refused:", err)
		}
		woken := false
		ba.OnRoom(func() { woken = true })
		pass(80 * time.Second)
		synctest.Wait()
		b.next(t, "down")
		if !woken {
			t.Error("a waiter was forgotten")
		}
		_ = tb
	})
}

// Signals that must not be refused do not pile up without end.
func TestOverrun(t *testing.T) {
	m := newMemory()
	_, b := begin(t, m, "b@h", func(c *Config) { c.LinkBuffer = 4096 })
	silent(t, m)
	ba := b.next(t, "up").peer
	raw := banyan.PID{Node: "raw@h", ID: 1, Creation: 5}
	var err error
	for i := 0; err == nil && i < 1_000_000; i++ {
		err = ba.Send(&banyan.Signal{Op: banyan.OpExit, From: b.pid(uint32(i)), To: raw, Reason: banyan.ErrKilled})
	}
	if e := b.next(t, "down"); err != banyan.ErrNoConnection || !errors.Is(e.err, errOverrun) {
		t.Error(err, e.err)
	}
}
