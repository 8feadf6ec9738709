// SPDX-License-Identifier: Apache-2.0

package control

import (
	"bytes"
	"slices"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// Again decodes the control terms of one link, and keeps that of the last send: who gets many messages gets many from the
// same process, and then all of them begin alike, to the byte. The zero value is ready; it belongs to one goroutine.
type Again struct {
	term     []byte
	atoms    []etf.Atom // what the references in term refer to
	op       banyan.Op
	from, to banyan.PID
	name     banyan.Atom
}

// Decode is the function Decode for a d that has read nothing but a version, whose references are to atoms. It does not
// keep the slice atoms.
func (a *Again) Decode(d *etf.Decoder, ends Ends, atoms []etf.Atom, m *Message) error {
	rest := d.Rest()
	// A term says itself where it ends: what begins with the bytes of one is that term.
	if len(a.term) > 0 && bytes.HasPrefix(rest, a.term) && slices.Equal(atoms, a.atoms) {
		d.SetPos(d.Pos() + len(a.term))
		*m = Message{Payload: Body}
		s := &m.Signal
		s.Op, s.From, s.To, s.Name = a.op, a.from, a.to, a.name
		return nil
	}
	if err := Decode(d, ends, m); err != nil {
		return err
	}
	if s := &m.Signal; m.Payload == Body && (s.Op == banyan.OpSend || s.Op == banyan.OpSendName) {
		a.op, a.from, a.to, a.name = s.Op, s.From, s.To, s.Name
		a.term = append(a.term[:0], rest[:len(rest)-d.Len()]...)
		a.atoms = append(a.atoms[:0], atoms...)
	}
	return nil
}
