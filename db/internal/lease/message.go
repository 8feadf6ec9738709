// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"encoding/binary"
	"errors"
	"time"
)

// Kind says what a message is.
type Kind byte

// The kinds. Beats go from holders to voters, and Acks back; the others are between the leader and voters.
const (
	KindBeat   Kind = iota + 1 // Life, Num: which beat, TTL, Conf: the version of the voters that the holder counts by
	KindAck                    // Life, Num
	KindAsk                    // Life: has your support ended?
	KindSilent                 // Life: it has
	KindAlive                  // Life: it has not
	KindClaim                  // Life, Num: grant this round
	KindGrant                  // Life, Num: granted, and written down
	KindKnow                   // Conf: take no beats of an older version
	KindKnown                  // Conf: so it is, and written down
	kinds
)

// Message goes from node to node. It may be lost, late, doubled and out of order.
type Message struct {
	Kind     Kind
	From, To uint64
	Life     Life
	Num      uint64
	Conf     uint64
	TTL      time.Duration
}

const format = 1

// Append encodes the message, without From and To, which the transport knows.
func (m *Message) Append(b []byte) []byte {
	b = append(b, format, byte(m.Kind))
	for _, n := range []uint64{m.Life.Node, m.Life.Inc, m.Num, m.Conf, uint64(m.TTL)} {
		b = binary.AppendUvarint(b, n)
	}
	return b
}

// ErrMessage is returned for bytes that are no message.
var ErrMessage = errors.New("not a message about leases")

// Decode reads a message that came from a node to this one.
func Decode(from, to uint64, b []byte) (Message, error) {
	if len(b) < 2 || b[0] != format || b[1] == 0 || Kind(b[1]) >= kinds {
		return Message{}, ErrMessage
	}
	m := Message{Kind: Kind(b[1]), From: from, To: to}
	b = b[2:]
	var ttl uint64
	for _, p := range []*uint64{&m.Life.Node, &m.Life.Inc, &m.Num, &m.Conf, &ttl} {
		v, n := binary.Uvarint(b)
		if n <= 0 {
			return Message{}, ErrMessage
		}
		*p, b = v, b[n:]
	}
	if len(b) > 0 || ttl > 1<<62 {
		return Message{}, ErrMessage
	}
	m.TTL = time.Duration(ttl)
	return m, nil
}
