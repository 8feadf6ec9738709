// SPDX-License-Identifier: Apache-2.0

package rpc

import (
	"errors"
	"fmt"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist"
	"github.com/banyan-go/banyan/etf"
)

// Throw is an error that reaches the caller as Erlang's throw(Value): rpc:call gives the value itself.
func Throw(value any) error { return &thrown{value} } //lint:any a term

// Exit is an error that reaches the caller as Erlang's exit(Reason). For any term take a *banyan.TermError.
func Exit(reason error) error { return &exited{reason} }

// BadArg is the error badarg for an argument, counted from 1, that has the right type and yet cannot be used: Erlang's
// error(badarg), with the text where OTP's own functions have theirs.
func BadArg(argument int, text string) error { return &badArg{argument, text} }

type thrown struct{ value any }

func (e *thrown) Error() string { return "throw: " + brief(e.value) }

type exited struct{ reason error }

func (e *exited) Error() string { return fmt.Sprintf("exit: %v", e.reason) }
func (e *exited) Unwrap() error { return e.reason }

type badArg struct {
	argument int
	text     string
}

func (e *badArg) Error() string { return fmt.Sprintf("argument %d: %s", e.argument, e.text) }

// misfit is the badarg of an argument that does not fit its Go type.
func misfit(argument int, want string, got any, err error) error {
	text := fmt.Sprintf("want %s, got %s", want, brief(got))
	if e := (*etf.Error)(nil); errors.As(err, &e) {
		if path := inTerm.ReplaceAllString(e.Path, "banyan.$1"); path != "" && path != want { // it is a part that does not fit
			text += fmt.Sprintf(" (%s: %s)", path, e.Reason)
		}
	}
	return &badArg{argument, text}
}

// outcome is how a function ended, in Erlang's words.
type outcome struct {
	class  Class // "" if it returned
	value  any   // what it returned or threw, or the reason
	stack  any   // of an error
	system bool  // the reason is one of erpc itself: {erpc, R}
}

const (
	returned Class = ""

	errorAtom   etf.Atom = "error"
	returnAtom  etf.Atom = "return"
	erpcAtom    etf.Atom = "erpc"
	undefAtom   etf.Atom = "undef"
	badargAtom  etf.Atom = "badarg"
	badrpcAtom  etf.Atom = "badrpc"
	limitAtom   etf.Atom = "system_limit"
	exitMark    etf.Atom = "EXIT"
	errorInfo   etf.Atom = "error_info"
	causeAtom   etf.Atom = "cause"
	argumentKey etf.Atom = "argument"
)

func ofSystem(reason etf.Atom) outcome {
	return outcome{class: ClassError, value: reason, system: true}
}

// outcomeOf tells what a function's result and error are to the caller.
func outcomeOf(k key, args []any, v any, err error) outcome {
	if err == nil {
		t, err := isolated(v)
		if err == nil {
			return outcome{value: t}
		}
		return failed(k, args, fmt.Errorf("the result of %v cannot be sent: %w", k, err))
	}
	o := failed(k, args, err)
	t, bad := isolated(o.value)
	if bad != nil {
		return failed(k, args, errors.New(err.Error()))
	}
	o.value = t
	return o
}

func failed(k key, args []any, err error) outcome {
	for { // what calls put around an error goes no further: the caller has one of its own
		op, ok := err.(*banyan.OpError)
		if !ok {
			break
		}
		err = op.Err
	}
	var throw *thrown
	var exit *exited
	var bad *badArg
	switch e := err.(type) {
	case *Error:
		if !e.Signal {
			return outcome{class: e.Class, value: e.Reason, stack: e.stackTerm()}
		}
	case *banyan.UndefinedError:
		return undefined(key{e.Module, e.Function, len(e.Args)}, e.Args)
	}
	switch {
	case errors.As(err, &throw):
		return outcome{class: ClassThrow, value: throw.value}
	case errors.As(err, &exit):
		return outcome{class: ClassExit, value: dist.ReasonTerm(exit.reason)}
	case errors.As(err, &bad):
		info := etf.Map{{Key: argumentKey, Value: bad.argument}, {Key: causeAtom, Value: []byte(bad.Error())}}
		return outcome{class: ClassError, value: badargAtom,
			stack: etf.List{etf.Tuple{k.module, k.function, etf.List(args), etf.List{etf.Tuple{errorInfo, info}}}}}
	}
	return outcome{class: ClassError, value: dist.ReasonTerm(err), stack: etf.List{etf.Tuple{k.module, k.function, k.arity, etf.List{}}}}
}

// undefined is Erlang's undef: the stack entry holds the arguments.
func undefined(k key, args []any) outcome {
	return outcome{class: ClassError, value: undefAtom, stack: etf.List{etf.Tuple{k.module, k.function, etf.List(args), etf.List{}}}}
}

// isolated makes a term of a value, sharing nothing with it.
func isolated(v any) (any, error) {
	switch v := v.(type) {
	case int, float64, etf.Atom, banyan.PID, banyan.Reference:
		return v, nil
	case bool:
		if v {
			return etf.Atom("true"), nil
		}
		return etf.Atom("false"), nil
	case string:
		return []byte(v), nil
	case OK:
		return etf.Atom("ok"), nil
	}
	return etf.TermOf(v)
}

// answer is the exit reason with which erpc's processes answer.
func (o outcome) answer(res any) error {
	t := etf.Tuple{res, etf.Atom(o.class), o.value}
	switch {
	case o.class == returned:
		t[1] = returnAtom
	case o.system:
		t[2] = etf.Tuple{erpcAtom, o.value}
	case o.class == ClassError:
		t = append(t, o.stack)
	}
	return &banyan.TermError{Term: t, Answer: true}
}

// reply is what the rex server answers, and with it rpc:call of old.
func (o outcome) reply() any {
	switch {
	case o.class == returned || o.class == ClassThrow:
		return o.value
	case o.system:
		return etf.Tuple{badrpcAtom, o.value}
	case o.class == ClassExit:
		return etf.Tuple{badrpcAtom, etf.Tuple{exitMark, o.value}}
	}
	return etf.Tuple{badrpcAtom, etf.Tuple{exitMark, etf.Tuple{o.value, o.stack}}}
}
