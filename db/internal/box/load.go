// SPDX-License-Identifier: Apache-2.0

package box

import (
	"errors"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/banyan-go/banyan/db/internal/host"
)

// load is the clients, and what they have seen.
type load struct {
	s       *Sim
	stopped bool
	value   int64 // the last that was written: no two are equal
	history []porcupine.Operation
	hints   map[uint64]uint64 // group: node that led it
	floor   map[uint64]uint64 // group: index of the last write that somebody knows to be done
}

// call is an operation as the history has it.
type call struct {
	group uint64
	op    Op
}

// reply is its end: an answer, or not known.
type reply struct {
	answer  int64
	unknown bool
}

// forever is when an operation ends whose end nobody saw.
const forever = int64(1) << 60

func (l *load) start() {
	l.hints, l.floor = map[uint64]uint64{}, map[uint64]uint64{}
	for c := range l.s.o.Clients {
		l.s.after(l.s.between(0, 100*time.Millisecond), func() { l.next(c) })
	}
}

func (l *load) next(client int) {
	if l.stopped {
		return
	}
	s := l.s
	c := call{group: 1 + uint64(s.rng.IntN(s.o.Groups)), op: Op{Kind: "rrpac"[s.rng.IntN(5)], Key: byte(s.rng.IntN(s.o.Keys))}}
	switch c.op.Kind {
	case 'p':
		l.value += 1000
		c.op.New = l.value
	case 'a':
		c.op.New = 1
	case 'c':
		l.value += 1000
		c.op.Old, c.op.New = l.value-int64(s.rng.IntN(4))*1000, l.value
	}
	l.try(client, c, s.now, 0)
}

// try hands the operation to a node: to the one that led last, or to any.
func (l *load) try(client int, c call, began time.Duration, tries int) {
	s := l.s
	again := func() {
		s.after(s.between(10*time.Millisecond, 400*time.Millisecond), func() { l.next(client) })
	}
	if tries > 5 {
		again()
		return
	}
	at := l.hints[c.group]
	if at == 0 || s.chance(10) {
		at = 1 + uint64(s.rng.IntN(len(s.nodes)))
	}
	n := s.nodes[at-1]
	if !n.up {
		delete(l.hints, c.group)
		s.after(20*time.Millisecond, func() { l.try(client, c, began, tries+1) })
		return
	}
	ended := false
	finish := func(r reply, err error) {
		if ended {
			return
		}
		ended = true
		s.note("client %d: %c %d/%d %d %d = %d %v", client, c.op.Kind, c.group, c.op.Key, c.op.Old, c.op.New, r.answer, err)
		var nl *host.NotLeader
		switch {
		case err == nil:
			l.record(client, c, began, r)
			l.hints[c.group] = at
		case errors.As(err, &nl):
			delete(l.hints, c.group)
			if nl.Node != 0 {
				l.hints[c.group] = nl.Node
			}
			s.after(s.between(time.Millisecond, 20*time.Millisecond), func() { l.try(client, c, began, tries+1) })
			return
		case errors.Is(err, host.ErrUnknown):
			l.record(client, c, began, reply{unknown: true})
		default: // surely nothing happened
			delete(l.hints, c.group)
		}
		again()
	}
	s.after(3*time.Second, func() { finish(reply{}, host.ErrUnknown) })
	n.in(s.between(50*time.Microsecond, time.Millisecond), func() { l.ask(n, c, finish) })
}

// probe asks a node that has just started, at once and often: what it answers first is easily wrong.
func (l *load) probe(n *node) {
	if l.stopped || l.hints == nil {
		return
	}
	for g := range uint64(l.s.o.Groups) {
		for d := range 8 {
			n.in(time.Duration(d)*500*time.Microsecond, func() {
				l.ask(n, call{group: g + 1, op: Op{Kind: 'r'}}, func(reply, error) {})
			})
		}
	}
}

// ask is the request's arrival at a node.
func (l *load) ask(n *node, c call, finish func(reply, error)) {
	s := l.s
	floor := l.floor[c.group]
	n.do(func() {
		if c.op.Kind == 'r' {
			n.core.Read(c.group, func(err error) {
				if err != nil {
					finish(reply{}, err)
					return
				}
				v, err := readRow(n.state.Reader(), rowKey(c.group, 'k', c.op.Key))
				at, _, err2 := n.state.Load(c.group)
				if err = errors.Join(err, err2); err != nil && n.excused() {
					finish(reply{}, err)
					return
				} else if err != nil {
					s.violate("%v reads group %d: %v", n, c.group, err)
				}
				// The histories would tell that too, but it takes long to be sure that nothing explains them.
				if at.Index < floor {
					s.violate("%v reads group %d at %d, and %d was done before it was asked", n, c.group, at.Index, floor)
				}
				finish(reply{answer: v}, nil)
			})
			return
		}
		n.core.Propose(c.group, c.op.encode(), func(res host.Result) {
			v, _ := res.Value.(int64)
			l.floor[c.group] = max(l.floor[c.group], res.Index)
			finish(reply{answer: v, unknown: res.Err == nil && res.Value == nil}, res.Err)
		})
	})
}

func (l *load) record(client int, c call, began time.Duration, r reply) {
	end := int64(l.s.now)
	if r.unknown && l.s.o.Flaw != host.ApplyUncommitted {
		end = forever
		l.s.stats.Unknown++
		if c.op.Kind == 'r' {
			return
		}
	} else {
		l.s.stats.Done++
	}
	l.history = append(l.history, porcupine.Operation{ClientId: client, Input: c, Call: int64(began), Output: r, Return: end})
}

// model is a number for each key of each group.
var model = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		parts := map[[2]uint64][]porcupine.Operation{}
		for _, o := range history {
			c := o.Input.(call)
			k := [2]uint64{c.group, uint64(c.op.Key)}
			parts[k] = append(parts[k], o)
		}
		list := make([][]porcupine.Operation, 0, len(parts))
		for _, p := range parts {
			list = append(list, p)
		}
		return list
	},
	Init: func() any { return int64(0) },
	Step: func(st, in, out any) (bool, any) {
		now, answer := in.(call).op.next(st.(int64))
		r := out.(reply)
		return r.unknown || in.(call).op.Kind == 'p' || r.answer == answer, now
	},
}
