// SPDX-License-Identifier: Apache-2.0

package banyan

import (
	"errors"
	"reflect"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/banyan-go/banyan/internal/clone"
)

// record is all that the runtime knows of one type of message to one type of server. It is made at the first send and
// found again by two nanoseconds of look-up; no reflection afterwards.
type record struct {
	key      unsafe.Pointer // see keyOf
	kind     recordKind
	run      func(p *Self, e *envelope) // handles one message, on the process's own turn
	server   reflect.Type
	msg      payload
	reply    payload // calls only
	replyKey unsafe.Pointer
	name     string // the message type, for logs and errors
	err      error  // the types cannot be messages
	nilable  bool   // a message may be nil, which nobody can handle

	wire   atomic.Pointer[wireName] // set by registration, nil before
	asType MessageType              // the record for a transport
	// For transports, which know messages as pointers in an any.
	newMsg, newReply func() any
	msgPtr, replyPtr func(any) unsafe.Pointer
}

var errNilMessage = errors.New("the message is nil")

func isNil(m any) bool {
	if m == nil {
		return true
	}
	v := reflect.ValueOf(m)
	return v.Kind() == reflect.Pointer && v.IsNil()
}

// replyAny is the reply in an envelope as a transport wants it: a pointer.
func (r *record) replyAny(e *envelope) any {
	p := e.ptr
	if p == nil {
		p = unsafe.Pointer(&e.word)
	}
	return reflect.NewAt(r.reply.typ, p).Interface()
}

// pointerTo gives the *T in v as an envelope holds it, nil if it is none.
func pointerTo[T any](v any) unsafe.Pointer {
	p, _ := v.(*T)
	return unsafe.Pointer(p)
}

type recordKind uint8

const (
	kindCall recordKind = iota + 1
	kindCast
	kindInfo // any value, to Info or Receive
)

// payload says how values of one type travel inside an envelope.
type payload struct {
	typ    reflect.Type
	plan   *clone.Plan
	flat   bool // nothing mutable: travels as it is
	inline bool // no pointers and at most 16 bytes: rides inside the envelope
	direct bool // in an interface the value is the data word itself, not behind it
	refers bool // holds pointers (strings count): what it costs must be measured
	size   int  // bytes of the value itself
}

func payloadOf(t reflect.Type) (payload, error) {
	plan, err := clone.Of(t)
	if err != nil {
		return payload{typ: t}, err
	}
	refers := plan.Pointers()
	return payload{
		typ: t, plan: plan, flat: plan.Flat(), refers: refers, direct: isDirect(t),
		inline: plan.Flat() && !refers && t.Size() <= 16 && t.Align() <= 8,
		size:   int(t.Size()),
	}, nil
}

// isDirect reports whether interfaces hold values of t in their data word: types that are one pointer.
func isDirect(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return true
	case reflect.Struct:
		return t.NumField() == 1 && isDirect(t.Field(0).Type)
	case reflect.Array:
		return t.Len() == 1 && isDirect(t.Elem())
	}
	return false
}

// keyOf is a number for a type, found without reflection: the address of the type's descriptor.
func keyOf[T any]() unsafe.Pointer {
	var p any = (*T)(nil)
	return *(*unsafe.Pointer)(unsafe.Pointer(&p))
}

// The records are keyed by these, so that one word names the whole combination.
type (
	callKey[S, R, Q any] struct{}
	castKey[S, M any]    struct{}
)

// recordTable is an open hash table that is never changed once it can be seen.
type recordTable struct {
	mask  uintptr
	slots []*record
}

func hashKey(k unsafe.Pointer) uintptr {
	h := uintptr(k)
	h ^= h >> 17
	h *= 0x9E3779B97F4A7C15 & (1<<(unsafe.Sizeof(h)*8) - 1)
	return h >> 7
}

func (t *recordTable) find(k unsafe.Pointer) *record {
	for i := hashKey(k) & t.mask; ; i = (i + 1) & t.mask {
		r := t.slots[i]
		if r == nil || r.key == k {
			return r
		}
	}
}

func (t *recordTable) insert(r *record) {
	i := hashKey(r.key) & t.mask
	for t.slots[i] != nil {
		i = (i + 1) & t.mask
	}
	t.slots[i] = r
}

// records is the program's registry of message types. It only grows, by the types that the program has.
var records struct {
	table atomic.Pointer[recordTable]
	mu    sync.Mutex
	all   []*record
}

func findRecord(k unsafe.Pointer) *record {
	if t := records.table.Load(); t != nil {
		return t.find(k)
	}
	return nil
}

// addRecord keeps the first record made for a key.
func addRecord(r *record) *record {
	records.mu.Lock()
	defer records.mu.Unlock()
	if old := findRecord(r.key); old != nil {
		return old
	}
	records.all = append(records.all, r)
	n := uintptr(16)
	for n < uintptr(len(records.all))*2 {
		n *= 2
	}
	t := &recordTable{mask: n - 1, slots: make([]*record, n)}
	for _, r := range records.all {
		t.insert(r)
	}
	records.table.Store(t)
	return r
}

func callRecord[S, R any, Q Query[S, R]]() *record {
	k := keyOf[callKey[S, R, Q]]()
	if r := findRecord(k); r != nil {
		return r
	}
	r := newRecord[S, Q](k, kindCall)
	r.run = runCall[S, R, Q]
	r.replyKey = keyOf[R]()
	r.newReply = func() any { return new(R) }
	r.replyPtr = pointerTo[R]
	if r.err == nil {
		r.reply, r.err = payloadOf(reflect.TypeFor[R]())
	} else {
		r.reply.typ = reflect.TypeFor[R]()
	}
	return addRecord(r)
}

func castRecord[S any, M Note[S]]() *record {
	k := keyOf[castKey[S, M]]()
	if r := findRecord(k); r != nil {
		return r
	}
	r := newRecord[S, M](k, kindCast)
	r.run = runCast[S, M]
	return addRecord(r)
}

func newRecord[S, M any](k unsafe.Pointer, kind recordKind) *record {
	t := reflect.TypeFor[M]()
	r := &record{key: k, kind: kind, server: reflect.TypeFor[S](), name: t.String()}
	r.msg, r.err = payloadOf(t)
	r.newMsg = func() any { return new(M) }
	r.msgPtr = pointerTo[M]
	r.nilable = t.Kind() == reflect.Interface || t.Kind() == reflect.Pointer
	r.asType.r = r
	if r.server == foreignType { // Ask and Tell stand for the term in them
		r.wire.Store(&wireName{})
	}
	return r
}

// typeName names the message in e for a log: the dynamic type if it was sent through an interface.
func (r *record) typeName(e *envelope) string {
	if r == infoRecord {
		return typeString(e.info())
	}
	return r.name
}
