// SPDX-License-Identifier: Apache-2.0

package banyan

import (
	"context"
	"fmt"
	"reflect"
	"unsafe"
)

// RegisterSpawnArgs is RegisterSpawn for a constructor with an argument. If A is a struct its fields, which must be exported,
// are the arguments as others know them: SpawnAtArgs takes the struct, Erlang gives them one by one,
// spawn(Node, banyan, name, [Field1, Field2]). Any other A, and one that brings its own MarshalTerm, is one argument.
// Arguments that do not fit make the new process end with ErrBadArgument, in Erlang {badarg, Text}, before the constructor is
// called. It panics if A cannot be sent, or the name is taken; call it at start-up.
func RegisterSpawnArgs[A, S any](name string, start func(context.Context, *Self, A) (S, error)) {
	at, err := argsOf(reflect.TypeFor[A]())
	if err != nil {
		panic(fmt.Sprintf("banyan: RegisterSpawnArgs: %s: %v", name, err))
	}
	registerSpawn(name, &constructor{args: at, start: func(by Spawner, args any, opts []SpawnOption) (PID, error) {
		a, ok := args.(*A)
		if !ok {
			return PID{}, &OpError{Op: "spawn", What: name, Err: fmt.Errorf("%w: the constructor takes a %v", ErrBadArgument, reflect.TypeFor[A]())}
		}
		ref, err := Spawn(by, func(ctx context.Context, self *Self) (S, error) { return start(ctx, self, *a) }, opts...)
		return ref.PID(), err
	}})
}

// SpawnAtArgs is SpawnAt for a constructor that takes an argument, see RegisterSpawnArgs. The argument is copied if somebody
// could still change it. One that does not fit there is ErrBadArgument, and the text names which.
func SpawnAtArgs[S, A any](ctx context.Context, node Atom, name string, args A, opts ...SpawnOption) (Ref[S], error) {
	pl, err := payloadOf(reflect.TypeFor[A]())
	box := new(A)
	*box = args
	if err == nil && !pl.flat {
		err = pl.plan.Copy(unsafe.Pointer(box), unsafe.Pointer(box))
	}
	if err != nil {
		return Ref[S]{}, &OpError{Op: "spawn", To: string(node), What: name, Err: err}
	}
	return spawnAt[S](ctx, node, name, box, opts)
}

// SpawnArgs is the argument of a registered constructor, as a transport has to decode it.
type SpawnArgs struct {
	typ    reflect.Type
	fields bool // its fields are the arguments
}

// New makes one to decode into: value is a pointer to it, and into holds a pointer for each argument.
func (a *SpawnArgs) New() (value any, into []any) {
	v := reflect.New(a.typ)
	if !a.fields {
		return v.Interface(), []any{v.Interface()}
	}
	into = []any{}
	for i := range a.typ.NumField() {
		into = append(into, v.Elem().Field(i).Addr().Interface())
	}
	return v.Interface(), into
}

// arity is the number of arguments; nil has none.
func (a *SpawnArgs) arity() int {
	switch {
	case a == nil:
		return 0
	case !a.fields:
		return 1
	}
	return a.typ.NumField()
}

// Bad is the error for an argument, counted from 0, that does not fit.
func (a *SpawnArgs) Bad(name Atom, i int, why error) error {
	field := a.typ.String()
	if a.fields {
		field = a.typ.Field(i).Name
	}
	return fmt.Errorf("%w: argument %d of %s, %s: %v", ErrBadArgument, i+1, name, field, why)
}

// split gives the arguments one by one. v is a pointer to the value.
func (a *SpawnArgs) split(v any) []any {
	e := reflect.ValueOf(v).Elem()
	if !a.fields {
		return []any{e.Interface()}
	}
	list := make([]any, e.NumField())
	for i := range list {
		list[i] = e.Field(i).Interface()
	}
	return list
}

// ownTerm is what types have that are one argument, whatever their fields are.
type ownTerm interface{ MarshalTerm() (any, error) }

func argsOf(t reflect.Type) (*SpawnArgs, error) {
	if _, err := payloadOf(t); err != nil {
		return nil, err
	}
	a := &SpawnArgs{typ: t}
	own := reflect.TypeFor[ownTerm]()
	switch t {
	case pidType, refType, timeType:
		return a, nil
	}
	if t.Kind() != reflect.Struct || t.Implements(own) || reflect.PointerTo(t).Implements(own) {
		return a, nil
	}
	for i := range t.NumField() {
		if f := t.Field(i); !f.IsExported() {
			return nil, fmt.Errorf("field %s of %v is not exported, so it cannot be an argument", f.Name, t)
		}
	}
	a.fields = true
	return a, nil
}

// SpawnArgs tells how to decode the arguments of a spawn, if it is one of a constructor that takes that many.
func (p *Port) SpawnArgs(s *SpawnRequest) *SpawnArgs {
	if s.Module != spawnModule {
		return nil
	}
	c := spawnable(s.Function)
	if c == nil || c.args.arity() != len(s.Args) {
		return nil
	}
	return c.args
}
