// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"github.com/banyan-go/banyan/db"
	"github.com/banyan-go/banyan/db/internal/check"
)

// movesWanted is how many replicas move at least.
const movesWanted = 64

// membership has three nodes serve, then five, has nodes leave and join until so many replicas have moved, and goes back to three. Clients see no error but those after which one
// tries again, and are not kept waiting for much longer than while nothing happens.
func membership(ctx context.Context, seed uint64, megabytes int, keep bool, out io.Writer) (err error) {
	f, err := newFleet(nodesN, 3, megabytes, seed, false, out)
	if err != nil {
		return err
	}
	defer func() {
		f.close(keep || err != nil)
		if keep || err != nil {
			f.say("histories and logs are in %s", f.root)
		}
	}()
	f.load = true
	m := &movers{f: f, was: map[uint64][]uint64{}}
	for _, s := range f.seats[1:4] {
		s.start()
	}
	if err := m.settle(ctx, f.seats[1:4]); err != nil {
		return err
	}
	f.say("three nodes serve")
	pause(ctx, 5*time.Second)
	v := &verdict{began: now()}
	m.moves = 0
	pause(ctx, 40*time.Second)
	quiet := now()
	for _, s := range f.seats[4:] {
		s.start()
	}
	if err := m.settle(ctx, f.seats[1:]); err != nil {
		return err
	}
	f.say("five nodes serve; %d replicas have moved", m.moves)
	for i := 0; m.moves < movesWanted; i++ {
		s := f.seats[1+i%nodesN]
		left := s.left
		s.leave()
		if err := f.until(ctx, 2*time.Minute, "a node leaves", func() bool { return s.is(func(s *seat) bool { return s.left > left }) }); err != nil {
			return err
		}
		if err := m.settle(ctx, f.seats[1:]); err != nil {
			return err
		}
		f.say("n%d has left and joined; %d replicas have moved", s.n, m.moves)
	}
	for i := nodesN; i > 3; i-- {
		s := f.seats[i]
		s.mu.Lock()
		s.held = true
		s.mu.Unlock()
		s.leave()
		if err := f.until(ctx, 2*time.Minute, "a node leaves", func() bool { return !s.is(ready) }); err != nil {
			return err
		}
		if err := m.settle(ctx, f.seats[1:i]); err != nil {
			return err
		}
		f.say("%d nodes serve; %d replicas have moved", i-1, m.moves)
	}
	moved := now()
	for _, s := range f.seats[1:4] {
		if _, err := s.ask("halt", 20*time.Second); err != nil {
			return err
		}
	}
	v.ended = now()
	if v.events, err = readHistory(filepath.Join(f.root, "history")); err != nil {
		return err
	}
	v.crashes = f.crashes
	v.out = out
	before, after := v.kept(v.began, quiet), v.kept(quiet, moved)
	v.say("transfers while nothing happens: %d, p50 %v, p99 %v, longest %v", len(before), ms(at(before, 50)), ms(at(before, 99)), ms(at(before, 100)))
	v.say("while %d replicas move: %d, p50 %v, p99 %v, longest %v: p99 is %.1f times that", m.moves, len(after), ms(at(after, 50)), ms(at(after, 99)), ms(at(after, 100)),
		float64(at(after, 99))/float64(at(before, 99)))
	return v.judge(out)
}

// kept is how long clients were kept waiting for transfers that were called in some time. Those of a process that ended, because its node had left, do not count.
func (v *verdict) kept(from, to int64) (list []time.Duration) {
	for i := range v.events {
		if e := &v.events[i]; e.Kind == transfer && e.Call >= from && e.Call < to && e.Took != 0 && (e.Outcome == check.Committed || e.Why == "no quorum") {
			list = append(list, time.Duration(e.Took))
		}
	}
	slices.Sort(list)
	return list
}

func at(sorted []time.Duration, percent int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)*percent/100, len(sorted)-1)]
}

// movers counts the replicas that became voters somewhere.
type movers struct {
	f     *fleet
	was   map[uint64][]uint64
	moves int
}

func (m *movers) note(list []db.Status) {
	for g, now := range voters(list) {
		for _, v := range now {
			if !slices.Contains(m.was[g], v) {
				m.moves++
			}
		}
		m.was[g] = now
	}
}

// settle waits until these nodes are the database.
func (m *movers) settle(ctx context.Context, seats []*seat) error {
	return m.f.until(ctx, 3*time.Minute, fmt.Sprintf("%d nodes with all their voters", len(seats)), func() bool {
		if !m.f.allReady(seats)() {
			return false
		}
		list, err := m.f.statuses(seats)
		if err != nil {
			return false
		}
		m.note(list)
		return settled(list, len(seats))
	})
}
