// SPDX-License-Identifier: Apache-2.0

package control

import (
	"errors"
	"fmt"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// ErrInvalid: a control message that no correct peer sends. The connection cannot be kept.
var ErrInvalid = errors.New("dist: invalid control message")

// Ends are the names of the two nodes, ours and the one at the other end.
type Ends struct{ Local, Peer banyan.Atom }

// Message is a decoded control message.
type Message struct {
	// Signal has all fields but Reason and Body, and of a spawn request all but Args.
	Signal banyan.Signal
	// Payload is what follows. Reason is the term of a reason that did not travel as payload; HasReason says so.
	Payload   Payload
	Reason    any
	HasReason bool
	// Arity is how many arguments a spawn request announces; BadOption, that it has an option nobody knows, to be
	// answered badopt.
	Arity     int
	BadOption bool
}

// reader reads the elements of one control tuple. The first error sticks.
type reader struct {
	d    *etf.Decoder
	ends Ends
	err  error
}

// Decode reads the control message that d stands at into m.
func Decode(d *etf.Decoder, ends Ends, m *Message) error {
	*m = Message{}
	n, err := d.TupleHeader()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	op, err := d.Int()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	r := reader{d: d, ends: ends}
	switch {
	case op == opAltactSigSend:
		r.altact(m, n)
	case op < 0 || op >= int64(len(shapes)) || shapes[op].arity == 0:
		return fmt.Errorf("%w: operation %d with %d elements", ErrInvalid, op, n)
	case int(shapes[op].arity) != n:
		return fmt.Errorf("%w: operation %d with %d elements", ErrInvalid, op, n)
	default:
		m.Payload = shapes[op].payload
		r.elements(op, m, shapes[op].token)
	}
	if r.err != nil {
		return fmt.Errorf("%w: operation %d: %w", ErrInvalid, op, r.err)
	}
	return nil
}

// elements reads what comes after the operation.
func (r *reader) elements(op int64, m *Message, token bool) {
	s := &m.Signal
	switch op {
	case opLink:
		s.Op, s.From, s.To = banyan.OpLink, r.theirs(), r.ours()
	case opSend, opSendTT:
		s.Op = banyan.OpSend
		r.atom() // the cookie of old
		s.To = r.pid()
		r.skip(token)
	case opSendSender, opSendSenderTT:
		s.Op, s.From, s.To = banyan.OpSend, r.pid(), r.pid()
		r.skip(token)
	case opRegSend, opRegSendTT:
		s.Op, s.From = banyan.OpSendName, r.pid()
		r.atom()
		s.Name = r.atom()
		r.skip(token)
	case opAliasSend, opAliasSendTT:
		s.Op, s.From, s.Ref = banyan.OpSendAlias, r.pid(), r.ref()
		r.skip(token)
	case opExit, opExitTT, opPayloadExit, opPayloadExitTT:
		s.Op, s.From, s.To = banyan.OpExit, r.theirs(), r.ours()
		r.skip(token)
		r.reason(m)
	case opExit2, opExit2TT, opPayloadExit2, opPayloadExit2TT:
		s.Op, s.From, s.To = banyan.OpExit2, r.theirs(), r.pid()
		r.skip(token)
		r.reason(m)
	case opGroupLeader:
		s.Op, s.From, s.To = banyan.OpGroupLeader, r.pid(), r.pid()
	case opMonitorP, opDemonitorP:
		s.Op, s.From = banyan.OpMonitor, r.theirs()
		if op == opDemonitorP {
			s.Op = banyan.OpDemonitor
		}
		if s.To, s.Name = r.pidOrName(); s.Name == "" { // we do not answer for another node's process
			r.mustBe(s.To, r.ends.Local)
		}
		s.Ref = r.ref()
	case opMonitorPExit, opPayloadMonitorPExit:
		s.Op = banyan.OpDown
		s.From, s.Name = r.pidOrName()
		if s.Name == "" {
			r.mustBe(s.From, r.ends.Peer)
		}
		s.To, s.Ref = r.pid(), r.ref()
		r.reason(m)
	case opSpawnRequest, opSpawnRequestTT:
		r.spawn(m)
		r.skip(token)
	case opSpawnReply, opSpawnReplyTT:
		r.spawnReply(s)
		r.skip(token)
	case opUnlinkID, opUnlinkIDAck:
		s.Op = banyan.OpUnlink
		if op == opUnlinkIDAck {
			s.Op = banyan.OpUnlinkAck
		}
		s.ID, s.From, s.To = r.id(), r.theirs(), r.ours()
	}
}

// reason reads a reason unless it comes as payload.
func (r *reader) reason(m *Message) {
	if m.Payload == NoPayload && r.err == nil {
		m.Reason, r.err = r.d.Term()
		m.HasReason = true
	}
}

// altact reads {37, Flags, From, To, Token, ...}: what OTP 28 sends if both sides have ALTACT_SIG. More elements may
// come one day and are read over.
func (r *reader) altact(m *Message, n int) {
	flags, err := r.flags()
	if err != nil || n < 4 {
		r.err = fmt.Errorf("%d elements: %w", n, err)
		return
	}
	s, read := &m.Signal, 4
	m.Payload = Body
	s.From = r.pid()
	switch {
	case flags&altactAlias != 0 && flags&altactName != 0:
		r.fail("both an alias and a name")
	case flags&altactAlias != 0:
		s.Op, s.Ref = banyan.OpSendAlias, r.ref()
	case flags&altactName != 0:
		s.Op, s.Name = banyan.OpSendName, r.atom()
	default:
		s.Op, s.To = banyan.OpSend, r.pid()
	}
	if flags&altactExit != 0 {
		s.Op, m.Payload = banyan.OpExit2, Reason
		r.mustBe(s.From, r.ends.Peer)
	}
	if flags&altactToken != 0 && n < 5 {
		r.fail("no token")
	}
	for ; read < n; read++ {
		r.skip(true)
	}
}

// flags reads an integer of any size; only the low bits have a meaning.
func (r *reader) flags() (uint64, error) {
	pos := r.d.Pos()
	if i, err := r.d.Int(); err == nil {
		return uint64(i), nil
	}
	r.d.SetPos(pos)
	t, err := r.d.Term()
	if err != nil {
		return 0, err
	}
	return bigLow(t)
}

// spawnReply reads {31, Ref, To, Flags, PidOrAtom}.
func (r *reader) spawnReply(s *banyan.Signal) {
	s.Op, s.Ref, s.To = banyan.OpSpawnReply, r.ref(), r.pid()
	flags := r.int()
	s.Linked, s.Monitored = flags&spawnLinked != 0, flags&spawnMonitored != 0
	s.From, s.Err = r.pidOrName()
	if s.Err == "" {
		r.mustBe(s.From, r.ends.Peer)
	}
}
