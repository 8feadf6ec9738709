// SPDX-License-Identifier: Apache-2.0

package db

import (
	"slices"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/db/internal/txn"
)

// whisper sends a few bytes to the database's part on another node, in the lane of the beats: at once if there is a link with room, or never. It does
// not wait. The bytes must not be changed afterwards.
func (m *member) whisper(to uint64, data []byte) {
	if to == m.number {
		m.hear(m.node.Name(), data)
		return
	}
	m.carrier.beats.put(parcel{to: to, kind: isWhisper, whisper: data})
}

// hear gives a whisper to whoever listens. It runs on the door's turn, so who listens must not wait.
func (m *member) hear(from banyan.Atom, data []byte) {
	if f := m.listener.Load(); f != nil {
		(*f)(m.peers.number(from), data)
	}
}

// listen lets f hear whispers, with the numbers of the nodes that they come from; 0: it is not known.
func (m *member) listen(f func(from uint64, data []byte)) { m.listener.Store(&f) }

// metaVoters are the nodes that vote for the meta group, rising, as far as this node knows: of a change under way both halves. Empty until it has
// a replica of that group.
func (m *member) metaVoters() (list []uint64) {
	g, ok := m.watch.of(txn.MetaGroup)
	if !ok {
		return nil
	}
	for _, mem := range g.conf.Members {
		if g.conf.Voter(mem.Replica) {
			list = append(list, mem.Node)
		}
	}
	slices.Sort(list)
	return list
}
