// SPDX-License-Identifier: Apache-2.0

package tenure

import (
	"cmp"
	"context"
	"slices"

	"github.com/banyan-go/banyan/db/internal/lease"
)

// Book is where it is written who lives and who votes on it: rows that are changed by transactions.
type Book interface {
	// Admit gives a node its next life. What was before it is over: the process that asks has the folder that its predecessor had locked, or
	// has given that life up itself.
	Admit(ctx context.Context, node uint64, name string, lock Lock) (lease.Life, error)
	// CarryOut writes a proposal. One that does not apply any more changes nothing, and is no error.
	CarryOut(ctx context.Context, p lease.Proposal) error
	// End ends a life whose end is proved. It is no error if it is over.
	End(ctx context.Context, l lease.Life, state State, why string) error
	// Read gives what this node has of the book, perhaps not the newest; nil if that is still the page whose At is known.
	Read(ctx context.Context, known uint64) (*Page, error)
	// Led reports whether this node leads the book's group, and who should vote then; nil while that changes.
	Led() (leading bool, voters []uint64)
	// Ended is called when a node's process is seen to have ended, before that is written: what it led needs a leader. So may the book itself.
	Ended(node uint64)
}

// State is of a life. What is not Up is final.
type State int

const (
	Up   State = iota
	Left       // by its own word
	Down
)

// Row is the newest life of a node.
type Row struct {
	Inc       uint64
	State     State
	Why       string
	Cancelled uint64 // rounds of burial
	Name      string // the node's name, for people
	Lock      Lock
}

// Lock says where the file is that this life's process has locked: see proof.
type Lock struct{ Machine, Path, Mark string }

// Member is the row as package lease has it.
func (r Row) Member(node uint64) lease.Member {
	return lease.Member{Life: lease.Life{Node: node, Inc: r.Inc}, Over: r.State != Up, Cancelled: r.Cancelled}
}

// Ends reports whether the row says that a life is over: it was ended, or has a successor.
func (r Row) Ends(l lease.Life) bool { return r.Inc > l.Inc || r.Inc == l.Inc && r.State != Up }

// Page is what the book says at one moment. Nobody changes it.
type Page struct {
	At   uint64
	Conf lease.Conf
	Rows map[uint64]Row
	Gone []uint64 // nodes that will never come back
}

// Over reports whether a life is over, as far as this page knows.
func (p *Page) Over(l lease.Life) bool {
	if p == nil {
		return false
	}
	r, ok := p.Rows[l.Node]
	return ok && r.Ends(l)
}

// gone reports whether a node has left for good: it gets no other life.
func (p *Page) gone(node uint64) bool { return p != nil && slices.Contains(p.Gone, node) }

func (p *Page) view() lease.View {
	out := lease.View{Conf: p.Conf, Gone: p.Gone}
	for n, r := range p.Rows {
		out.Members = append(out.Members, r.Member(n))
	}
	slices.SortFunc(out.Members, func(a, b lease.Member) int { return cmp.Compare(a.Node, b.Node) })
	return out
}

// Ended is a life that is over.
type Ended struct {
	Name  string
	Inc   uint64
	State State
	Why   string
}

// since lists the lives that are over by this page and were not by an earlier one.
func (p *Page) since(before *Page) (list []Ended) {
	if before == nil {
		return nil
	}
	for n, r := range p.Rows {
		was, ok := before.Rows[n]
		switch {
		case ok && was.State == Up && r.Inc > was.Inc: // its successor is there already
			list = append(list, Ended{was.Name, was.Inc, Down, "it was started again"})
		case r.State != Up && (!ok || was.Inc != r.Inc || was.State == Up):
			list = append(list, Ended{r.Name, r.Inc, r.State, r.Why})
		}
	}
	return list
}
