// SPDX-License-Identifier: Apache-2.0

package handshake

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// acceptorState says which message, or which decision, comes next.
type acceptorState uint8

const (
	acceptName acceptorState = iota
	acceptDecide
	acceptAlive
	acceptReply
	acceptAck
	acceptEnd
)

// Acceptor is the side that is called. The zero value is of no use.
type Acceptor struct {
	me    Side
	peer  Peer
	state acceptorState
	sum   [digestSize]byte // for the ack, made when the peer has proved itself
}

// NewAcceptor makes the machine that waits for a name.
func NewAcceptor(me Side) *Acceptor { return &Acceptor{me: me} }

// Peer is what is known of the other side: a claim until Proven.
func (a *Acceptor) Peer() Peer { return a.peer }

// SetCookie changes the cookie, once the peer's name is known and before the decision: it may have one of its own.
func (a *Acceptor) SetCookie(cookie string) { a.me.Cookie = cookie }

// Receive takes the next message and returns what to write, if anything, even with an error: after one the connection
// must be closed.
func (a *Acceptor) Receive(msg []byte) (out [][]byte, ev Event, err error) {
	switch a.state {
	case acceptName:
		out, ev, err = a.name(msg)
	case acceptAlive:
		out, err = a.alive(msg)
	case acceptReply:
		ev, err = a.reply(msg)
	default:
		err = fmt.Errorf("%w: a message that was not asked for", ErrProtocol)
	}
	if err != nil {
		a.state = acceptEnd
	}
	return out, ev, err
}

// Decide answers the name. With StatusNOK and StatusNotAllowed the handshake is over once that is written.
func (a *Acceptor) Decide(st Status) [][]byte {
	if a.state != acceptDecide {
		return nil
	}
	out := [][]byte{append([]byte{'s'}, st...)}
	switch st {
	case StatusOK, StatusOKSimultaneous:
		out = append(out, a.challenge())
	case StatusAlive:
		a.state = acceptAlive
	default:
		a.state = acceptEnd
	}
	return out
}

// Ack ends the handshake: the bytes after it are frames.
func (a *Acceptor) Ack() []byte {
	if a.state != acceptAck {
		return nil
	}
	a.state = acceptEnd
	return append([]byte{'a'}, a.sum[:]...)
}

// refused is a status and the end.
var refused = []byte("s" + StatusNotAllowed)

// name reads send_name.
func (a *Acceptor) name(msg []byte) ([][]byte, Event, error) {
	p, err := parseName(msg)
	if err != nil {
		return nil, None, err
	}
	a.peer = p
	switch {
	case p.Flags&NameMe != 0:
		return [][]byte{refused}, None, fmt.Errorf("%w: %.64q asks for a name, which is not given here", ErrName, p.Name)
	case CheckName(p.Name) != nil:
		return nil, None, CheckName(p.Name)
	case p.Name == a.me.Name:
		return [][]byte{refused}, None, fmt.Errorf("%w: the peer bears our own name %q", ErrName, p.Name)
	}
	if miss := p.Flags.missing(Mandatory26); miss != nil {
		return [][]byte{refused}, None, fmt.Errorf("%w: %.64q lacks %s", ErrFlags, p.Name, strings.Join(miss, ", "))
	}
	a.peer.Flags &= a.me.Flags
	a.state = acceptDecide
	return nil, Named, nil
}

// challenge asks the peer to prove that it knows the cookie.
func (a *Acceptor) challenge() []byte {
	a.state = acceptReply
	return appendChallenge(nil, &a.me, toLatin1(a.me.Name))
}

// alive reads the answer to StatusAlive.
func (a *Acceptor) alive(msg []byte) ([][]byte, error) {
	switch string(msg) {
	case "strue":
		return [][]byte{a.challenge()}, nil
	case "sfalse":
		return nil, fmt.Errorf("%w: the peer keeps the link it has", ErrClosed)
	}
	return nil, fmt.Errorf("%w: not an answer to alive", ErrProtocol)
}

// reply checks the peer's digest, and only then makes ours.
func (a *Acceptor) reply(msg []byte) (Event, error) {
	if len(msg) != 1+4+digestSize || msg[0] != 'r' {
		return None, fmt.Errorf("%w: not a challenge_reply", ErrProtocol)
	}
	theirs := binary.BigEndian.Uint32(msg[1:])
	if !proves(msg[5:], a.me.Cookie, a.me.Challenge) {
		return None, fmt.Errorf("%w: %.64q", ErrCookie, a.peer.Name)
	}
	if theirs == a.me.Challenge {
		return None, ErrReflected
	}
	a.sum = digest(a.me.Cookie, theirs)
	a.state = acceptAck
	return Proven, nil
}
