// SPDX-License-Identifier: Apache-2.0

package rpc

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// Function is a Go function under an Erlang name: Module:Function/Arity. Make one with Func0 to Func5 or Raw and register
// it with a Server.
type Function struct {
	key    key
	in     []reflect.Type // nil for Raw
	out    reflect.Type
	invoke func(c *call) (any, error)
	pace   *banyan.Pace // set by Register
}

type key struct {
	module, function banyan.Atom
	arity            int
}

func (k key) String() string { return fmt.Sprintf("%s:%s/%d", k.module, k.function, k.arity) }

// String is module:function/arity.
func (f Function) String() string { return f.key.String() }

// Signature shows the Go types too, as math:add(int, int) int.
func (f Function) Signature() string {
	if f.out == nil {
		return f.String()
	}
	in := make([]string, len(f.in))
	for i, t := range f.in {
		in[i] = typeName(t)
	}
	return fmt.Sprintf("%s:%s(%s) %s", f.key.module, f.key.function, strings.Join(in, ", "), typeName(f.out))
}

// typeName is the type as users write it: banyan.PID and its like are aliases.
func typeName(t reflect.Type) string {
	s := t.String()
	if strings.Contains(s, "term.") {
		s = inTerm.ReplaceAllString(s, "banyan.$1")
	}
	return s
}

var inTerm = regexp.MustCompile(`\bterm\.(Atom|PID|Port|Reference)\b`)

// check finds what cannot be registered.
func (f Function) check() error {
	if f.invoke == nil || f.key.module == "" || f.key.function == "" || f.key.arity < 0 || f.key.arity > 255 {
		return fmt.Errorf("rpc: register %v: want a module, a function, an arity of 0 to 255 and a Go function", f)
	}
	var errs []error
	for i, t := range f.in {
		if err := etf.Check(t); err != nil {
			errs = append(errs, fmt.Errorf("rpc: register %v: argument %d: %w", f, i+1, err))
		}
	}
	if f.out != nil {
		if err := etf.Check(f.out); err != nil {
			errs = append(errs, fmt.Errorf("rpc: register %v: result: %w", f, err))
		}
	}
	return errors.Join(errs...)
}

// Raw is a function that takes its arguments as terms, and gives any value that can travel. The arguments are its own.
//
//lint:any terms
func Raw(module, function banyan.Atom, arity int, f func(ctx context.Context, args []any) (any, error)) Function {
	return Function{key: key{module, function, arity}, invoke: func(c *call) (any, error) { return f(c, c.req.Args) }}
}

// Func0 is a function without arguments. The result of all these functions travels by the rules of package etf, as OK does.
func Func0[R any](module, function banyan.Atom, f func(context.Context) (R, error)) Function {
	return typed[R](module, function, nil, func(c *call) (any, error) { return f(c) })
}

// Func1 is a function of one argument. An argument that does not fit its type is a badarg that names it, and f is not called.
func Func1[A, R any](module, function banyan.Atom, f func(context.Context, A) (R, error)) Function {
	return typed[R](module, function, types(reflect.TypeFor[A]()), func(c *call) (any, error) {
		a := argument[A](c, 0)
		if c.bad != nil {
			return nil, c.bad
		}
		return f(c, a)
	})
}

// Func2 is a function of two arguments.
func Func2[A, B, R any](module, function banyan.Atom, f func(context.Context, A, B) (R, error)) Function {
	return typed[R](module, function, types(reflect.TypeFor[A](), reflect.TypeFor[B]()), func(c *call) (any, error) {
		a, b := argument[A](c, 0), argument[B](c, 1)
		if c.bad != nil {
			return nil, c.bad
		}
		return f(c, a, b)
	})
}

// Func3 is a function of three arguments.
func Func3[A, B, C, R any](module, function banyan.Atom, f func(context.Context, A, B, C) (R, error)) Function {
	in := types(reflect.TypeFor[A](), reflect.TypeFor[B](), reflect.TypeFor[C]())
	return typed[R](module, function, in, func(c *call) (any, error) {
		a, b, d := argument[A](c, 0), argument[B](c, 1), argument[C](c, 2)
		if c.bad != nil {
			return nil, c.bad
		}
		return f(c, a, b, d)
	})
}

// Func4 is a function of four arguments.
func Func4[A, B, C, D, R any](module, function banyan.Atom, f func(context.Context, A, B, C, D) (R, error)) Function {
	in := types(reflect.TypeFor[A](), reflect.TypeFor[B](), reflect.TypeFor[C](), reflect.TypeFor[D]())
	return typed[R](module, function, in, func(c *call) (any, error) {
		a, b, d, e := argument[A](c, 0), argument[B](c, 1), argument[C](c, 2), argument[D](c, 3)
		if c.bad != nil {
			return nil, c.bad
		}
		return f(c, a, b, d, e)
	})
}

// Func5 is a function of five arguments. One that needs more takes a struct, or is Raw.
func Func5[A, B, C, D, E, R any](module, function banyan.Atom, f func(context.Context, A, B, C, D, E) (R, error)) Function {
	in := types(reflect.TypeFor[A](), reflect.TypeFor[B](), reflect.TypeFor[C](), reflect.TypeFor[D](), reflect.TypeFor[E]())
	return typed[R](module, function, in, func(c *call) (any, error) {
		a, b, d, e, g := argument[A](c, 0), argument[B](c, 1), argument[C](c, 2), argument[D](c, 3), argument[E](c, 4)
		if c.bad != nil {
			return nil, c.bad
		}
		return f(c, a, b, d, e, g)
	})
}

func types(t ...reflect.Type) []reflect.Type { return t }

func typed[R any](module, function banyan.Atom, in []reflect.Type, invoke func(*call) (any, error)) Function {
	return Function{key: key{module, function, len(in)}, in: in, out: reflect.TypeFor[R](), invoke: invoke}
}

// argument reads one argument; the first that does not fit is noted.
func argument[A any](c *call, i int) (a A) {
	if c.bad != nil {
		return a
	}
	t := c.req.Args[i]
	if err := store(c.req.Self.Node(), t, &a); err != nil {
		c.bad = misfit(i+1, typeName(reflect.TypeFor[A]()), t, err)
	}
	return a
}

// store puts a term, which becomes the receiver's, into a Go value by the rules of the wire.
func store[T any](n *banyan.Node, t any, into *T) error {
	if v, ok := t.(T); ok {
		*into = v
		return nil
	}
	if s, ok := any(into).(*string); ok {
		if b, ok := t.([]byte); ok {
			*s = string(b)
			return nil
		}
	}
	return etf.FromTerm(t, into, n)
}

// OK is the result of a function that has nothing to say: the atom ok. Anything else is an error for who wants an OK.
type OK struct{}

// MarshalTerm makes it the atom ok.
func (OK) MarshalTerm() (any, error) { return etf.Atom("ok"), nil } //lint:any a term

// UnmarshalTerm takes the atom ok.
func (*OK) UnmarshalTerm(t any, _ any) error { //lint:any a term
	if t != etf.Atom("ok") {
		return fmt.Errorf("want the atom ok, got %s", brief(t))
	}
	return nil
}

// brief prints a term for messages to people.
func brief(t any) string {
	const most = 80
	s := etf.Format(t)
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}
