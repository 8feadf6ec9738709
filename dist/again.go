// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// again is the control term of the last message that an encoder wrote. Who sends many messages sends many to the same
// process, and then all of them begin alike. The zero value is that of no message.
type again struct {
	op       banyan.Op
	from, to banyan.PID
	name     banyan.Atom
	term     []byte     // with references to atoms
	atoms    []etf.Atom // in order
}

// fits reports whether the control term of s is this one. Only sends have one that is worth to be kept.
func (a *again) fits(s *banyan.Signal) bool {
	return len(a.term) > 0 && s.Op == a.op && s.To == a.to && s.From == a.from && s.Name == a.name
}

// note keeps the control term of s, which has just been encoded.
func (a *again) note(s *banyan.Signal, term []byte, atoms []etf.Atom) {
	if s.Op != banyan.OpSend && s.Op != banyan.OpSendName {
		return
	}
	a.op, a.from, a.to, a.name = s.Op, s.From, s.To, s.Name
	a.term, a.atoms = append(a.term[:0], term...), append(a.atoms[:0], atoms...)
}
