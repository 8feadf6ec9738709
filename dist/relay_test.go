// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// trio is three nodes; b is linked to both others.
type trio struct {
	m          *memory
	a, b, c    *banyan.Node
	ta, tb, tc *Transport
}

func newTrio(t *testing.T, change func(*Config)) trio {
	t.Helper()
	m := newMemory()
	config := func() Config {
		cfg := Config{Cookie: "c", Network: m, Names: m, PollTime: -1}
		if change != nil { // of a, then of b, then of c
			change(&cfg)
		}
		return cfg
	}
	var w trio
	w.m = m
	w.a, w.ta = startNode(t, "na@h", config())
	w.b, w.tb = startNode(t, "nb@h", config())
	w.c, w.tc = startNode(t, "nc@h", config())
	for _, n := range []*banyan.Node{w.a, w.c} {
		if err := n.Connect(n.Context(t.Context()), "nb@h"); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Wait() // all have greeted each other
	return w
}

func (w trio) via(t *testing.T) {
	t.Helper()
	if _, err := w.ta.PeerVia(t.Context(), "nc@h", "nb@h"); err != nil {
		t.Fatal(err)
	}
	if l := w.ta.linkTo("nc@h"); l == nil || l.via != "nb@h" {
		t.Fatalf("%+v", w.ta.Links())
	}
}

// What two nodes do with each other through a third is what they do straight: calls, errors, links, monitors, order, large messages.
func TestRelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTrio(t, nil)
		w.via(t)
		if _, err := banyan.Spawn(w.c, newShop, banyan.Name("shop")); err != nil {
			t.Fatal(err)
		}
		ctx, shop := w.a.Context(t.Context()), banyan.At[*shop]("shop", "nc@h")
		if n, err := banyan.Call(ctx, shop, takeTea{"oolong", 3}); n != 7 || err != nil {
			t.Fatal(n, err)
		}
		if _, err := banyan.Call(ctx, shop, takeTea{"oolong", 30}); !errors.Is(err, errOut) {
			t.Fatal(err)
		}
		big := strings.Repeat("tea ", 1<<20)
		if s, err := banyan.Call(ctx, shop, echoText{big}); s != big || err != nil {
			t.Fatal(len(s), err)
		}
		// 2000 messages of all sizes, in order.
		got := make(chan []byte, 2000)
		sink, err := banyan.Go(w.c, func(self *banyan.Self) error {
			for range 2000 {
				b, err := receive[[]byte](self)
				if err != nil {
					return err
				}
				got <- b
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(1, 2))
		for i := range 2000 {
			b := make([]byte, 8+r.IntN(20000))
			if i%100 == 0 {
				b = make([]byte, 200_000)
			}
			copy(b, fmt.Sprintf("%08d", i))
			if err := banyan.Send(ctx, sink, b); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 2000 {
			if b := <-got; string(b[:8]) != fmt.Sprintf("%08d", i) {
				t.Fatalf("message %d is %s", i, b[:8])
			}
		}
		if n := w.tb.relays.count(); n != 2 {
			t.Errorf("%d legs", n)
		}
		// A monitor fires once when the link to the third ends, and nothing is left of the tunnel.
		process(t, w.a, func(self *banyan.Self) error {
			self.Monitor(banyan.PID{Node: "nc@h", ID: 1, Creation: w.c.Creation()})
			if d, err := receive[banyan.Down](self); err != nil || !errors.Is(d.Reason, banyan.ErrNoProcess) {
				return fmt.Errorf("%v %w", d, err)
			}
			pid, _ := w.c.Whereis("shop")
			self.Monitor(pid)
			self.Link(pid)
			synctest.Wait()
			w.b.Disconnect("nc@h")
			if d, err := receive[banyan.Down](self); err != nil || !errors.Is(d.Reason, banyan.ErrNoConnection) {
				return fmt.Errorf("%v %w", d, err)
			}
			if e, err := receive[banyan.Exit](self); err != nil || !errors.Is(e.Reason, banyan.ErrNoConnection) {
				return fmt.Errorf("%v %w", e, err)
			}
			if m, err := self.Receive(banyan.Within(self, 5*time.Second)); err == nil {
				return fmt.Errorf("and then %v", m)
			}
			return nil
		})
		for _, tr := range []*Transport{w.ta, w.tb, w.tc} {
			if n := tr.relays.count(); n != 0 || tr.relays.crossings != 0 {
				t.Errorf("%s still has %d legs, %d crossings", tr.name, n, tr.relays.crossings)
			}
		}
	})
}

func (r *relays) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.ends)
}

