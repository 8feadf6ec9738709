// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

const tlsHost = "127.0.0.1"

// goTLS is a transport over TCP with TLS.
func goTLS(t testing.TB, alive string, port int, c *TLS) (*Transport, *fakePort) {
	t.Helper()
	return goNode(t, alive, port, func(cfg *Config) { cfg.TLS = c })
}

// erlTLS is a real node under inet_tls.
func erlTLS(t testing.TB, alive string, port int, optFile string, args ...string) *erlang {
	t.Helper()
	return startErlang(t, alive, port, "monster", append([]string{"-proto_dist", "inet_tls", "-ssl_dist_optfile", optFile}, args...)...)
}

// Both versions, who calls whom, with mutual verification; the same file configures both nodes.
func TestErlangTLS(t *testing.T) {
	needErlang(t)
	ca := newAuthority(t)
	for _, version := range []string{"tlsv1.2", "tlsv1.3"} {
		t.Run(version, func(t *testing.T) {
			port := freePort(t)
			more := fmt.Sprintf(", {versions, ['%s']}", version)
			tg, g := goTLS(t, "go1", port, &TLS{OptFile: ca.good(t, "g", tlsHost).optFile(t, more)})
			e := erlTLS(t, "er1", port, ca.good(t, "e", tlsHost).optFile(t, more))
			if got := e.eval(t, "net_adm:ping('go1@127.0.0.1')"); got != "pong" {
				t.Fatal(got)
			}
			p := g.next(t, "up").peer
			want := uint16(0x0303)
			if version == "tlsv1.3" {
				want++
			}
			if got := p.(*link).conn.(*tlsConn).ConnectionState().Version; got != want {
				t.Errorf("version %x", got)
			}
			e.eval(t, "erlang:disconnect_node('go1@127.0.0.1')")
			g.next(t, "down")
			p, err := tg.Peer(t.Context(), e.name)
			if err != nil {
				t.Fatal(err)
			}
			g.next(t, "up")
			pingErlang(t, g, p)
			// Large messages among small ones, echoed, both ways.
			g.echoing(t)
			if got := e.eval(t, "banyan_peer:burst('go1@127.0.0.1', 6, 300000)"); got != "[true]" {
				t.Fatal(got)
			}
			big := bytes.Repeat([]byte("0123456789"), 300_000)
			for i := range 3 {
				push(t, p, &banyan.Signal{Op: banyan.OpSendName, From: g.pid(1), Name: "echo", Body: banyan.Body{Value: etf.Tuple{g.pid(1), etf.Tuple{i, big, 1}}}})
			}
			for i := range 3 {
				v := g.next(t, "signal").signal.Body.Value.(etf.Tuple)[2].(etf.Tuple)
				if v[0] != i || !bytes.Equal(v[1].([]byte), big) {
					t.Fatal("changed on the way")
				}
			}
			e.eval(t, "erlang:disconnect_node('go1@127.0.0.1')")
			if d := g.next(t, "down"); !errors.Is(d.err, errClosed) {
				t.Error(d.err)
			}
		})
	}
}

// Ticks keep the link of two idle nodes, whichever side has the shorter tick time; bulk in one direction does too.
func TestErlangTLSTicks(t *testing.T) {
	needErlang(t)
	port := freePort(t)
	c := newAuthority(t).good(t, "n", tlsHost)
	tg, g := goTLS(t, "go2", port, c)
	e := erlTLS(t, "er2", port, c.optFile(t, ""), "-kernel", "net_ticktime", "1")
	if _, err := tg.Peer(t.Context(), e.name); err != nil {
		t.Fatal(err)
	}
	g.next(t, "up")
	e.eval(t, "timer:sleep(3000)")
	if got := e.eval(t, "nodes(connected)"); got != "['go2@127.0.0.1']" {
		t.Error(got)
	}
	g.quiet(t)
}

