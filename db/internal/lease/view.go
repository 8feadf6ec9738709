// SPDX-License-Identifier: Apache-2.0

package lease

import "slices"

// Conf is who the voters are: one list, or two while they change. A majority of each is needed for anything.
type Conf struct {
	Version uint64 // of the row; rises
	Lists   [][]uint64
}

// Has reports whether a node is a voter.
func (c Conf) Has(node uint64) bool {
	return slices.ContainsFunc(c.Lists, func(l []uint64) bool { return slices.Contains(l, node) })
}

// Voters are all, each once.
func (c Conf) Voters() (all []uint64) {
	for _, l := range c.Lists {
		all = append(all, l...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// majority reports whether more than half of each list are such.
func (c Conf) majority(is func(node uint64) bool) bool {
	for _, l := range c.Lists {
		if count(l, is) <= len(l)/2 {
			return false
		}
	}
	return len(c.Lists) > 0
}

func count(list []uint64, is func(node uint64) bool) (n int) {
	for _, v := range list {
		if is(v) {
			n++
		}
	}
	return n
}

// Member is what the log says of a life.
type Member struct {
	Life
	Over      bool   // Down, or it has left
	Cancelled uint64 // rounds of burial up to this one are void
}

// View is what a node has applied of the log so far. It may lag.
type View struct {
	Conf    Conf
	Members []Member // the newest life of each node
	Gone    []uint64 // nodes that will never come back under their number
}

func (v *View) member(l Life) (Member, bool) {
	for _, m := range v.Members {
		if m.Node == l.Node {
			if m.Inc > l.Inc { // its successor is there
				return Member{Life: l, Over: true}, true
			}
			return m, m.Inc == l.Inc
		}
	}
	return Member{}, false
}

// ProposalKind says what a proposal does.
type ProposalKind byte

// The kinds of proposals.
const (
	ProposeDown   ProposalKind = iota + 1 // Life is over: if its round is not cancelled, it is not over yet, and the voters are still those of Base
	ProposeCancel                         // rounds up to Round are void: if Life is not over
	ProposeVoters                         // Lists are the voters: if they are still those of Base
)

// Proposal is what shall go into the log, if what it depends on is still so there.
type Proposal struct {
	Kind  ProposalKind
	Life  Life
	Round uint64
	Base  uint64 // Conf.Version
	Lists [][]uint64
}

// Applies reports whether a proposal may be carried out on what the log holds. Every replica decides the same.
func (p *Proposal) Applies(conf Conf, m Member) bool {
	live := m.Life == p.Life && !m.Over && p.Round > m.Cancelled
	switch p.Kind {
	case ProposeDown:
		return live && conf.Version == p.Base
	case ProposeCancel:
		return live
	default:
		return conf.Version == p.Base
	}
}