// A straight link takes the place of one through a third; monitors of that fire once.
func TestStraightLinkIsPreferred(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTrio(t, nil)
		w.via(t)
		pid, err := banyan.Go(w.c, func(self *banyan.Self) error { <-self.Context().Done(); return nil })
		if err != nil {
			t.Fatal(err)
		}
		process(t, w.a, func(self *banyan.Self) error {
			self.Monitor(pid)
			synctest.Wait()
			if _, err := w.ta.PeerVia(self, "nc@h", ""); err != nil {
				return err
			}
			if d, err := receive[banyan.Down](self); err != nil || !errors.Is(d.Reason, banyan.ErrNoConnection) {
				return fmt.Errorf("%v %w", d, err)
			}
			if m, err := self.Receive(banyan.Within(self, 5*time.Second)); err == nil {
				return fmt.Errorf("and then %v", m)
			}
			return nil
		})
		for _, tr := range []*Transport{w.ta, w.tc} {
			for _, l := range tr.Links() {
				if l.Via != "" {
					t.Errorf("%s has a link to %s through %s", tr.name, l.Node, l.Via)
				}
			}
			if len(tr.Links()) != 2 {
				t.Errorf("%s has %+v", tr.name, tr.Links())
			}
		}
		if n := w.tb.relays.count(); n != 0 {
			t.Errorf("%d legs are left", n)
		}
		if _, err := w.ta.PeerVia(t.Context(), "nc@h", "nb@h"); err != nil || w.ta.linkTo("nc@h").via != "" {
			t.Errorf("a detour took the place of a straight link: %v", err)
		}
	})
}

// Under TLS the two ends shake hands with each other: the third passes on what it cannot read, and whom it cannot verify is refused by the end.
func TestRelayUnderTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := newAuthority(t)
		w := newTrio(t, with(ca.good(t, "n", "h")))
		w.via(t)
		for tr, other := range map[*Transport]banyan.Atom{w.ta: "nc@h", w.tc: "na@h"} {
			c, ok := tr.linkTo(other).conn.(*tlsConn)
			if !ok || len(c.ConnectionState().VerifiedChains) == 0 {
				t.Fatalf("%s speaks to %s over %T", tr.name, other, tr.linkTo(other).conn)
			}
		}
		if _, err := banyan.Spawn(w.c, newShop, banyan.Name("shop")); err != nil {
			t.Fatal(err)
		}
		big := strings.Repeat("tea ", 1<<18)
		if s, err := banyan.Call(w.a.Context(t.Context()), banyan.At[*shop]("shop", "nc@h"), echoText{big}); s != big || err != nil {
			t.Fatal(len(s), err)
		}
	})
	synctest.Test(t, func(t *testing.T) { // the one in the middle trusts both, the ends do not trust each other
		one, other := newAuthority(t), newAuthority(t)
		both := filepath.Join(t.TempDir(), "both.pem")
		var pem []byte
		for _, ca := range []*authority{one, other} {
			b, err := os.ReadFile(ca.file)
			if err != nil {
				t.Fatal(err)
			}
			pem = append(pem, b...)
		}
		if err := os.WriteFile(both, pem, 0o600); err != nil {
			t.Fatal(err)
		}
		certs := []*TLS{one.good(t, "a", "h"), one.good(t, "b", "h"), other.good(t, "c", "h")}
		certs[1].CAFile, certs[2].CAFile = both, both // a does not trust c's
		w := newTrio(t, func(c *Config) { c.TLS, certs = certs[0], certs[1:] })
		if _, err := w.ta.PeerVia(t.Context(), "nc@h", "nb@h"); err == nil || !strings.Contains(err.Error(), "certificate") {
			t.Errorf("a link through another one to a node that cannot be verified: %v", err)
		}
		if l := w.ta.linkTo("nc@h"); l != nil {
			t.Errorf("%+v", l)
		}
	})
}

