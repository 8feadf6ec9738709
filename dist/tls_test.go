// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// with sets TLS.
func with(c *TLS) func(*Config) { return func(cfg *Config) { cfg.TLS = c } }

// connects says whether b@h, with the configuration sb, can be called by a@h with sa.
func connects(t *testing.T, sa, sb *TLS) (dial error, refused bool) {
	t.Helper()
	// A buffered network: one where all writes wait for their reader has the alert of one side wait for the other's.
	m := newMemory()
	fast := func(c *Config) { c.SetupTime, c.Network, c.Names = 5*time.Second, TCP{}, localNames{m} }
	ta, a := begin(t, m, "a@h", func(c *Config) { fast(c); c.TLS = sa })
	tb, b := begin(t, m, "b@h", func(c *Config) { fast(c); c.TLS = sb })
	p, err := ta.Peer(t.Context(), "b@h")
	if err != nil {
		a.quiet(t)
		b.quiet(t)
		return err, tb.Stats().Refused > 0
	}
	a.next(t, "up")
	b.next(t, "up")
	if err := p.Send(text(a.pid(1), b.pid(1), etf.Atom("hi"))); err != nil {
		t.Error(err)
	}
	b.next(t, "signal")
	return nil, false
}

func TestTLSVerification(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	good, good2 := ca.good(t, "good", "h"), ca.good(t, "good2", "h", "x")
	foreign := other.good(t, "foreign", "h")
	trusting := *foreign // knows our authority, but is signed by another
	trusting.CAFile = ca.file
	for name, tc := range map[string]struct {
		a, b *TLS
		want string // in the dialler's error; empty: it connects
	}{
		"both good":                   {a: good, b: good2},
		"acceptor of another CA":      {a: good, b: &trusting, want: "unknown authority"},
		"caller of another CA":        {a: &trusting, b: good, want: "refuses us"},
		"acceptor's has expired":      {a: good, b: ca.issue(t, "old", time.Now().Add(-time.Hour), "h"), want: "expired"},
		"caller's has expired":        {a: ca.issue(t, "old2", time.Now().Add(-time.Hour), "h"), b: good, want: "refuses us"},
		"acceptor for another host":   {a: good, b: ca.good(t, "j", "j"), want: "not h"},
		"caller for another host":     {a: ca.good(t, "k", "k"), b: good, want: "not_allowed"},
		"plain caller":                {b: good, want: "speaks TLS"},
		"plain acceptor":              {a: good, want: "does the other side speak TLS"},
		"names skipped":               {a: &TLS{CertFile: good.CertFile, KeyFile: good.KeyFile, CAFile: ca.file, SkipNames: true}, b: ca.good(t, "l", "l")},
		"names skipped, another CA":   {a: &TLS{CertFile: good.CertFile, KeyFile: good.KeyFile, CAFile: ca.file, SkipNames: true}, b: &trusting, want: "unknown authority"},
		"names skipped by the called": {a: ca.good(t, "m", "m"), b: &TLS{CertFile: good.CertFile, KeyFile: good.KeyFile, CAFile: ca.file, SkipNames: true}},
		"by option files":             {a: &TLS{OptFile: good.optFile(t, "")}, b: &TLS{OptFile: good2.optFile(t, ", {versions, ['tlsv1.2']}")}},
		"no common version":           {a: &TLS{OptFile: good.optFile(t, ", {versions, ['tlsv1.3']}")}, b: &TLS{OptFile: good2.optFile(t, ", {versions, ['tlsv1.2']}")}, want: "protocol version"},
	} {
		t.Run(name, func(t *testing.T) {
			err, refused := connects(t, tc.a, tc.b)
			switch {
			case tc.want == "" && err != nil:
				t.Error(err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want) || !errors.Is(err, banyan.ErrNoConnection)):
				t.Errorf("%v, want %q", err, tc.want)
			case tc.want != "" && !errors.Is(err, ErrTLS) && !errors.Is(err, ErrRefused):
				t.Errorf("not marked as TLS's: %v", err)
			}
			_ = refused
		})
	}
	var unknown x509.UnknownAuthorityError
	if err, _ := connects(t, good, &trusting); !errors.As(err, &unknown) {
		t.Errorf("package x509's error is lost: %v", err)
	}
}

