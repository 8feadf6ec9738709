// SPDX-License-Identifier: Apache-2.0

package erlio

import (
	"context"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/erlio/internal/iolib"
	"github.com/banyan-go/banyan/etf"
)

// PutChars has a group leader print text, and waits until it has: at most until the deadline of ctx, or else the node's
// default for calls. A leader that is not there is ErrNoProcess or ErrNoConnection; what it answers otherwise is a
// *banyan.TermError.
func PutChars(ctx context.Context, leader banyan.PID, text string) error {
	enc := etf.Atom("unicode")
	if !utf8.ValidString(text) {
		enc = "latin1"
	}
	v, err := Request(ctx, leader, etf.Tuple{etf.Atom("put_chars"), enc, []byte(text)})
	if err != nil {
		return err
	}
	if v != etf.Atom("ok") {
		return &banyan.OpError{Op: "put_chars", To: leader.String(), Err: &banyan.TermError{Term: v}}
	}
	return nil
}

// Format is PutChars of what io_lib:format makes of a format and arguments, which are Go values or terms: strings are
// binaries. It is evaluated here.
func Format(ctx context.Context, leader banyan.PID, format string, args ...any) error { //lint:any arguments, as in fmt
	text, err := Sprintf(format, args...)
	if err != nil {
		return err
	}
	return PutChars(ctx, leader, text)
}

// Sprintf is io_lib:format: the text that a format makes of arguments, which are Go values or terms.
func Sprintf(format string, args ...any) (string, error) { //lint:any arguments, as in fmt
	terms := make([]any, len(args))
	for i, a := range args {
		t, err := etf.TermOf(a)
		if err != nil {
			return "", fmt.Errorf("argument %d: %w", i+1, err)
		}
		terms[i] = t
	}
	return iolib.Format(format, terms, iolib.Options{})
}

// GetLine prints a prompt at a group leader and reads a line there, with its end; io.EOF tells that there are no more. It
// waits until ctx ends; the line that is typed afterwards is lost.
func GetLine(ctx context.Context, leader banyan.PID, prompt string) (string, error) {
	return text(ctx, leader, etf.Tuple{etf.Atom("get_line"), etf.Atom("unicode"), []byte(prompt)})
}

// GetChars is GetLine for a number of characters; there are fewer at the end.
func GetChars(ctx context.Context, leader banyan.PID, prompt string, n int) (string, error) {
	return text(ctx, leader, etf.Tuple{etf.Atom("get_chars"), etf.Atom("unicode"), []byte(prompt), n})
}

func text(ctx context.Context, leader banyan.PID, req etf.Tuple) (string, error) {
	v, err := Request(ctx, leader, req)
	if err != nil {
		return "", err
	}
	if v == etf.Atom("eof") {
		return "", io.EOF
	}
	s, err := iolib.Text(v, false, 128<<20)
	if err != nil {
		return "", &banyan.OpError{Op: "read", To: leader.String(), Err: &banyan.TermError{Term: v}}
	}
	return s, nil
}

// forever is the deadline of requests that wait for somebody to type.
const forever = 100 * 365 * 24 * time.Hour

// Request sends any request of the I/O protocol to a group leader and waits for the answer: to requests that read until
// ctx ends, to others as a call does. An answer {error, Reason} is an error that holds a *banyan.TermError.
func Request(ctx context.Context, leader banyan.PID, req any) (any, error) { //lint:any terms
	fail := func(err error) error {
		return &banyan.OpError{Op: "io request", To: leader.String(), Err: err}
	}
	n := banyan.NodeOf(ctx)
	if n == nil {
		return nil, fail(banyan.ErrNoNode)
	}
	ref, err := banyan.SpawnState(n, &asker{})
	if err != nil {
		return nil, fail(err)
	}
	var opts []banyan.CallOption
	if _, bounded := ctx.Deadline(); !bounded && reads(req) {
		opts = append(opts, banyan.Timeout(forever))
	}
	v, err := banyan.Call(ctx, ref, ask{leader, req}, opts...)
	if err != nil {
		return nil, fail(err)
	}
	if t, ok := v.(etf.Tuple); ok && len(t) == 2 && t[0] == etf.Atom("error") {
		return nil, fail(&banyan.TermError{Term: t[1]})
	}
	return v, nil
}

// asker is the process that asks and gets the answer: the protocol answers to a pid. It ends with the answer, with the
// leader, or with the asker's deadline.
type asker struct {
	monitor banyan.Reference
	later   banyan.Later[any]
}

// ask has it ask.
type ask struct {
	Leader banyan.PID
	Req    any
}

// Call asks.
func (m ask) Call(a *asker, self *banyan.Self) (any, error) {
	deadline, bounded := self.Deadline()
	a.monitor = self.Monitor(m.Leader)
	if err := banyan.Send(self, m.Leader, etf.Tuple{etf.Atom("io_request"), self.PID(), a.monitor, m.Req}); err != nil {
		self.Stop(nil)
		return nil, err
	}
	a.later = banyan.Defer[any](self)
	if left := time.Until(deadline); bounded && left < forever/2 {
		self.SendAfter(left, tooLate{})
	}
	return nil, nil
}

type tooLate struct{}

// Info gets the answer.
func (a *asker) Info(self *banyan.Self, m any) error {
	switch m := m.(type) {
	case etf.Tuple:
		if len(m) != 3 || m[0] != etf.Atom("io_reply") || m[1] != a.monitor {
			return nil
		}
		_ = a.later.Reply(m[2]) // who asked may have given up
	case banyan.Down:
		_ = a.later.Fail(m.Reason)
	case tooLate:
	default:
		return nil
	}
	self.Stop(nil)
	return nil
}
