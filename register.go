// SPDX-License-Identifier: Apache-2.0

package banyan

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/banyan-go/banyan/internal/typereg"
)

// wireName is how a message type is known on the wire.
type wireName struct {
	tag    Atom // "": a map with __struct__
	strct  string
	fields int
}

// wire is the program's registry for messages, constructors and errors that cross the wire. It is filled at start-up, by
// the Register functions, and only grows.
var wire struct {
	names atomic.Pointer[wireNames] // copy on write: looked up for each message from another node

	mu     sync.RWMutex
	spawns map[Atom]*constructor
	codes  map[string]error
	errs   []codedError
}

// wireNames is never changed once it can be seen.
type wireNames struct {
	tagged map[tagKey]*record
	struc  map[structKey]*record
}

func (w *wireNames) clone() *wireNames {
	if w == nil {
		return &wireNames{map[tagKey]*record{}, map[structKey]*record{}}
	}
	return &wireNames{maps.Clone(w.tagged), maps.Clone(w.struc)}
}

// tagKey is where a tag is looked up: per server type, call or cast, and number of fields.
type tagKey struct {
	server reflect.Type
	kind   recordKind
	tag    Atom
	fields int
}

type structKey struct {
	server reflect.Type
	kind   recordKind
	name   string
}

type codedError struct {
	code string
	err  error
}

// constructor is what RegisterSpawn made known. args of start is a pointer to what it takes, nil if that is nothing.
type constructor struct {
	args  *SpawnArgs
	start func(by Spawner, args any, opts []SpawnOption) (PID, error)
}

// RegisterCall gives a query its name on the wire: as an Erlang tuple {name, Fields...}, or the bare atom if it has no
// fields. With the name "" it is a map with __struct__, to which fields can be added in a rolling upgrade; with "%Shop.Take"
// it is Elixir's struct of that name. The server and the reply are found in its Call method. It panics when two types of one server have the same name and number of fields,
// and when the type cannot be sent; call it at start-up.
func RegisterCall[Q Query[S, R], S, R any](name string) {
	register(callRecord[S, R, Q](), name)
}

// RegisterCast is RegisterCall for a note.
func RegisterCast[M Note[S], S any](name string) {
	register(castRecord[S, M](), name)
}

// RegisterType makes a plain struct known to the wire: it may then stand in messages. Its name as for RegisterCall;
// without one it is a map with __struct__. Besides, "{}" makes it a tuple without a name, "#{}" a map, "[]" a keyword list.
// The fields take tags, see package etf and docs/wire.md.
func RegisterType[T any](name ...string) {
	if len(name) > 1 {
		panic(fmt.Sprintf("banyan: RegisterType[%v]: one name at most, got %q", reflect.TypeFor[T](), name))
	}
	n := ""
	if len(name) == 1 {
		n = name[0]
	}
	if err := typereg.Register(reflect.TypeFor[T](), n); err != nil {
		panic("banyan: " + err.Error())
	}
}

func register(r *record, name string) {
	t := r.msg.typ
	if r.err != nil {
		panic("banyan: register " + t.String() + ": " + r.err.Error())
	}
	if t.Kind() != reflect.Struct {
		panic(fmt.Sprintf("banyan: register %v: a message for the wire must be a struct", t))
	}
	if err := typereg.Register(t, name); err != nil {
		panic("banyan: " + err.Error())
	}
	wireTag, form, _ := typereg.Name(t)
	if form != typereg.Record && form != typereg.Struct {
		panic(fmt.Sprintf("banyan: register %v: a message needs a name: %q gives it none", t, name))
	}
	w := &wireName{fields: typereg.Fields(t)}
	wire.mu.Lock()
	defer wire.mu.Unlock()
	names := wire.names.Load().clone()
	if form == typereg.Struct {
		w.strct = wireTag
		key := structKey{r.server, r.kind, w.strct}
		if old := names.struc[key]; old != nil && old != r {
			panic(fmt.Sprintf("banyan: register %v: %s has %v for %s already", t, r.server, old.msg.typ, w.strct))
		}
		names.struc[key] = r
	} else {
		w.tag = Atom(wireTag)
		key := tagKey{r.server, r.kind, w.tag, w.fields}
		if old := names.tagged[key]; old != nil && old != r {
			panic(fmt.Sprintf("banyan: register %v: %s has %v for %s/%d already", t, r.server, old.msg.typ, name, w.fields))
		}
		names.tagged[key] = r
	}
	wire.names.Store(names)
	r.wire.Store(w)
}