// A caller without a certificate is refused, unless Anonymous is set, and then only its certificate's absence is forgiven.
func TestTLSCallersShowACertificate(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	good := ca.good(t, "good", "h")
	bare := &TLS{Provider: func(accept bool) (*tls.Config, error) {
		pool, err := readAuthorities(ca.file)
		cfg := &tls.Config{RootCAs: pool}
		if accept {
			cert, lerr := tls.LoadX509KeyPair(good.CertFile, good.KeyFile)
			cfg.Certificates, err = []tls.Certificate{cert}, errors.Join(err, lerr)
		}
		return cfg, err
	}}
	if err, _ := connects(t, bare, good); !errors.Is(err, ErrTLS) {
		t.Error("without a certificate:", err)
	}
	open := *good
	open.Anonymous = true
	if err, _ := connects(t, bare, &open); err != nil {
		t.Error(err)
	}
	wrong := other.good(t, "wrong", "h")
	wrong.CAFile = ca.file
	if err, _ := connects(t, wrong, &open); err != nil { // our side shows nothing where it would be refused
		t.Error(err)
	}
	pushy := &TLS{Provider: func(accept bool) (*tls.Config, error) {
		cfg, err := bare.Provider(accept)
		cert, lerr := tls.LoadX509KeyPair(wrong.CertFile, wrong.KeyFile)
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
		return cfg, errors.Join(err, lerr)
	}}
	if err, _ := connects(t, pushy, &open); !errors.Is(err, ErrTLS) {
		t.Error("with another authority's:", err)
	}
	// What a provider forgets is not taken for leave: callers need a certificate there too.
	if err, _ := connects(t, bare, bare); !errors.Is(err, ErrTLS) {
		t.Error("a provider without ClientAuth:", err)
	}
	none := &TLS{Provider: func(bool) (*tls.Config, error) { return nil, errors.New("the vault is sealed") }}
	if err, _ := connects(t, none, good); !errors.Is(err, ErrTLS) || !strings.Contains(err.Error(), "the vault is sealed") {
		t.Error(err)
	}
	if err, _ := connects(t, good, none); !errors.Is(err, ErrTLS) {
		t.Error(err)
	}
}