// Both ends find the straight way open at once.
func TestStraightFromBothEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 30 {
			w := newTrio(t, nil)
			w.via(t)
			done := make(chan error, 2)
			go func() { _, err := w.ta.PeerVia(t.Context(), "nc@h", ""); done <- err }()
			go func() { _, err := w.tc.PeerVia(t.Context(), "na@h", ""); done <- err }()
			if a, b := <-done, <-done; a != nil && b != nil {
				t.Errorf("neither got through: %v, %v", a, b)
			}
			synctest.Wait()
			for tr, other := range map[*Transport]banyan.Atom{w.ta: "nc@h", w.tc: "na@h"} {
				if l := tr.linkTo(other); l == nil || l.via != "" {
					t.Fatalf("%s has no straight link", tr.name)
				}
			}
			for _, n := range []*banyan.Node{w.a, w.b, w.c} {
				n.Stop(t.Context())
			}
		}
	})
}

// A call through a third gets in though the one that is called has an attempt of its own, which hangs in the cut, and the greater name.
func TestRelayPassesAHangingAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTrio(t, func(c *Config) { c.Network = hanging{c.Network.(*memory)} })
		waiting := make(chan error, 1)
		go func() { _, err := w.tc.Peer(t.Context(), "na@h"); waiting <- err }()
		synctest.Wait()
		w.via(t)
		if err := <-waiting; err != nil {
			t.Errorf("who waited for the attempt got %v", err)
		}
	})
}

// What passes through is bounded where it passes, not only at its end.
func TestCrossingIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTrio(t, nil)
		a, c := leg{w.tb.linkTo("na@h"), 1000}, leg{w.tb.linkTo("nc@h"), 1001}
		x := &crossing{legs: [2]leg{a, c}}
		took := 0
		for x.data(a, make([]byte, tunnelChunk)) {
			if took++; took > 100 {
				t.Fatal("it takes whatever comes")
			}
		}
		if took != tunnelWindow/tunnelChunk {
			t.Errorf("%d chunks were taken", took)
		}
		if x.room(c, tunnelWindow+2*tunnelChunk) || x.room(a, 1) || !x.room(c, tunnelChunk) {
			t.Error("more was read than was sent")
		}
	})
}

// Both ends try at once, while straight attempts hang.
func TestRelayFromBothEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTrio(t, func(c *Config) { c.Network = hanging{c.Network.(*memory)} })
		for _, tr := range []*Transport{w.ta, w.tc} {
			other := banyan.Atom("na@h")
			if tr == w.ta {
				other = "nc@h"
			}
			go tr.Peer(t.Context(), other) // hangs
		}
		synctest.Wait()
		done := make(chan error, 2)
		for range 20 {
			go func() { _, err := w.ta.PeerVia(t.Context(), "nc@h", "nb@h"); done <- err }()
			go func() { _, err := w.tc.PeerVia(t.Context(), "na@h", "nb@h"); done <- err }()
			<-done
			<-done
			synctest.Wait()
			if w.ta.linkTo("nc@h") != nil && w.tc.linkTo("na@h") != nil {
				return
			}
			pass(100 * time.Millisecond)
		}
		t.Error("no link after 20 attempts from both ends")
	})
}

// hanging is a memory where na and nc cannot reach each other.
type hanging struct{ *memory }