// RegisterSpawn lets other nodes start a server: SpawnAt by this name, Erlang by spawn(Node, banyan, name, []).
func RegisterSpawn[S any](name string, start func(context.Context, *Self) (S, error)) {
	registerSpawn(name, &constructor{start: func(by Spawner, _ any, opts []SpawnOption) (PID, error) {
		ref, err := Spawn(by, start, opts...)
		return ref.PID(), err
	}})
}

func registerSpawn(name string, c *constructor) {
	wire.mu.Lock()
	defer wire.mu.Unlock()
	if wire.spawns[Atom(name)] != nil {
		panic("banyan: RegisterSpawn: " + name + " is registered already")
	}
	if wire.spawns == nil {
		wire.spawns = map[Atom]*constructor{}
	}
	wire.spawns[Atom(name)] = c
}

func spawnable(name Atom) *constructor {
	wire.mu.RLock()
	defer wire.mu.RUnlock()
	return wire.spawns[name]
}

// RegisterError gives an error a code, so that errors.Is finds it on other nodes too. It panics if either is taken.
func RegisterError(code string, err error) {
	wire.mu.Lock()
	defer wire.mu.Unlock()
	if old, ok := wire.codes[code]; ok {
		if old == err {
			return
		}
		panic(fmt.Sprintf("banyan: RegisterError: code %s is %v already", code, old))
	}
	if wire.codes == nil {
		wire.codes = map[string]error{}
	}
	wire.codes[code] = err
	wire.errs = append(wire.errs, codedError{code, err})
}

// builtin are the codes of the errors above that a call can end with on another node.
var builtin = []codedError{
	{"banyan.mailbox_full", ErrMailboxFull}, {"banyan.node_busy", ErrNodeBusy},
	{"banyan.not_understood", ErrNotUnderstood}, {"banyan.not_delivered", ErrNotDelivered},
	{"banyan.name_taken", ErrNameTaken}, {"banyan.not_registered", ErrNotRegistered},
	{"banyan.node_stopped", ErrNodeStopped}, {"banyan.calling_self", ErrCallingSelf},
	{"banyan.wrong_ticket", ErrWrongTicket}, {"banyan.goexit", ErrGoexit}, {"timeout", ErrTimeout},
	{"noproc", ErrNoProcess}, {"noconnection", ErrNoConnection}, {"killed", ErrKilled}, {"shutdown", ErrShutdown},
	{"normal", ErrNormal}, {"banyan.died", ErrDied}, {"badarg", ErrBadArgument},
	{"banyan.undelivered.noproc", undelivered(ErrNoProcess)}, {"banyan.undelivered.mailbox_full", undelivered(ErrMailboxFull)},
	{"banyan.undelivered.node_busy", undelivered(ErrNodeBusy)},
	{"banyan.undelivered.not_understood", undelivered(ErrNotUnderstood)},
	{"banyan.undelivered.node_stopped", undelivered(ErrNodeStopped)},
}

// ErrorCode finds the code of a registered error. exact: err is the registered one itself, without more text.
func ErrorCode(err error) (code string, exact, ok bool) {
	for _, c := range builtin {
		if err == c.err {
			return c.code, true, true
		}
	}
	wire.mu.RLock()
	defer wire.mu.RUnlock()
	for _, c := range wire.errs {
		if err == c.err {
			return c.code, true, true
		}
	}
	for _, c := range wire.errs {
		if errors.Is(err, c.err) {
			return c.code, false, true
		}
	}
	for _, c := range builtin {
		if errors.Is(err, c.err) {
			return c.code, false, true
		}
	}
	return "", false, false
}

// ErrorByCode finds a registered error.
func ErrorByCode(code string) (error, bool) {
	for _, c := range builtin {
		if c.code == code {
			return c.err, true
		}
	}
	wire.mu.RLock()
	defer wire.mu.RUnlock()
	err, ok := wire.codes[code]
	return err, ok
}