// New files are used for the next link without a word, and links that are up go on. Files that cannot be used are not.
func TestTLSRotation(t *testing.T) {
	ca := newAuthority(t)
	a, b := ca.good(t, "a", "h"), ca.good(t, "b", "h")
	m := newMemory()
	ta, pa := begin(t, m, "a@h", with(a))
	tb, pb := begin(t, m, "b@h", func(c *Config) { c.TLS = b })
	var log logs
	pb.log = slog.New(slog.NewTextHandler(&log, nil))
	tb.keys.log = pb.log
	serial := func(p banyan.Peer) int64 {
		return p.(*link).conn.(*tlsConn).ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	again := func(old banyan.Peer) banyan.Peer {
		t.Helper()
		if old != nil {
			if err := old.Send(text(pa.pid(1), pb.pid(1), 1)); err != nil {
				t.Fatal(err)
			}
			pb.next(t, "signal")
			old.Disconnect(nil)
			pa.next(t, "down")
			pb.next(t, "down")
		}
		p, err := ta.Peer(t.Context(), "b@h")
		if err != nil {
			t.Fatal(err)
		}
		pa.next(t, "up")
		pb.next(t, "up")
		return p
	}
	p := again(nil)
	first := serial(p)
	ca.good(t, "b", "h") // the files of b are replaced
	p = again(p)
	if got := serial(p); got != first+1 {
		t.Errorf("serial number %d after %d", got, first)
	}
	if err := os.WriteFile(b.CertFile, []byte("half a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	p = again(p)
	if got := serial(p); got != first+1 {
		t.Errorf("serial number %d", got)
	}
	p = again(p) // the same broken file is not spoken of twice
	log.mu.Lock()
	if s := log.text.String(); strings.Count(s, "cannot be used") != 1 {
		t.Error(s)
	}
	log.mu.Unlock()
	ca.good(t, "b", "h")
	p = again(p)
	if got := serial(p); got != first+2 {
		t.Errorf("serial number %d", got)
	}
	// A new authority, in which both old and new are trusted for a while.
	next := newAuthority(t)
	old, err := os.ReadFile(ca.file)
	if err != nil {
		t.Fatal(err)
	}
	young, err := os.ReadFile(next.file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(ca.file, append(old, young...), 0o600); err != nil {
		t.Fatal(err)
	}
	next.dir = ca.dir
	next.n = 1000
	next.good(t, "b", "h")
	if got := serial(again(p)); got != 1001 {
		t.Errorf("serial number %d", got)
	}
}

// Ticks pass too, in both directions.
func TestTLSTicks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newAuthority(t).good(t, "n", "h")
		_, _, a, b, ab, _ := connected(t, newMemory(), func(cfg *Config) { noPoll(cfg); cfg.TLS = c })
		pass(time.Hour)
		a.quiet(t)
		b.quiet(t)
		if err := ab.Send(text(a.pid(1), b.pid(1), 1)); err != nil {
			t.Fatal(err)
		}
		b.next(t, "signal")
	})
}

// Large messages and many small ones pass under TLS as without.
func TestTLSTraffic(t *testing.T) {
	ca := newAuthority(t)
	c := ca.good(t, "n", "h")
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		files := *c
		conf := &TLS{OptFile: files.optFile(t, fmt.Sprintf(", {versions, ['tlsv1.%d']}", version-tls.VersionTLS12+2))}
		_, _, a, b, ab, ba := connected(t, newMemory(), with(conf))
		if got := ab.(*link).conn.(*tlsConn).ConnectionState().Version; got != version {
			t.Errorf("version %x, want %x", got, version)
		}
		big := bytes.Repeat([]byte("0123456789"), 300_000)
		for i := range 5 {
			push(t, ab, text(a.pid(1), b.pid(1), etf.Tuple{i, big}))
			push(t, ba, text(b.pid(1), a.pid(1), etf.Tuple{i, big}))
		}
		for i := range 5 {
			for _, p := range []*fakePort{a, b} {
				v := p.next(t, "signal").signal.Body.Value.(etf.Tuple)
				if v[0] != i || !bytes.Equal(v[1].([]byte), big) {
					t.Fatal("changed on the way")
				}
			}
		}
		var sender sync.WaitGroup
		sender.Go(func() {
			for i := range 20_000 {
				push(t, ab, text(a.pid(2), b.pid(2), i))
			}
		})
		for i := range 20_000 {
			if v := b.next(t, "signal").signal.Body.Value; v != i {
				t.Fatal(v, i)
			}
		}
		sender.Wait()
		ab.Disconnect(nil)
		a.next(t, "down")
		if e := b.next(t, "down"); !errors.Is(e.err, errClosed) {
			t.Error(e.err)
		}
	}
}

// countingConn counts writes.
type countingConn struct {
	net.Conn
	writes int
}

func (c *countingConn) Write(b []byte) (int, error) { c.writes++; return c.Conn.Write(b) }

// What is written at once leaves at once, however many records it is; nothing stays behind.
func TestTLSGathersRecords(t *testing.T) {
	ca := newAuthority(t)
	keys, err := newKeyring(*ca.good(t, "n", "h"), slog.Default())
	if err != nil {
		t.Fatal(err)
	}
	tr := New(Config{TLS: &TLS{}})
	tr.keys = keys
	a, b := net.Pipe()
	counted := &countingConn{Conn: a}
	ca1, err1 := tr.secure(counted, "h")
	cb, err2 := tr.secure(b, "")
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	go shakeTLS(t.Context(), cb)
	if err := shakeTLS(t.Context(), ca1); err != nil {
		t.Fatal(err)
	}
	counted.writes = 0
	got := make(chan []byte)
	go func() {
		all, _ := io.ReadAll(cb)
		got <- all
	}()
	data := bytes.Repeat([]byte("x"), 100_000)
	ca1.Write(data)
	ca1.(*tlsConn).WriteBuffers(net.Buffers{data[:10], data[:50_000], data[:10], data[:9_980]})
	if counted.writes != 2 {
		t.Errorf("%d writes for two of up to 100 kB", counted.writes)
	}
	ca1.Close()
	if n := len(<-got); n != 160_000 {
		t.Errorf("%d bytes arrived", n)
	}
}

