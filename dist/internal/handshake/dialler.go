// SPDX-License-Identifier: Apache-2.0

package handshake

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// Event is what the caller has to do next.
type Event uint8

// The events of both machines.
const (
	None   Event = iota // write what there is to write, read the next message
	Alive               // dialler: the peer has a link to us; call Answer
	Wait                // dialler: the peer is calling us; close and wait for it
	Done                // dialler: the link is up
	Named               // acceptor: the peer's name is known; call Decide
	Proven              // acceptor: the peer knows the cookie; call Ack when the link may start
)

// diallerState says which message comes next.
type diallerState uint8

const (
	dialStatus diallerState = iota
	dialAlive
	dialChallenge
	dialAck
	dialEnd
)

// Dialler is the side that connects. The zero value is of no use.
type Dialler struct {
	// Reflected, if set, reports whether a challenge is one of ours to somebody else.
	Reflected func(challenge uint32) bool

	me    Side
	want  string
	peer  Peer
	state diallerState
}

// NewDialler makes the machine that calls the node named want.
func NewDialler(me Side, want string) *Dialler { return &Dialler{me: me, want: want} }

// Start returns the first message.
func (d *Dialler) Start() []byte { return appendName(nil, &d.me, toLatin1(d.me.Name)) }

// Peer is what is known of the other side, complete after Done.
func (d *Dialler) Peer() Peer { return d.peer }

// Receive takes the next message and returns what to write before acting on the event. After an error the connection
// must be closed.
func (d *Dialler) Receive(msg []byte) (out []byte, ev Event, err error) {
	switch d.state {
	case dialStatus:
		ev, err = d.status(msg)
	case dialChallenge:
		out, err = d.challenge(msg)
	case dialAck:
		ev, err = d.ack(msg)
	default:
		err = fmt.Errorf("%w: a message that was not asked for", ErrProtocol)
	}
	if err != nil {
		d.state = dialEnd
		return nil, None, err
	}
	return out, ev, nil
}

// Answer says whether we want a new link although the peer has one (take true: we lost ours). After false the
// handshake is over.
func (d *Dialler) Answer(take bool) []byte {
	if d.state != dialAlive {
		return nil
	}
	if !take {
		d.state = dialEnd
		return []byte("sfalse")
	}
	d.state = dialChallenge
	return []byte("strue")
}

// Closed is what it likely means that the peer closes the connection now.
func (d *Dialler) Closed() error {
	switch d.state {
	case dialStatus:
		return fmt.Errorf("%w before any answer: no Erlang node, an old one, or one that is shutting down", ErrClosed)
	case dialAck:
		return fmt.Errorf("%w: the peer closed the connection instead of accepting our digest; most likely the cookies differ", ErrCookie)
	}
	return ErrClosed
}

// status reads send_status.
func (d *Dialler) status(msg []byte) (Event, error) {
	if len(msg) < 1 || msg[0] != 's' {
		return None, fmt.Errorf("%w: not a send_status", ErrProtocol)
	}
	switch st := Status(msg[1:]); {
	case st == StatusOK, st == StatusOKSimultaneous:
		d.state = dialChallenge
		return None, nil
	case st == StatusNOK:
		d.state = dialEnd
		return Wait, nil
	case st == StatusAlive:
		d.state = dialAlive
		return Alive, nil
	case st == StatusNotAllowed:
		return None, fmt.Errorf("%w: not_allowed", ErrRefused)
	case strings.HasPrefix(string(st), "named:"):
		return None, fmt.Errorf("%w: named without having asked", ErrProtocol)
	default:
		return None, fmt.Errorf("%w: status %.32q", ErrProtocol, string(st))
	}
}

// challenge checks who answered and proves that we know the cookie.
func (d *Dialler) challenge(msg []byte) ([]byte, error) {
	p, challenge, err := parseChallenge(msg)
	if err != nil {
		return nil, err
	}
	if p.Name != d.want {
		return nil, fmt.Errorf("%w: dialled %q, but there answers %.64q", ErrName, d.want, p.Name)
	}
	if miss := p.Flags.missing(Mandatory26); miss != nil {
		return nil, fmt.Errorf("%w: it lacks %s", ErrFlags, strings.Join(miss, ", "))
	}
	if challenge == d.me.Challenge || (d.Reflected != nil && d.Reflected(challenge)) {
		return nil, ErrReflected
	}
	p.Flags &= d.me.Flags
	d.peer = p
	d.state = dialAck
	sum := digest(d.me.Cookie, challenge)
	out := binary.BigEndian.AppendUint32([]byte{'r'}, d.me.Challenge)
	return append(out, sum[:]...), nil
}

// ack checks that the peer knows the cookie too.
func (d *Dialler) ack(msg []byte) (Event, error) {
	if len(msg) != 1+digestSize || msg[0] != 'a' {
		return None, fmt.Errorf("%w: not a challenge_ack", ErrProtocol)
	}
	if !proves(msg[1:], d.me.Cookie, d.me.Challenge) {
		return None, fmt.Errorf("%w: the peer took ours but has another one", ErrCookie)
	}
	d.state = dialEnd
	return Done, nil
}
