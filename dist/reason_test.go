// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist/internal/handshake"
	"github.com/banyan-go/banyan/etf"
)

// peerOf is a side as the other one sees it.
func peerOf(s handshake.Side) handshake.Peer {
	return handshake.Peer{Name: s.Name, Creation: s.Creation, Flags: s.Flags}
}

// travel is what becomes of an error on its way to another node.
func travel(t *testing.T, err error) error {
	t.Helper()
	var e etf.Encoder
	if err := e.Term(ReasonTerm(err)); err != nil {
		t.Fatal(err)
	}
	var d etf.Decoder
	d.Reset(e.Bytes(), nil, etf.Limits{})
	v, derr := d.Term()
	if derr != nil {
		t.Fatal(derr)
	}
	return TermReason(v)
}

func TestReasonsKeepTheirMeaning(t *testing.T) {
	bad := &banyan.TermError{Term: etf.Tuple{etf.Atom("badmatch"), etf.List{1, []byte("x")}}}
	for _, tc := range []struct {
		err  error
		term any
		is   []error
		text string // if it must stay the same
	}{
		{nil, etf.Atom("normal"), []error{banyan.ErrNormal}, ""},
		{banyan.ErrNormal, etf.Atom("normal"), []error{banyan.ErrNormal}, ""},
		{banyan.ErrShutdown, etf.Atom("shutdown"), []error{banyan.ErrShutdown}, "shutdown"},
		{banyan.Shutdown(banyan.ErrNoProcess), etf.Tuple{etf.Atom("shutdown"), etf.Atom("noproc")}, []error{banyan.ErrShutdown, banyan.ErrNoProcess}, ""},
		{banyan.ErrKill, etf.Atom("kill"), []error{banyan.ErrKill}, ""},
		{banyan.ErrKilled, etf.Atom("killed"), []error{banyan.ErrKilled}, ""},
		{banyan.ErrNoConnection, etf.Atom("noconnection"), []error{banyan.ErrNoConnection}, ""},
		{banyan.ErrMailboxFull, etf.Atom("banyan.mailbox_full"), []error{banyan.ErrMailboxFull}, "mailbox full"},
		{fmt.Errorf("stock: %w", banyan.ErrMailboxFull), etf.Tuple{etf.Atom("banyan.mailbox_full"), []byte("stock: mailbox full")}, []error{banyan.ErrMailboxFull}, "stock: mailbox full"},
		{fmt.Errorf("%w: %w", banyan.ErrNotUnderstood, banyan.ErrNotDelivered), nil, []error{banyan.ErrNotUnderstood, banyan.ErrNotDelivered}, "message not understood: not delivered"},
		{fmt.Errorf("x: %w", banyan.ErrNoProcess), nil, []error{banyan.ErrNoProcess}, "x: no process"},
		{fmt.Errorf("x: %w", banyan.ErrShutdown), nil, []error{banyan.ErrShutdown}, "x: shutdown"},
		{errors.New("disk full"), etf.Tuple{etf.Atom("go_error"), []byte("disk full")}, nil, "disk full"},
		{&banyan.RemoteError{Text: "disk full"}, etf.Tuple{etf.Atom("go_error"), []byte("disk full")}, nil, "disk full"},
		{bad, bad.Term, nil, bad.Error()},
		{fmt.Errorf("calling: %w", bad), bad.Term, nil, bad.Error()},
		{&banyan.PanicError{Value: "index", Stack: "main.go:1"}, etf.Tuple{etf.Atom("panic"), []byte("index"), []byte("main.go:1")}, nil, "panic: index"},
	} {
		term := ReasonTerm(tc.err)
		if tc.term != nil && !etf.Equal(term, tc.term) {
			t.Errorf("%v became %v, want %v", tc.err, term, tc.term)
		}
		got := travel(t, tc.err)
		for _, is := range tc.is {
			if !errors.Is(got, is) {
				t.Errorf("%v arrived as %v (%T), which is not %v", tc.err, got, got, is)
			}
		}
		if tc.text != "" && got.Error() != tc.text {
			t.Errorf("%q arrived as %q", tc.text, got.Error())
		}
		if again := ReasonTerm(got); !etf.Equal(again, term) {
			t.Errorf("%v travels on as %v, came as %v", tc.err, again, term)
		}
		// A wrapped shutdown is a crash here, and must be one there.
		if tc.err != nil && banyan.Abnormal(tc.err) != banyan.Abnormal(got) {
			t.Errorf("%v: abnormal here, not there, or the reverse", tc.err)
		}
	}
	var p *banyan.PanicError
	if got := travel(t, &banyan.PanicError{Value: "v", Stack: "s"}); !errors.As(got, &p) || p.Value != "v" || p.Stack != "s" {
		t.Errorf("%#v", got)
	}
}