func (h hanging) Dial(ctx context.Context, addr string) (net.Conn, error) {
	h.mu.Lock()
	hang := addr != fmt.Sprintf("h:%d", h.names["nb"])
	h.mu.Unlock()
	if hang {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return h.memory.Dial(ctx, addr)
}

// What cannot be passed on is refused with the reason.
func TestRelayRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTrio(t, nil)
		_, td := startNode(t, "nd@h", Config{Cookie: "other", Network: w.m, Names: w.m, PollTime: -1})
		w.tb.SetCookie("nd@h", "other")
		td.SetCookie("nb@h", "other")
		if _, err := td.Peer(t.Context(), "nb@h"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for _, c := range []struct {
			to, via banyan.Atom
			want    string
		}{
			{"nx@h", "nb@h", "no link to that node"},
			{"nc@h", "nx@h", "no link to that node"},
			{"nd@h", "nb@h", "cookie"}, // the handshake is between the two ends
		} {
			start := time.Now()
			_, err := w.ta.PeerVia(t.Context(), c.to, c.via)
			if err == nil || !strings.Contains(err.Error(), c.want) || !errors.Is(err, banyan.ErrNoConnection) {
				t.Errorf("to %s through %s: %v", c.to, c.via, err)
			}
			if d := time.Since(start); d > time.Second {
				t.Errorf("it took %v", d)
			}
		}
		// One hop: c has only a link through b to a, and passes nothing on over it.
		w.via(t)
		if _, err := td.Peer(t.Context(), "nb@h"); err != nil {
			t.Fatal(err)
		}
		if err := w.tc.relays.usable(w.tc.linkTo("na@h")); err == nil || !strings.Contains(err.Error(), "goes through nb@h itself") {
			t.Error(err)
		}
		w.tc.linkTo("na@h").friend.Store(true)
		if err := w.tc.relays.usable(w.tc.linkTo("na@h")); err == nil {
			t.Error("a second hop")
		}
		synctest.Wait()
		for _, tr := range []*Transport{w.ta, w.tb, td} {
			if want := map[*Transport]int{w.ta: 1, w.tb: 2}[tr]; tr.relays.count() != want {
				t.Errorf("%s has %d legs, not %d", tr.name, tr.relays.count(), want)
			}
		}
	})
}

// A peer that says what it must not costs no more than its own tunnels: what passes through is bounded, whatever it sends.
func TestHostileRelayWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTrio(t, nil)
		ab := w.ta.linkTo("nb@h")
		// na's ids on that link are even. Opened, and then flooded: nobody reads at nc, which waits for a handshake message.
		for id := range int64(2 * maxLegs) {
			ab.tell(relayOpen, 2*id, etf.Atom("nc@h"))
		}
		synctest.Wait()
		if n := w.tb.relays.count(); n > 2*maxLegs {
			t.Errorf("%d legs of one link", n)
		}
		for range 20 {
			for id := range int64(maxLegs) {
				ab.tell(relayData, 2*id, make([]byte, tunnelChunk))
			}
		}
		for _, word := range []etf.Tuple{
			{relayData, 0, 7}, {relayData, 2, etf.Atom("x")}, {relayRoom, 4, -1}, {relayRoom, 6, 1 << 40}, {relayRoom, 8, etf.Atom("x")},
			{relayEnd, 10, 5}, {relayEnd, 999, []byte("x")}, {relayOpen, 1, etf.Atom("nc@h")}, {relayOpen, -2, etf.Atom("nc@h")},
			{relayOpen, 100, 5}, {relayOpen, 102, etf.Atom("no name")}, {relayOpen, 104, etf.Atom("na@h")}, {relayOpen, 106, etf.Atom("nb@h")},
			{relayFrom, 108, etf.Atom("nb@h")}, {relayFrom, 110, etf.Atom("nz@h")}, {friendBeats, -5}, {friendBeats, 1 << 50},
			{etf.Atom("new"), 1, 2, 3}, {etf.Atom("x")}, {},
		} {
			ab.tell(word...)
		}
		synctest.Wait()
		if l := w.tb.linkTo("na@h"); l == nil {
			t.Fatal("the link itself was lost")
		} else if p := time.Duration(l.promised.Load()); p < 0 || p > maxBeat {
			t.Errorf("na promised %v", p)
		}
		pass(time.Minute) // the handshakes time out
		for _, tr := range []*Transport{w.tb, w.tc} {
			if n := tr.relays.count(); n != 0 || tr.relays.crossings != 0 {
				t.Errorf("%s still has %d legs, %d crossings", tr.name, n, tr.relays.crossings)
			}
		}
		w.via(t)
	})
}
