// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"fmt"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// body reads the message of a send. Calls, casts and replies are recognised by their first bytes and decoded without a
// tree in between; deliver is false if nothing is left to deliver. An error means that the bytes are no term.
func (r *receiver) body(s *banyan.Signal) (deliver bool, err error) {
	if s.Op == banyan.OpSendName && s.Name == friendName {
		return false, r.word()
	}
	d := &r.dec
	start := d.Pos()
	if d.Peek() == etf.KindTuple {
		n, err := d.TupleHeader()
		if err != nil {
			return false, err
		}
		handled := false
		switch kind := d.Peek(); {
		case n == 3 && kind == etf.KindAtom:
			handled, deliver, err = r.genCall(s)
		case n == 2 && kind == etf.KindAtom:
			handled, deliver, err = r.genCast(s)
		case (n == 2 || n == 4) && (kind == etf.KindRef || kind == etf.KindList):
			handled, err = r.reply(n)
		}
		if handled || err != nil {
			return deliver, err
		}
		d.SetPos(start)
	}
	s.Body.Value, err = r.term()
	return true, err
}

// term reads a message of no known type. Structs in it that are registered become their Go types, as in a field of type
// any, if they fit.
func (r *receiver) term() (any, error) {
	d := &r.dec
	start := d.Pos()
	err := d.Into(&r.untyped)
	v := r.untyped
	r.untyped = nil
	if err == nil {
		return v, nil
	}
	d.SetPos(start)
	return d.Term()
}

// genCall reads {'$gen_call', {From, Tag}, Request} from the atom on, or {system, {From, Tag}, Request}.
func (r *receiver) genCall(s *banyan.Signal) (handled, deliver bool, err error) {
	d, b := &r.dec, &s.Body
	a, err := d.Atom()
	if err != nil || a != genCall && a != loadCall && a != systemAtom || d.Peek() != etf.KindTuple {
		return false, false, err
	}
	n, err := d.TupleHeader()
	if err != nil || n != 2 || d.Peek() != etf.KindPID {
		return false, false, err
	}
	from, err := d.PID()
	if err != nil {
		return false, false, err
	}
	ref, alias, ok := r.tag()
	var tagTerm any
	if !ok || !alias {
		if tagTerm, err = d.Term(); err != nil {
			return false, false, err
		}
		ref, _ = tagTerm.(banyan.Reference)
	}
	b.Kind, b.From, b.Tag, b.TagTerm, b.Asks = banyan.BodyCall, from, ref, tagTerm, a == loadCall
	if a == genCall && s.Op == banyan.OpSendName && s.Name == netKernel {
		done, err := r.netKernel(s)
		return true, !done, err
	}
	if a == systemAtom {
		return r.system(s)
	}
	deliver, err = r.request(s, true)
	return true, deliver, err
}

// genCast reads {'$gen_cast', Request} from the atom on.
func (r *receiver) genCast(s *banyan.Signal) (handled, deliver bool, err error) {
	if a, err := r.dec.Atom(); err != nil || a != genCast {
		return false, false, err
	}
	s.Body.Kind = banyan.BodyCast
	deliver, err = r.request(s, false)
	return true, deliver, err
}

// request reads what is asked or told: into its Go type if whom it is for has one for it.
func (r *receiver) request(s *banyan.Signal, isCall bool) (deliver bool, err error) {
	d, b := &r.dec, &s.Body
	start := d.Pos()
	mt, err := r.messageType(s, isCall)
	if err != nil {
		return false, err
	}
	d.SetPos(start)
	if mt == nil {
		b.Value, err = r.term()
		return true, err
	}
	p := mt.New()
	fit := d.Into(p)
	if fit == nil {
		b.Value, b.Type = p, mt
		return true, nil
	}
	// Either the bytes are no term, or they are one that the type cannot hold. The latter is the sender's affair.
	d.SetPos(start)
	if err := d.Skip(); err != nil {
		return false, err
	}
	r.l.t.stats.undecodable.Add(1)
	if !isCall {
		r.port.Logger().Warn("cast cannot be decoded", "peer", string(r.l.peer), "type", mt.Type().String(), "error", fit)
		return false, nil
	}
	r.answer(s, nil, fmt.Errorf("%w: %w", banyan.ErrNotUnderstood, fit))
	return false, nil
}

// answer replies to a call without troubling whom it is for.
func (r *receiver) answer(s *banyan.Signal, v any, err error) {
	b := &s.Body
	r.l.send(&banyan.Signal{Op: banyan.OpSend, To: b.From,
		Body: banyan.Body{Kind: banyan.BodyReply, Tag: b.Tag, TagTerm: b.TagTerm, Value: v, Err: err}}, false)
}

// messageType looks at the beginning of a request: an atom, a tuple that begins with one, or a map with '__struct__'.
func (r *receiver) messageType(s *banyan.Signal, isCall bool) (*banyan.MessageType, error) {
	d := &r.dec
	kind := d.Peek()
	if kind != etf.KindAtom && kind != etf.KindTuple && kind != etf.KindMap {
		return nil, nil
	}
	target := r.port.Target(s)
	if target == nil {
		return nil, nil
	}
	arity := 0
	switch kind {
	case etf.KindMap:
		name, err := r.structName()
		if err != nil || name == "" {
			return nil, err
		}
		return target.LookupStruct(isCall, string(name)), nil
	case etf.KindTuple:
		n, err := d.TupleHeader()
		if err != nil || d.Peek() != etf.KindAtom {
			return nil, err
		}
		arity = n - 1
	}
	tag, err := d.Atom()
	if err != nil {
		return nil, err
	}
	return r.types.lookup(target, isCall, tag, arity), nil
}

// lastType is the type of the last message, and for what it was found. One message is much like the next; and what a server
// takes under a tag stays the same once it is registered.
type lastType struct {
	target *banyan.Target
	isCall bool
	tag    etf.Atom
	arity  int
	found  *banyan.MessageType // not nil, else nothing is known here
}

func (l *lastType) lookup(target *banyan.Target, isCall bool, tag etf.Atom, arity int) *banyan.MessageType {
	if l.found != nil && l.target == target && l.isCall == isCall && l.arity == arity && l.tag == tag {
		return l.found
	}
	found := target.Lookup(isCall, tag, arity)
	if found != nil {
		*l = lastType{target, isCall, tag, arity, found}
	}
	return found
}

// structName finds the value of '__struct__' in a map; empty if there is none.
func (r *receiver) structName() (etf.Atom, error) {
	d := &r.dec
	n, err := d.MapHeader()
	if err != nil {
		return "", err
	}
	for range n {
		found := false
		if d.Peek() == etf.KindAtom {
			key, err := d.Atom()
			if err != nil {
				return "", err
			}
			found = key == "__struct__"
		} else if err := d.Skip(); err != nil {
			return "", err
		}
		if found && d.Peek() == etf.KindAtom {
			return d.Atom()
		}
		if err := d.Skip(); err != nil {
			return "", err
		}
	}
	return "", nil
}
