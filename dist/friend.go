// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// What the links of two Banyan nodes say to each other beside Erlang's protocol: messages to a name that no process has. An Erlang
// node would drop them, and gets none: they are sent only to a peer that has said that it is one of us, and understands them.
// docs/protocol.md has the list.
const (
	friendName banyan.Atom = "banyan_link"

	friendBeats etf.Atom = "beats" // {beats, Milliseconds}

	// Of tunnels. The Id is chosen by who opens that leg of the tunnel: even by the node with the lesser name.
	relayOpen etf.Atom = "open" // {open, Id, Node}: pass me on to Node
	relayFrom etf.Atom = "from" // {from, Id, Node}: Node speaks to you through me
	relayData etf.Atom = "data" // {data, Id, Binary}
	relayRoom etf.Atom = "room" // {room, Id, Bytes}: so many were read
	relayEnd  etf.Atom = "end"  // {'end', Id, Why}: there is no more; an empty Why is a normal end
)

// friendVersion is the version of the greeting from which on a peer understands them.
const friendVersion = 2

// Agreed implements banyan.Friend: the peer has greeted us.
func (l *link) Agreed(version int) {
	if version >= friendVersion && !l.friend.Swap(true) {
		l.t.wakeBeater() // he is to be told of our beats
	}
}

// tell sends a word to the peer's link.
func (l *link) tell(word ...any) error {
	return l.send(&banyan.Signal{Op: banyan.OpSendName, From: l.t.nobody, Name: friendName, Body: banyan.Body{Value: etf.Tuple(word)}}, false)
}

// word is one that the peer has sent. What is not understood is passed over: the peer may be newer.
func (r *receiver) word() error {
	t, err := r.dec.Term()
	if err != nil {
		return err
	}
	q, _ := t.(etf.Tuple)
	if len(q) < 2 {
		return nil
	}
	n, ok := intOf(q[1])
	switch {
	case !ok:
	case q[0] == friendBeats:
		r.l.promised.Store(int64(min(max(n, 0), maxBeat.Milliseconds())) * int64(time.Millisecond))
	case len(q) == 3:
		r.l.t.relays.word(leg{r.l, n}, q[0], q[2])
	}
	return nil
}

// intOf is a small integer.
func intOf(t any) (int64, bool) {
	switch n := t.(type) {
	case int:
		return int64(n), true
	case int64:
		return n, true
	}
	return 0, false
}