// A peer that reads nothing cannot make Close wait.
func TestTLSCloseDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, _, a, b, ab, ba := connected(t, newMemory(), with(newAuthority(t).good(t, "n", "h")))
		b.deliver = func(banyan.Peer, *banyan.Signal) { <-t.Context().Done() } // the reader of b stops here
		for ab.Send(text(a.pid(1), b.pid(1), make([]byte, 50_000))) == nil {
		}
		start := time.Now()
		ab.Disconnect(nil)
		a.next(t, "down")
		if d := time.Since(start); d > closeTime {
			t.Error(d)
		}
		ba.Disconnect(nil)
	})
}

func TestTLSConfigErrors(t *testing.T) {
	ca := newAuthority(t)
	good := ca.good(t, "n", "h")
	for want, c := range map[string]*TLS{
		"all three":       {CertFile: "x"},
		"not two of them": {CertFile: "x", KeyFile: "x", CAFile: "x", OptFile: "y"},
		"and not two":     {OptFile: "y", Provider: func(bool) (*tls.Config, error) { return nil, nil }},
		"no such file":    {CertFile: "nothing.pem", KeyFile: "nothing.pem", CAFile: "nothing.pem"},
		"with the key in": {CertFile: good.CertFile, KeyFile: good.CertFile, CAFile: good.CAFile},
		"0 certificates":  {CertFile: good.CertFile, KeyFile: good.KeyFile, CAFile: good.KeyFile},
	} {
		if err := New(Config{Cookie: "x", Network: newMemory(), Names: newMemory(), TLS: c}).start(t.Context(), newFakePort("a@h")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	base := fmt.Sprintf(`{certfile, "%s"}, {keyfile, "%s"}, {cacertfile, "%s"}`, good.CertFile, good.KeyFile, good.CAFile)
	for text, want := range map[string]string{
		"[{server,[" + base + "]},{client,[" + base + "]}].":                                               "",
		"[{server,[" + base + ",{depth,2},{dhfile,\"x\"}]},{client,[" + base + "]}].":                      "",
		"[{server,[" + base + ",{verify,verify_none}]},{client,[{verify,verify_none}]}].":                  "",
		"[{server,[" + base + ",{verify_fun,{inet_tls_dist,verify_client,[]}}]},{client,[" + base + "]}].": "",
		"[{server,[" + base + ",{verify_fun,{my_mod,f,[]}}]},{client,[" + base + "]}].":                    "verify_fun",
		"[{server,[" + base + ",{ciphers,[\"A\"]}]}].":                                                     "server: the option ciphers is not supported",
		"[{server,[" + base + ",{password,\"A\"}]}].":                                                      "the option password is not supported",
		"[{server,[" + base + "]},{client,[" + base + ",{verify,perhaps}]}].":                              "client: the option verify cannot be perhaps",
		"[{server,[" + base + ",{depth,-1}]}].":                                                            "depth",
		"[{server,[" + base + ",{versions,['sslv3']}]}].":                                                  "versions",
		"[{server,[" + base + ",{versions,['tlsv1.1']}]}].":                                                "versions",
		"[{server,[" + base + ",binary]}].":                                                                "not {Option, Value}",
		"[{both,[" + base + "]}].":                                                                         "not {server",
		"{server,[" + base + "]}.":                                                                         "not [{server",
		"[{client,[" + base + "]}].":                                                                       "needs a certfile",
		"[{server,[" + base + "]}].":                                                                       "cacertfile",
		"[{server,\n[x":                                                                                    "line 2",
	} {
		name := filepath.Join(t.TempDir(), "o")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := newKeyring(TLS{OptFile: name}, slog.Default())
		if (err == nil) != (want == "") || (err != nil && (!strings.Contains(err.Error(), want) || !errors.Is(err, ErrTLS) || !strings.Contains(err.Error(), name) && want != "needs a certfile" && want != "cacertfile")) {
			t.Errorf("%.60s...\n%v, want %q", text, err, want)
		}
	}
}