// Terms of Erlang go on as they came, whatever they look like.
func TestForeignReasons(t *testing.T) {
	for _, term := range []any{etf.Atom("whatever"), 17, etf.Tuple{}, etf.Tuple{etf.Atom("noproc"), etf.Tuple{etf.Atom("gen_server"), etf.Atom("call"), etf.List{}}},
		etf.Tuple{etf.Atom("noproc"), []byte("x"), 1}, etf.Tuple{etf.Atom("noproc"), []byte("x"), etf.List{etf.Atom("nonsense")}},
		etf.Tuple{etf.Atom("shutdown"), etf.Tuple{etf.Atom("failed"), 1}}, etf.Tuple{etf.Atom("panic"), []byte("a")}, etf.Tuple{etf.Atom("go_error"), 1},
		etf.Tuple{[]byte("noproc"), []byte("x")}, etf.List{}, etf.Tuple{etf.Atom("normal"), []byte("x")}} {
		if got := ReasonTerm(TermReason(term)); !etf.Equal(got, term) {
			if tt, ok := term.(etf.Tuple); ok && len(tt) == 2 && tt[0] == etf.Atom("normal") {
				continue // {normal, <<"x">>} is ours, written otherwise
			}
			t.Errorf("%v came back as %v", term, got)
		}
	}
	deep := any(etf.Atom("x"))
	for range 1000 {
		deep = etf.Tuple{etf.Atom("shutdown"), deep}
	}
	if got := ReasonTerm(TermReason(deep)); !etf.Equal(got, deep) {
		t.Error("a deep shutdown is not what it was")
	}
}

func TestCookieFile(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	path := filepath.Join(home, ".erlang.cookie")
	made, err := Config{}.cookie()
	if err != nil || len(made) != 20 || strings.ToUpper(made) != made {
		t.Fatal(made, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o400 {
		t.Fatal(info, err)
	}
	if again, err := (Config{}).cookie(); err != nil || again != made {
		t.Error(again, err)
	}
	if left, _ := os.ReadDir(home); len(left) != 1 {
		t.Error("files left behind:", left)
	}
	own := filepath.Join(home, "own")
	os.WriteFile(own, []byte("abc def\n"), 0o600)
	if c, err := (Config{CookieFile: own}).cookie(); err != nil || c != "abc def" {
		t.Error(c, err)
	}
	os.Chmod(own, 0o640)
	if _, err := (Config{CookieFile: own}).cookie(); err == nil || !strings.Contains(err.Error(), "chmod 400") {
		t.Error(err)
	}
	if _, err := (Config{CookieFile: filepath.Join(home, "none")}).cookie(); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	os.WriteFile(own+"2", []byte("\n"), 0o400)
	if _, err := (Config{CookieFile: own + "2"}).cookie(); err == nil {
		t.Error("an empty cookie")
	}
}

func TestConfigValidate(t *testing.T) {
	if err := (Config{}).Validate(); err != nil {
		t.Error(err)
	}
	bad := Config{Cookie: "a\nb", CookieFile: "x", Listen: "nowhere", TickTime: -1, SetupTime: 1, MaxMessage: 1, LinkBuffer: 1, MaxPending: -1, PollTime: 1 << 40}
	err := bad.Validate()
	if err == nil {
		t.Fatal("taken")
	}
	for _, field := range []string{"Cookie:", "CookieFile", "Listen", "TickTime", "SetupTime", "MaxMessage", "LinkBuffer", "MaxPending", "PollTime"} {
		if !strings.Contains(err.Error(), field) {
			t.Errorf("%s is not named in %v", field, err)
		}
	}
	if err := New(bad).start(t.Context(), newFakePort("a@h")); err == nil {
		t.Error("opened all the same")
	}
	if err := New(Config{Cookie: "x", Network: newMemory(), Names: newMemory()}).start(t.Context(), newFakePort("nohost")); !errors.Is(err, ErrWrongName) {
		t.Error(err)
	}
}

// What a caller is told of a server that died in the call means the same on another node.
func TestProcessErrorCrosses(t *testing.T) {
	pid := banyan.PID{Node: "a@b", ID: 7, Serial: 1, Creation: 9}
	for _, delivered := range []bool{true, false} {
		in := &banyan.ProcessError{PID: pid, Delivered: delivered, Reason: &banyan.PanicError{Value: "boom", Stack: "there"}}
		data, err := etf.Marshal(ReasonTerm(in))
		if err != nil {
			t.Fatal(err)
		}
		term, _, err := etf.DecodeTerm(data, etf.DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		out := TermReason(term)
		var p *banyan.PanicError
		if errors.Is(out, banyan.ErrDied) != delivered || errors.Is(out, banyan.ErrNotDelivered) == delivered || !errors.As(out, &p) || p.Stack != "there" {
			t.Errorf("delivered %v: got %v", delivered, out)
		}
	}
	u := &banyan.UndefinedError{Module: "m", Function: "f", Args: []any{1}}
	want := etf.Tuple{etf.Atom("undef"), etf.List{etf.Tuple{etf.Atom("m"), etf.Atom("f"), etf.List{1}, etf.List{}}}}
	if got := ReasonTerm(u); !etf.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}