// What does not fit is refused by both sides, soon, and said.
func TestErlangTLSRefusals(t *testing.T) {
	needErlang(t)
	ca, other := newAuthority(t), newAuthority(t)
	good := ca.good(t, "good", tlsHost)
	foreign := *other.good(t, "foreign", tlsHost)
	foreign.CAFile = ca.file
	for name, tc := range map[string]struct {
		g, e *TLS
		says string // our node; the other's ping fails
	}{
		"erlang of another CA":      {g: good, e: &foreign, says: "unknown authority"},
		"ours of another CA":        {g: &foreign, e: good, says: "refuses us"},
		"erlang's has expired":      {g: good, e: ca.issue(t, "old", time.Now().Add(-time.Hour), tlsHost), says: "expired"},
		"ours has expired":          {g: ca.issue(t, "old2", time.Now().Add(-time.Hour), tlsHost), e: good, says: "refuses us"},
		"erlang's for another host": {g: good, e: ca.good(t, "elsewhere", "elsewhere.example"), says: "127.0.0.1"},
		"erlang is plain":           {g: good, says: "speak TLS?"},
		"ours is plain":             {e: good, says: "speaks TLS"},
	} {
		t.Run(name, func(t *testing.T) {
			port := freePort(t)
			tg, g := goNode(t, "go3", port, func(cfg *Config) {
				cfg.TLS, cfg.SetupTime = tc.g, 20*time.Second
				if tc.e == nil { // which waits as long
					cfg.SetupTime = 2 * time.Second
				}
			})
			var e *erlang
			if tc.e == nil {
				e = startErlang(t, "er3", port, "monster", "-kernel", "net_setuptime", "2")
			} else {
				e = erlTLS(t, "er3", port, tc.e.optFile(t, ""), "-kernel", "net_setuptime", "5")
			}
			if _, err := tg.Peer(t.Context(), e.name); err == nil || !strings.Contains(err.Error(), tc.says) || !errors.Is(err, ErrTLS) {
				t.Errorf("%v, want %q", err, tc.says)
			}
			if got := e.eval(t, "net_adm:ping('go3@127.0.0.1')"); got != "pang" {
				t.Error(got)
			}
			g.quiet(t)
			for start := time.Now(); tg.Stats().Refused == 0; runtime.Gosched() {
				if time.Since(start) > 10*time.Second {
					t.Fatal("the call was not refused by us")
				}
			}
		})
	}
}

// Ours replaces its certificate, then the authority: a running Erlang node takes the new one, and links go on.
func TestErlangTLSRotation(t *testing.T) {
	needErlang(t)
	ca := newAuthority(t)
	port := freePort(t)
	mine := ca.good(t, "g", tlsHost)
	tg, g := goTLS(t, "go4", port, mine)
	e := erlTLS(t, "er4", port, ca.good(t, "e", tlsHost).optFile(t, ""))
	for range 3 {
		if got := e.eval(t, "net_adm:ping('go4@127.0.0.1')"); got != "pong" {
			t.Fatal(got)
		}
		p := g.next(t, "up").peer
		ca.good(t, "g", tlsHost)
		pingErlang(t, g, p)
		e.eval(t, "erlang:disconnect_node('go4@127.0.0.1')")
		g.next(t, "down")
	}
	ca.issue(t, "g", time.Now().Add(-time.Minute), tlsHost) // now an expired one: read as well, and refused
	if got := e.eval(t, "net_adm:ping('go4@127.0.0.1')"); got != "pang" {
		t.Error(got)
	}
	if _, err := tg.Peer(t.Context(), e.name); !errors.Is(err, ErrTLS) {
		t.Error(err)
	}
}

// An Erlang node that wants new keys after so much traffic gets them, and nothing is lost over it. (But for TLS 1.2 and links
// that it made: Go's server side refuses what is a new handshake there, and the link ends; see TLS.)
func TestErlangTLSNewKeys(t *testing.T) {
	needErlang(t)
	ca := newAuthority(t)
	for name, tc := range map[string]struct {
		options  string
		theyCall bool
	}{
		"1.3, we call":   {", {versions, ['tlsv1.3']}, {key_update_at, 100000}", false},
		"1.3, they call": {", {versions, ['tlsv1.3']}, {key_update_at, 100000}", true},
		"1.2, we call":   {", {versions, ['tlsv1.2']}, {renegotiate_at, 50}", false},
	} {
		t.Run(name, func(t *testing.T) {
			port := freePort(t)
			tg, g := goTLS(t, "gokeys", port, ca.good(t, "g", tlsHost))
			g.echoing(t)
			e := erlTLS(t, "erkeys", port, ca.good(t, "e", tlsHost).optFile(t, tc.options))
			if tc.theyCall {
				if got := e.eval(t, "net_adm:ping('gokeys@127.0.0.1')"); got != "pong" {
					t.Fatal(got)
				}
			} else if _, err := tg.Peer(t.Context(), e.name); err != nil {
				t.Fatal(err)
			}
			g.next(t, "up")
			for range 5 {
				if got := e.eval(t, "banyan_peer:burst('gokeys@127.0.0.1', 6, 300000)"); got != "[true]" {
					t.Fatal(got)
				}
			}
			g.quiet(t)
		})
	}
}
