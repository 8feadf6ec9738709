// SPDX-License-Identifier: Apache-2.0

package typereg

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
)

// entry is what is known of one type. Invariant: never changed once published.
type entry struct {
	name string // tuple tag, or '__struct__' name; empty for the forms without one
	form Form
}

// tables is one immutable state of the registry.
type tables struct {
	types   map[reflect.Type]entry
	structs map[string]reflect.Type // '__struct__' name to type
}

var (
	mu      sync.Mutex             // held by Register, so that two copies cannot lose an entry
	current atomic.Pointer[tables] // nil until the first registration
)

// Register gives the struct type t its name and form on the wire, see [Parse].
// Registering the same type the same way again does nothing. It is an error when t is not a named struct, when t is
// registered already under another name or form, and when another type owns the '__struct__' name; the error names both.
func Register(t reflect.Type, name string) error {
	if t == nil {
		return errors.New("typereg: the type is nil")
	}
	if t.Kind() != reflect.Struct || t.Name() == "" {
		return fmt.Errorf("typereg: %s is not a named struct type", t)
	}
	var e entry
	e.name, e.form = Parse(t, name)
	mu.Lock()
	defer mu.Unlock()
	old := current.Load()
	if old == nil {
		old = &tables{}
	}
	if was, ok := old.types[t]; ok {
		if was == e {
			return nil
		}
		return fmt.Errorf("typereg: %s is registered as %s already and cannot become %s", t, was.form.show(was.name), e.form.show(e.name))
	}
	if owner, ok := old.structs[e.name]; ok && e.form == Struct {
		return fmt.Errorf("typereg: %s.%s and %s.%s would both be '__struct__' => '%s': register one of them with a name",
			owner.PkgPath(), owner.Name(), t.PkgPath(), t.Name(), e.name)
	}
	next := &tables{types: maps.Clone(old.types), structs: old.structs}
	if next.types == nil {
		next.types = make(map[reflect.Type]entry)
	}
	next.types[t] = e
	if e.form == Struct {
		next.structs = maps.Clone(old.structs)
		if next.structs == nil {
			next.structs = make(map[string]reflect.Type)
		}
		next.structs[e.name] = t
	}
	current.Store(next)
	return nil
}

// Name returns the name and the form t was registered under: the tag of a Record, or the '__struct__' name of a Struct.
// ok is false for a type that was never registered.
func Name(t reflect.Type) (name string, form Form, ok bool) {
	tab := current.Load()
	if tab == nil {
		return "", 0, false
	}
	e, ok := tab.types[t]
	return e.name, e.form, ok
}

// StructType returns the type registered as the Struct of this name.
func StructType(structName string) (reflect.Type, bool) {
	tab := current.Load()
	if tab == nil {
		return nil, false
	}
	t, ok := tab.structs[structName]
	return t, ok
}

// StructName is what stands behind '__struct__' for t: the last element of its package path and its name, as in
// "shop.Take". A version suffix of a module path (shop/v2) is passed over, so that a new major version of a package
// still speaks to the old one.
func StructName(t reflect.Type) string {
	dir := t.PkgPath()
	base := path.Base(dir)
	if isVersion(base) && strings.Contains(dir, "/") {
		base = path.Base(path.Dir(dir))
	}
	return base + "." + t.Name()
}

// isVersion reports whether s is v2, v3, v10 ...
func isVersion(s string) bool {
	if len(s) < 2 || s[0] != 'v' {
		return false
	}
	for _, c := range s[1:] {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
