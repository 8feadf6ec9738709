// SPDX-License-Identifier: Apache-2.0

package rpc

import (
	"context"
	"errors"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// Printer prints what io:format and io:put_chars are asked to, in the process that serves the call.
type Printer interface {
	// Format prints by io_lib:format's rules. leader is the caller's group leader, zero if it has none.
	Format(ctx context.Context, leader banyan.PID, format any, args etf.List) error
	// PutChars prints a string: a binary or a list of characters and strings.
	PutChars(ctx context.Context, leader banyan.PID, chars any) error
}

func (e *erlang) ioFunctions() []Function {
	put := func(ctx context.Context, chars any) (OK, error) {
		return OK{}, badOutput(e.printer.PutChars(ctx, leaderOf(ctx), chars))
	}
	return []Function{
		Func1("io", "put_chars", put),
		Func0("io", "nl", func(ctx context.Context) (OK, error) { return put(ctx, []byte("\n")) }),
		Func1("io", "format", func(ctx context.Context, format any) (OK, error) {
			return OK{}, badOutput(e.printer.Format(ctx, leaderOf(ctx), format, nil))
		}),
		Func2("io", "format", func(ctx context.Context, format any, args etf.List) (OK, error) {
			return OK{}, badOutput(e.printer.Format(ctx, leaderOf(ctx), format, args))
		}),
	}
}

func leaderOf(ctx context.Context) banyan.PID {
	r, _ := From(ctx)
	return r.GroupLeader
}

// badOutput is the badarg of io's functions.
func badOutput(err error) error {
	if err == nil {
		return nil
	}
	return BadArg(1, err.Error())
}

// leaderPrinter has the caller's group leader print, by Erlang's I/O protocol. It formats too.
type leaderPrinter struct{}

func (leaderPrinter) Format(ctx context.Context, leader banyan.PID, format any, args etf.List) error {
	return request(ctx, leader, etf.Tuple{etf.Atom("put_chars"), etf.Atom("unicode"), etf.Atom("io_lib"), etf.Atom("format"), etf.List{format, orEmpty(args)}})
}

func (leaderPrinter) PutChars(ctx context.Context, leader banyan.PID, chars any) error {
	return request(ctx, leader, etf.Tuple{etf.Atom("put_chars"), etf.Atom("unicode"), chars})
}

func orEmpty(l etf.List) etf.List {
	if l == nil {
		return etf.List{}
	}
	return l
}

// printTime bounds the wait for a group leader.
const printTime = 5 * time.Second

var errNoLeader = errors.New("there is nobody to print: the caller has no group leader")

// request sends an I/O request and waits for its answer, or for the leader's end.
func request(ctx context.Context, leader banyan.PID, what any) error {
	r, ok := From(ctx)
	if !ok || leader.IsZero() {
		return errNoLeader
	}
	self := r.Self
	ref := self.Monitor(leader)
	defer self.Demonitor(ref)
	if err := banyan.Send(self, leader, etf.Tuple{etf.Atom("io_request"), self.PID(), ref, what}); err != nil {
		return err
	}
	m, err := self.Receive(banyan.Within(self, printTime),
		banyan.When(func(d banyan.Down) bool { return d.Monitor == ref }),
		banyan.When(func(t etf.Tuple) bool { return len(t) == 3 && t[0] == etf.Atom("io_reply") && t[1] == ref }))
	if err != nil {
		return err
	}
	if t, ok := m.(etf.Tuple); ok {
		if t[2] != etf.Atom("ok") {
			return errors.New("the group leader says " + brief(t[2]))
		}
		return nil
	}
	return errNoLeader
}
