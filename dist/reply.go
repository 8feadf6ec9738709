// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// tag reads Ref or [alias | Ref]. If it is neither, ok is false and nothing was read; if it is a bare Ref neither.
func (r *receiver) tag() (ref banyan.Reference, alias, ok bool) {
	d := &r.dec
	start := d.Pos()
	switch d.Peek() {
	case etf.KindRef:
		ref, err := d.Ref()
		d.SetPos(start)
		return ref, false, err == nil
	case etf.KindList:
		if n, err := d.ListHeader(); err == nil && n == 1 && d.Peek() == etf.KindAtom {
			if a, err := d.Atom(); err == nil && a == aliasAtom && d.Peek() == etf.KindRef {
				if ref, err := d.Ref(); err == nil {
					return ref, true, true
				}
			}
		}
		d.SetPos(start)
	}
	return banyan.Reference{}, false, false
}

// reply reads {Tag, Value} from the tag on, if a call waits for that tag or did so once. With n of 4 what the callee told of
// its load follows, which only Banyan nodes do, when asked.
func (r *receiver) reply(n int) (handled bool, err error) {
	d := &r.dec
	ref, alias, ok := r.tag()
	if !ok || ref.Node != r.ends.Local || n == 4 && !alias {
		return false, nil
	}
	rt, pending := r.port.PendingReply(ref)
	if !pending {
		if !alias {
			return false, nil
		}
		// Only our own calls carry such a tag: a reply that came too late.
		r.l.t.stats.late.Add(1)
		for range n - 1 {
			if err := d.Skip(); err != nil {
				return false, err
			}
		}
		return true, nil
	}
	if !alias {
		if err := d.Skip(); err != nil {
			return false, err
		}
	}
	v, result, err := r.result(rt)
	if err != nil {
		return false, err
	}
	if n == 4 {
		if rt.Load, err = r.load(); err != nil {
			return false, err
		}
	}
	r.to.Complete(rt, v, result)
	return true, nil
}

// load reads the two elements behind a reply. What is not a load is read over.
func (r *receiver) load() (banyan.Load, error) {
	d := &r.dec
	var n [2]int64
	ok := true
	for i := range n {
		start := d.Pos()
		v, err := d.Int()
		if err != nil {
			ok = false
			d.SetPos(start)
			if err := d.Skip(); err != nil {
				return banyan.Load{}, err
			}
		}
		n[i] = v
	}
	if !ok || n[0] < 0 || n[0] > math.MaxInt32 || n[1] < 0 {
		return banyan.Load{}, nil
	}
	return banyan.Load{Known: true, Backlog: int(n[0]), Service: time.Duration(n[1])}, nil
}

// result reads the value of a reply, or the error that it is. err means that the bytes are no term.
func (r *receiver) result(rt banyan.ReplyType) (v any, result, err error) {
	d := &r.dec
	start := d.Pos()
	if d.Peek() == etf.KindTuple {
		n, err := d.TupleHeader()
		if err != nil {
			return nil, nil, err
		}
		if n == 2 && d.Peek() == etf.KindAtom {
			if a, err := d.Atom(); err == nil && a == "error" {
				t, err := d.Term()
				if err != nil {
					return nil, nil, err
				}
				if !rt.Raw || ofRuntime(t) {
					return nil, termReason(t), nil
				}
			}
		}
		d.SetPos(start)
	}
	typ := rt.Type
	if typ == nil {
		typ = reflect.TypeFor[any]()
	}
	v = reflect.New(typ).Interface()
	fit := d.Into(v)
	if fit == nil {
		return v, nil, nil
	}
	d.SetPos(start)
	if err := d.Skip(); err != nil {
		return nil, nil, err
	}
	r.l.t.stats.undecodable.Add(1)
	return nil, fmt.Errorf("the reply cannot be decoded: %w", fit), nil
}

// ofRuntime reports whether the reason of a reply {error, Reason} is a word of another Banyan node's runtime: the server did
// not answer that.
func ofRuntime(t any) bool {
	if q, ok := t.(etf.Tuple); ok && len(q) > 0 {
		t = q[0]
	}
	a, ok := t.(etf.Atom)
	return ok && strings.HasPrefix(string(a), "banyan.")
}
