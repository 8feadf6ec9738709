// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// sizeOf is the size of message n: most are small, some of 1 to 5 MB. soak.erl has the same rule.
func sizeOf(n int) int {
	if n%251 == 0 {
		return 1_000_000 + n*7919%4_000_000
	}
	return n * 31 % 300
}

// tally is what has come from one sender in one phase.
type tally struct {
	count, last int
	back        int // messages that were not above the one before: doubled, or out of order
	bad         int // messages of the wrong size
}

// key names a sender of a phase.
type key struct {
	phase int
	from  banyan.Atom
}

// sink counts numbered messages, and answers {echo, X}.
type sink struct{ got map[key]tally }

func newSink(context.Context, *banyan.Self) (*sink, error) { return &sink{map[key]tally{}}, nil }

// Info takes {seq, Phase, From, N, Bin}.
func (s *sink) Info(_ *banyan.Self, m any) error {
	t, ok := m.(etf.Tuple)
	if !ok || len(t) != 5 || t[0] != etf.Atom("seq") {
		return nil
	}
	phase, ok1 := t[1].(int)
	from, ok2 := t[2].(etf.Atom)
	n, ok3 := t[3].(int)
	bin, ok4 := t[4].([]byte)
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return fmt.Errorf("a message of another shape: %v", t[:4])
	}
	k := key{phase, from}
	c := s.got[k]
	c.count++
	if n <= c.last {
		c.back++
	}
	c.last = max(c.last, n)
	if len(bin) != sizeOf(n) {
		c.bad++
	}
	s.got[k] = c
	return nil
}

// TermCall answers {echo, X} with {was, X}.
func (s *sink) TermCall(_ *banyan.Self, request any) (any, error) {
	t, ok := request.(etf.Tuple)
	if !ok || len(t) != 2 || t[0] != etf.Atom("echo") {
		return nil, banyan.ErrNotUnderstood
	}
	return etf.Tuple{etf.Atom("was"), t[1]}, nil
}

// report takes the tallies of a phase out.
type report struct{ Phase int }

// Call gives them, by sender.
func (m report) Call(s *sink, _ *banyan.Self) (map[string]tallyOut, error) {
	out := map[string]tallyOut{}
	for k, c := range s.got {
		if k.phase == m.Phase {
			out[string(k.from)] = tallyOut{c.count, c.last, c.back, c.bad}
		}
		if k.phase <= m.Phase {
			delete(s.got, k)
		}
	}
	return out, nil
}

// tallyOut is a tally for others to read.
type tallyOut struct{ Count, Last, Back, Bad int }
