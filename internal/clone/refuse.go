// SPDX-License-Identifier: Apache-2.0

package clone

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// ErrTooDeep says that a value is nested deeper than 100,000 levels. Send it in pieces, or as a slice.
var ErrTooDeep = errors.New("clone: nested more than 100000 levels deep: send it in pieces, or as a slice")

// RefusedError says which part of which type cannot be copied.
type RefusedError struct {
	// Root is the type of the message and Path leads from there to the part, as in ".Lines[].done".
	Root reflect.Type
	Path string
	// Owner is the innermost named type on the path, which is where Immutable or Clone would help. It may be nil.
	Owner reflect.Type
	// Type is what cannot be copied, and Why says what is wrong with it.
	Type reflect.Type
	Why  string
}

// Error is one line: what, where, why, and how to mend it.
func (e *RefusedError) Error() string {
	root := ""
	if e.Root != nil {
		root = e.Root.String()
	}
	owner := e.Owner
	if owner == nil && e.Type.PkgPath() != "" {
		owner = e.Type
	}
	if owner == nil || isStd(owner) {
		return fmt.Sprintf("clone: %s%s: %s cannot be copied (%s): leave it out, or wrap it in a type with a method Immutable() or Clone()",
			root, e.Path, e.Type, e.Why)
	}
	return fmt.Sprintf("clone: %s%s: %s cannot be copied (%s): make %s immutable with a method Immutable(), or give it Clone() %s, or leave it out",
		root, e.Path, e.Type, e.Why, owner, owner)
}

// under adds a step to the front of the path of a refusal. owner is nil for steps inside a type.
func under(err error, step string, owner reflect.Type) error {
	if err == nil {
		return nil
	}
	r, ok := err.(*RefusedError)
	if !ok {
		return err
	}
	if owner != nil && owner.Name() != "" && isStd(owner) {
		// What a standard type hides inside says nothing to the reader: name the type itself.
		return &RefusedError{Type: owner, Why: r.Why}
	}
	// A copy: the same refusal may be in the cache for its own type.
	n := &RefusedError{Path: step + r.Path, Owner: r.Owner, Type: r.Type, Why: r.Why}
	if n.Owner == nil && owner != nil && owner.Name() != "" {
		n.Owner = owner
	}
	return n
}

// named completes a refusal with the type it was found in.
func named(err error, root reflect.Type) error {
	if err == nil {
		return nil
	}
	r, ok := err.(*RefusedError)
	if !ok || r.Root == root {
		return err
	}
	return &RefusedError{Root: root, Path: r.Path, Owner: r.Owner, Type: r.Type, Why: r.Why}
}

// refusal says why t cannot be copied, or nothing. Locks that are only known by their methods are found by isLock.
func refusal(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Chan:
		return "a channel is shared by nature"
	case reflect.Func:
		return "a function may hold on to anything"
	case reflect.UnsafePointer:
		return "nobody knows what it points to"
	}
	switch t.PkgPath() {
	case "sync", "sync/atomic", "internal/sync":
		if t.Kind() != reflect.Interface {
			return "it only works in one place in memory"
		}
	case "internal/poll":
		return "it is an open file or connection"
	case "strings":
		if t.Name() == "Builder" {
			return "it only works in one place in memory; send its String()"
		}
	}
	return ""
}

type locker interface {
	Lock()
	Unlock()
}

var lockerType = reflect.TypeFor[locker]()

// isLock reports whether t or its pointer has the methods of a lock.
func isLock(t reflect.Type) bool {
	if t.Kind() == reflect.Interface || t.Kind() == reflect.Pointer {
		return false
	}
	return reflect.PointerTo(t).Implements(lockerType)
}

// std holds the first elements of the standard library's package paths. A missing dot is not enough to tell: a module of
// one's own may be named shop.
const std = " archive bufio bytes cmp compress container context crypto database debug embed encoding errors expvar flag fmt go " +
	"hash html image index internal io iter log maps math mime net os path plugin reflect regexp runtime slices sort strconv " +
	"strings structs sync syscall testing text time unicode unique vendor weak "

// isStd reports whether t is of the standard library, where nobody can add a method.
func isStd(t reflect.Type) bool {
	first, _, _ := strings.Cut(t.PkgPath(), "/")
	return strings.Contains(std, " "+first+" ")
}
