// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"errors"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
	"github.com/banyan-go/banyan/internal/typereg"
)

// Exit reasons and errors travel as Erlang's terms:
//
//	nil, ErrNormal                    normal
//	ErrShutdown, Shutdown(r)          shutdown, {shutdown, R}
//	ErrKilled, ErrKill                killed, kill
//	ErrNoProcess, ErrNoConnection     noproc, noconnection
//	a registered error                its code, an atom
//	one that wraps such an error      {Code, <<"text">>}, with a third element ['banyan.not_delivered'] if it is that too
//	a panic                           {panic, <<"value">>, <<"stack">>}
//	a ProcessError                    {'banyan.process', Pid, Delivered, Reason}
//	an UndefinedError                 {undef, [{Module, Function, Args, []}]}
//	an Erlang term                    itself
//	any other error                   {go_error, <<"text">>}

// Errors in the fields of messages travel in the same way.
func init() { typereg.SetErrors(typereg.ErrorForm{Term: reasonTerm, Error: termReason}) }

// ReasonTerm returns the term that an exit reason or an error travels as.
func ReasonTerm(err error) any { return reasonTerm(err) }

// TermReason returns the error that such a term stands for; for the reason normal that is ErrNormal. A term without a
// meaning in Go becomes a *banyan.TermError, which travels on as the same term.
func TermReason(t any) error { return termReason(t) }

const (
	panicAtom   etf.Atom = "panic"
	goErrorAtom etf.Atom = "go_error"
	processAtom etf.Atom = "banyan.process"
	undefAtom   etf.Atom = "undef"
	normalCode  etf.Atom = "banyan.normal"
	stopCode    etf.Atom = "banyan.shutdown"
)

// basic returns the atom of one of Erlang's own reasons.
func basic(err error) (etf.Atom, bool) {
	switch err {
	case nil, banyan.ErrNormal:
		return "normal", true
	case banyan.ErrShutdown:
		return "shutdown", true
	case banyan.ErrKill:
		return "kill", true
	case banyan.ErrKilled:
		return "killed", true
	case banyan.ErrNoProcess:
		return "noproc", true
	case banyan.ErrNoConnection:
		return "noconnection", true
	}
	return "", false
}

// basicError is the inverse of basic.
func basicError(a etf.Atom) error {
	switch a {
	case "normal":
		return banyan.ErrNormal
	case "shutdown":
		return banyan.ErrShutdown
	case "kill":
		return banyan.ErrKill
	case "killed":
		return banyan.ErrKilled
	case "noproc":
		return banyan.ErrNoProcess
	case "noconnection":
		return banyan.ErrNoConnection
	}
	return nil
}

// maxNested bounds {shutdown, {shutdown, ...}}: beyond it the rest is text, or a term.
const maxNested = 32

func reasonTerm(err error) any { return reasonTermAt(err, maxNested) }

func reasonTermAt(err error, depth int) any {
	if a, ok := basic(err); ok {
		return a
	}
	switch e := err.(type) {
	case *banyan.TermError:
		return e.Term
	case *banyan.RemoteError:
		return etf.Tuple{goErrorAtom, []byte(e.Text)}
	}
	if inner, ok := banyan.ShutdownReason(err); ok && depth > 0 {
		return etf.Tuple{etf.Atom("shutdown"), reasonTermAt(inner, depth-1)}
	}
	if p := (*banyan.ProcessError)(nil); depth > 0 && errors.As(err, &p) {
		return etf.Tuple{processAtom, p.PID, p.Delivered, reasonTermAt(p.Reason, depth-1)}
	}
	if u, ok := err.(*banyan.UndefinedError); ok {
		return etf.Tuple{undefAtom, etf.List{etf.Tuple{u.Module, u.Function, etf.List(u.Args), etf.List{}}}}
	}
	if p := (*banyan.PanicError)(nil); errors.As(err, &p) {
		return etf.Tuple{panicAtom, []byte(p.Value), []byte(p.Stack)}
	}
	code, exact, ok := banyan.ErrorCode(err)
	switch {
	case !ok:
		if t := (*banyan.TermError)(nil); errors.As(err, &t) {
			return t.Term
		}
		return goError(err)
	case exact:
		return etf.Atom(code)
	case code == "shutdown": // {shutdown, T} is another thing, an orderly end
		code = string(stopCode)
	case code == "normal":
		code = string(normalCode)
	}
	t := etf.Tuple{etf.Atom(code), []byte(err.Error())}
	if mark, _, ok := banyan.ErrorCode(banyan.ErrNotDelivered); ok && mark != code && errors.Is(err, banyan.ErrNotDelivered) {
		t = append(t, etf.List{etf.Atom(mark)})
	}
	return t
}

// goError is an error as its text.
func goError(err error) any { return etf.Tuple{goErrorAtom, []byte(err.Error())} }

// codedError is an error that came with one or two codes and a text.
type codedError struct {
	sentinels []error
	text      string
}

func (e *codedError) Error() string   { return e.text }
func (e *codedError) Unwrap() []error { return e.sentinels }

func termReason(t any) error { return termReasonAt(t, maxNested) }

func termReasonAt(t any, depth int) error {
	switch t := t.(type) {
	case etf.Atom:
		if err := sentinelOf(t); err != nil {
			return err
		}
	case etf.Tuple:
		if err := tupleReason(t, depth); err != nil {
			return err
		}
	}
	return &banyan.TermError{Term: t}
}

// tupleReason is nil for a tuple without a meaning.
func tupleReason(t etf.Tuple, depth int) error {
	if len(t) < 2 {
		return nil
	}
	tag, ok := t[0].(etf.Atom)
	if !ok {
		return nil
	}
	if tag == "shutdown" && len(t) == 2 && depth > 0 {
		return banyan.Shutdown(termReasonAt(t[1], depth-1))
	}
	if tag == processAtom && len(t) == 4 && depth > 0 {
		pid, isPID := t[1].(banyan.PID)
		delivered, isAtom := t[2].(etf.Atom)
		if !isPID || !isAtom {
			return nil
		}
		return &banyan.ProcessError{PID: pid, Delivered: delivered == "true", Reason: termReasonAt(t[3], depth-1)}
	}
	text, ok := t[1].([]byte)
	if !ok {
		return nil
	}
	if tag == panicAtom && len(t) == 3 {
		if stack, ok := t[2].([]byte); ok {
			return &banyan.PanicError{Value: string(text), Stack: string(stack)}
		}
	}
	if tag == goErrorAtom && len(t) == 2 {
		return &banyan.RemoteError{Text: string(text)}
	}
	err := sentinelOf(tag)
	switch tag {
	case stopCode:
		err = banyan.ErrShutdown
	case normalCode:
		err = banyan.ErrNormal
	}
	if err == nil {
		return nil
	}
	coded := &codedError{[]error{err}, string(text)}
	if len(t) == 3 {
		marks, ok := t[2].(etf.List)
		if !ok || len(marks) != 1 {
			return nil
		}
		a, _ := marks[0].(etf.Atom)
		mark := sentinelOf(a)
		if mark == nil {
			return nil
		}
		coded.sentinels = append(coded.sentinels, mark)
	} else if len(t) > 3 {
		return nil
	}
	return coded
}

// sentinelOf is the error whose code a is, or nil.
func sentinelOf(a etf.Atom) error {
	if err := basicError(a); err != nil {
		return err
	}
	if err, ok := banyan.ErrorByCode(string(a)); ok {
		return err
	}
	return nil
}
