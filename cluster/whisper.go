// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"cmp"
	"encoding/binary"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/cluster/internal/gossip"
)

// A whisper goes from one member to another in one packet, and may be lost. The first byte says what it is.
const (
	whisperQuestion = 1
	whisperAnswer   = 2
)

// question: how long have you not heard a member?
type question struct {
	from     gossip.ID
	of       banyan.Atom
	creation uint32 // of the link that is meant
}

func (q question) encode() []byte {
	b := binary.BigEndian.AppendUint64([]byte{whisperQuestion}, q.from.Instance)
	b = binary.BigEndian.AppendUint32(b, q.creation)
	return appendText(appendText(b, q.from.Name), string(q.of))
}

func decodeQuestion(b []byte) (q question, ok bool) {
	if len(b) < 13 || b[0] != whisperQuestion {
		return q, false
	}
	q.from.Instance, q.creation = binary.BigEndian.Uint64(b[1:]), binary.BigEndian.Uint32(b[9:])
	from, b, ok1 := cutText(b[13:])
	of, _, ok2 := cutText(b)
	q.from.Name, q.of = from, banyan.Atom(of)
	return q, ok1 && ok2
}

// answer: for so long. There is none from who cannot tell.
type answer struct {
	from, of banyan.Atom
	creation uint32
	silent   time.Duration // in milliseconds on the wire
}

func (a answer) encode() []byte {
	b := binary.BigEndian.AppendUint32([]byte{whisperAnswer}, a.creation)
	b = binary.BigEndian.AppendUint32(b, uint32(min(max(a.silent.Milliseconds(), 0), 1<<32-1)))
	return appendText(appendText(b, string(a.from)), string(a.of))
}

func decodeAnswer(b []byte) (a answer, ok bool) {
	if len(b) < 9 || b[0] != whisperAnswer {
		return a, false
	}
	a.creation = binary.BigEndian.Uint32(b[1:])
	a.silent = time.Duration(binary.BigEndian.Uint32(b[5:])) * time.Millisecond
	from, b, ok1 := cutText(b[9:])
	of, _, ok2 := cutText(b)
	a.from, a.of = banyan.Atom(from), banyan.Atom(of)
	return a, ok1 && ok2
}

// cutText reads what appendText wrote.
func cutText(b []byte) (s string, rest []byte, ok bool) {
	if len(b) < 1 || len(b) < 1+int(b[0]) {
		return "", nil, false
	}
	return string(b[1 : 1+int(b[0])]), b[1+int(b[0]):], true
}

func cmpID(a, b gossip.ID) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Instance, b.Instance))
}
