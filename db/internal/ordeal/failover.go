// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// way is how a node ends.
type way struct {
	what     string
	machines bool // the nodes take each other for nodes of other machines
	silent   bool // and the dead one's network is cut in the same moment, so that nobody hears its system say that it is gone
}

var ways = []way{
	{"kill -9; the others are told by its links, and have proof of its death", false, false},
	{"kill -9 on another machine; the others are told by its links", true, false},
	{"kill -9 on another machine, which falls silent", true, true},
}

// failover kills the node that leads most, while four writers work on another one: how long are writes interrupted, and after how long is it declared down?
func failover(ctx context.Context, kills int, seed uint64, out io.Writer) error {
	for _, w := range ways {
		if err := w.measure(ctx, kills, seed, out); err != nil {
			return fmt.Errorf("%s: %w", w.what, err)
		}
	}
	return nil
}

func (w way) measure(ctx context.Context, kills int, seed uint64, out io.Writer) error {
	f, err := newFleet(3, 3, 0, seed, w.machines, io.Discard)
	if err != nil {
		return err
	}
	defer f.close(false)
	seats := f.seats[1:]
	for _, s := range seats {
		s.start()
	}
	var gaps, kept, downs []time.Duration
	writes := 0
	for range kills {
		r, err := w.once(ctx, f)
		if err != nil {
			return err
		}
		gaps, kept, downs = append(gaps, r.Gap), append(kept, r.Kept), append(downs, r.down)
		writes += r.Writes
	}
	fmt.Fprintf(out, "%s: %d times, %d writes\n", w.what, kills, writes)
	for _, x := range []struct {
		what string
		list []time.Duration
	}{{"no write of anybody for", gaps}, {"a writer kept waiting for", kept}, {"declared down after", downs}} {
		slices.Sort(x.list)
		fmt.Fprintf(out, "  %-26s p50 %v, p99 %v, longest %v\n", x.what, ms(x.list[len(x.list)/2]), ms(x.list[len(x.list)*99/100]), ms(x.list[len(x.list)-1]))
	}
	return nil
}

func ms(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

type killed struct {
	Written
	down time.Duration
}

func (w way) once(ctx context.Context, f *fleet) (r killed, err error) {
	seats := f.seats[1:]
	leads := map[int]int{}
	if err := f.until(ctx, time.Minute, "three voters, and leaders on all nodes", func() bool {
		if !f.allReady(seats)() {
			return false
		}
		list, err := f.statuses(seats)
		clear(leads)
		for i, st := range list {
			for _, g := range st.Groups {
				if g.Leader == st.Node {
					leads[i]++
				}
			}
		}
		return err == nil && settled(list, len(seats)) && len(leads) == len(seats)
	}); err != nil {
		return r, err
	}
	victim := 0
	for i, n := range leads {
		if n > leads[victim] {
			victim = i
		}
	}
	s, client := seats[victim], seats[(victim+1)%len(seats)]
	down := make(chan int64, 10)
	var once sync.Once
	f.onDown(func(_ int, line string) {
		name, at, _ := strings.Cut(line, " ")
		if name != string(f.name(s.n)) {
			return
		}
		var n int64
		if _, err := fmt.Sscan(at, &n); err == nil {
			once.Do(func() { down <- n })
		}
	})
	if _, err := client.ask("write", 10*time.Second); err != nil {
		return r, err
	}
	if !pause(ctx, time.Second) {
		return r, ctx.Err()
	}
	s.mu.Lock()
	s.held = true
	p := s.p
	s.mu.Unlock()
	if w.silent {
		f.net.between([]int{1, 2, 3}, []int{s.n}, func(l *link) { l.cut = true })
	}
	began := now()
	p.signal(syscall.SIGKILL)
	<-p.done
	select {
	case at := <-down:
		r.down = time.Duration(at - began)
	case <-time.After(30 * time.Second):
		return r, fmt.Errorf("n%d is not declared down", s.n)
	}
	pause(ctx, 2*time.Second)
	text, err := client.ask("written", 20*time.Second)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal([]byte(text), &r.Written); err != nil {
		return r, err
	}
	if len(r.Errors) > 0 {
		return r, fmt.Errorf("a write failed: %s", r.Errors[0])
	}
	f.net.heal()
	s.release()
	return r, nil
}
