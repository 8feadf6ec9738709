// SPDX-License-Identifier: Apache-2.0

package control

import (
	"fmt"
	"math/big"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// fail keeps the first error.
func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

// keep is fail with an error.
func (r *reader) keep(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *reader) pid() banyan.PID {
	if r.err != nil {
		return banyan.PID{}
	}
	p, err := r.d.PID()
	r.keep(err)
	return p
}

// theirs reads a pid that must be the peer's: no node acts for another.
func (r *reader) theirs() banyan.PID {
	p := r.pid()
	r.mustBe(p, r.ends.Peer)
	return p
}

// ours reads a pid that must be of this node, whatever its creation.
func (r *reader) ours() banyan.PID {
	p := r.pid()
	r.mustBe(p, r.ends.Local)
	return p
}

func (r *reader) mustBe(p banyan.PID, node banyan.Atom) {
	if r.err == nil && p.Node != node {
		r.fail("%v is no process of %s", p, node)
	}
}

func (r *reader) ref() banyan.Reference {
	if r.err != nil {
		return banyan.Reference{}
	}
	ref, err := r.d.Ref()
	r.keep(err)
	return ref
}

func (r *reader) atom() banyan.Atom {
	if r.err != nil {
		return ""
	}
	a, err := r.d.Atom()
	r.keep(err)
	return a
}

func (r *reader) int() int64 {
	if r.err != nil {
		return 0
	}
	i, err := r.d.Int()
	r.keep(err)
	return i
}

// id reads 1 to 2^64-1.
func (r *reader) id() uint64 {
	if r.err != nil {
		return 0
	}
	u, err := r.d.Uint()
	r.keep(err)
	if u == 0 {
		r.fail("an id of 0")
	}
	return u
}

// pidOrName reads either; the name is empty if it was a pid.
func (r *reader) pidOrName() (banyan.PID, banyan.Atom) {
	if r.err == nil && r.d.Peek() == etf.KindAtom {
		a := r.atom()
		if a == "" {
			r.fail("an empty name")
		}
		return banyan.PID{}, a
	}
	return r.pid(), ""
}

// skip reads over a term if there is one.
func (r *reader) skip(there bool) {
	if there && r.err == nil {
		r.err = r.d.Skip()
	}
}

// bigLow returns the low 64 bits of an integer that may be a big one.
func bigLow(t any) (uint64, error) {
	switch t := t.(type) {
	case int:
		return uint64(t), nil
	case *big.Int:
		return new(big.Int).And(t, new(big.Int).SetUint64(^uint64(0))).Uint64(), nil
	}
	return 0, fmt.Errorf("%T where an integer should be", t)
}
