// SPDX-License-Identifier: Apache-2.0

package epmd

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// start runs a server on loopback.
func start(t *testing.T) (*Client, *Server) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer()
	s.patience = 300 * time.Millisecond
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return &Client{Addr: l.Addr().String()}, s
}

func TestRegisterLookupNames(t *testing.T) {
	c, _ := start(t)
	ctx := t.Context()
	a, err := c.Register(ctx, Info{Name: "a", Port: 1111})
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.Register(ctx, Info{Name: "b", Port: 2222, Type: Hidden, Extra: []byte("xy")})
	if err != nil {
		t.Fatal(err)
	}
	if a.Creation < 4 || a.Creation == b.Creation {
		t.Errorf("creations %d and %d", a.Creation, b.Creation)
	}
	if _, err := c.Register(ctx, Info{Name: "a", Port: 3333}); !errors.Is(err, ErrNameTaken) {
		t.Errorf("second a: %v", err)
	}
	info, err := c.Lookup(ctx, "b")
	if err != nil || info.Port != 2222 || info.Type != Hidden || string(info.Extra) != "xy" || info.Highest != 6 {
		t.Errorf("%+v, %v", info, err)
	}
	if _, err := c.Lookup(ctx, "nobody"); !errors.Is(err, ErrNotFound) {
		t.Errorf("nobody: %v", err)
	}
	names, err := c.Names(ctx)
	if err != nil || len(names) != 2 || names[0] != (Entry{"a", 1111}) || names[1] != (Entry{"b", 2222}) {
		t.Errorf("%v, %v", names, err)
	}
	b.Close()
	for { // the server sees the end of the connection a moment later
		if _, err := c.Lookup(ctx, "b"); errors.Is(err, ErrNotFound) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	a.Close()
	a.Close()
}

func TestServerGone(t *testing.T) {
	c, s := start(t)
	reg, err := c.Register(t.Context(), Info{Name: "a", Port: 1})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	<-reg.Lost()
	reg.Close()
	if _, err := c.Lookup(t.Context(), "a"); err == nil {
		t.Fatal("found at a daemon that is gone")
	}
}

// The bytes of a real node and of the real daemon.
func TestRecorded(t *testing.T) {
	c, _ := start(t)
	raw := func(hexReq string) []byte {
		req, err := hex.DecodeString(hexReq)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("tcp", c.Addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if _, err := conn.Write(req); err != nil {
			t.Fatal(err)
		}
		if len(req) > 2 && req[2] == alive2Req {
			b := make([]byte, 6)
			n, _ := io.ReadFull(conn, b)
			return b[:n]
		}
		b, _ := io.ReadAll(conn)
		return b
	}
	if got := raw("000e785f5c4d00000600050001620000"); !bytes.HasPrefix(got, []byte{alive2XResp, 0}) {
		t.Errorf("ALIVE2: %x", got)
	}
	if got := hex.EncodeToString(raw("00027a62")); got != "77005f5c4d00000600050001620000" {
		t.Errorf("PORT2: %s", got)
	}
	if got := raw("00016e"); !strings.HasSuffix(string(got), "name b at port 24412\n") || len(got) != 4+21 {
		t.Errorf("NAMES: %q", got)
	}
	if got := raw("000164"); !strings.Contains(string(got), "active name     b at port 24412, fd = ") {
		t.Errorf("DUMP: %q", got)
	}
	if got := raw("00016b"); string(got) != "NO" {
		t.Errorf("KILL: %q", got)
	}
	for _, bad := range []string{"0000", "0001ff", "ffff78", "0003785f5c", "000e785f5c4d000006000500ff620000", "000273", "000d785f5c4d000006000500000000"} {
		if bad == "ffff78" { // longer than any request: closed at once
			if got := raw(bad); len(got) != 0 {
				t.Errorf("%s: %x", bad, got)
			}
			continue
		}
		if got := raw(bad); len(got) != 0 && got[1] == 0 {
			t.Errorf("%s: %x", bad, got)
		}
	}
	if _, err := c.Names(t.Context()); err != nil {
		t.Error("the server did not survive:", err)
	}
}

// A daemon that says nothing, or nonsense, must not hold a client.
func TestBadDaemon(t *testing.T) {
	for _, answer := range []string{"", "\x00", "\x77\x00", "\x77\x00\x00\x01\x4d\x00\x00\x06\x00\x05\xff\xff", "\x76\x00\x00", "\x79\x00", "garbage that goes on"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				readRequest(conn)
				io.WriteString(conn, answer)
				conn.Close()
			}
		}()
		c := &Client{Addr: l.Addr().String()}
		if _, err := c.Lookup(t.Context(), "a"); err == nil {
			t.Errorf("%q: found", answer)
		}
		if _, err := c.Register(t.Context(), Info{Name: "a", Port: 1}); err == nil {
			t.Errorf("%q: registered", answer)
		}
		if names, err := c.Names(t.Context()); err == nil && len(names) > 0 {
			t.Errorf("%q: names %v", answer, names)
		}
		l.Close()
		<-done
	}
}

func TestCanceled(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		readRequest(conn)
		cancel()
		io.Copy(io.Discard, conn)
	}()
	if _, err := (&Client{Addr: l.Addr().String()}).Lookup(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

func FuzzRequest(f *testing.F) {
	f.Add([]byte("\x00\x0e\x78\x5f\x5c\x4d\x00\x00\x06\x00\x05\x00\x01\x62\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		body, err := readRequest(bytes.NewReader(b))
		if err != nil || len(body) == 0 {
			return
		}
		s := NewServer()
		s.port(string(body[1:]))
		if info, err := parseInfo(body[1:]); err == nil {
			if again, err := parseInfo(appendInfo(nil, &info)); err != nil || again.Name != info.Name {
				t.Fatal(err)
			}
			s.take(info)
		}
	})
}
