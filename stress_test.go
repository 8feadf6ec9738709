// SPDX-License-Identifier: Apache-2.0

package banyan_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
)

// seedOf draws a seed and prints it, so that a failure can be looked into.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return seed
}

// Calls that pass through a server from outside, many at once: a coroutine that is resumed twice shows here.
func TestCallThroughStress(t *testing.T) {
	n := quietNode(t)
	_, b := spawnLab(t, n)
	one := ask{func(*banyan.Self) (int, error) { return 1, nil }}
	var wg sync.WaitGroup
	for range 8 {
		_, a := spawnLab(t, n)
		wg.Go(func() {
			for range 1000 {
				v, err := banyan.Call(outside(n), a, ask{func(s *banyan.Self) (int, error) { return banyan.Call(s, b, one) }})
				if v != 1 || err != nil {
					t.Errorf("got %d, %v", v, err)
				}
			}
		})
	}
	wg.Wait()
}

// ledger counts what its server handled: each number at most once.
type ledger struct {
	mu   *sync.Mutex
	seen map[int]int
	last map[int]int // per sender: the highest number, for the order
	bad  int
}

type entry struct{ Sender, Seq, ID int }

func (l *ledger) note(m entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen[m.ID]++
	if m.Seq <= l.last[m.Sender] {
		l.bad++
	}
	l.last[m.Sender] = m.Seq
}

// book is the state of a server; all of a target's incarnations write to its ledgers.
type book struct{ l *ledger }

type (
	post struct{ entry }
	want struct{ entry }
)

func (m post) Cast(b *book, _ *banyan.Self) error        { b.l.note(m.entry); return nil }
func (m want) Call(b *book, _ *banyan.Self) (int, error) { b.l.note(m.entry); return m.ID, nil }

// What was sent is handled once, or its sender has a typed error, or it died with the receiver; and order is kept.
func TestConservation(t *testing.T) {
	seed := seedOf(t)
	n := quietNode(t)
	const targets, senders, each = 100, 40, 400
	var mu sync.Mutex
	type target struct {
		ref    banyan.Ref[*book]
		l      *ledger
		killed atomic.Bool
	}
	ts := make([]*target, targets)
	for i := range ts {
		l := &ledger{mu: &mu, seen: map[int]int{}, last: map[int]int{}}
		ref, err := banyan.SpawnState(n, &book{l}, banyan.Mailbox(banyan.Limits{Messages: 50}))
		if err != nil {
			t.Fatal(err)
		}
		ts[i] = &target{ref: ref, l: l}
	}
	var ids atomic.Int64
	var accepted, refused, unsure atomic.Int64
	type fate struct {
		target  int
		called  bool
		ok      bool
		refused bool
	}
	var fates sync.Map // id to fate
	var wg sync.WaitGroup
	for s := range senders {
		_, err := banyan.Go(n, func(self *banyan.Self) error {
			defer wg.Done()
			r := newRand(seed + uint64(s))
			for seq := range each {
				i := r.IntN(targets)
				id := int(ids.Add(1))
				e := entry{s + 1, seq + 1, id}
				f := fate{target: i}
				var err error
				switch k := r.IntN(100); {
				case k < 60:
					err = banyan.Cast(self, ts[i].ref, post{e})
				case k < 98:
					f.called = true
					var got int
					if got, err = banyan.Call(self, ts[i].ref, want{e}); err == nil && got != id {
						t.Errorf("call %d got the reply of %d", id, got)
					}
				case k < 99 && i%2 == 0: // half of them may be killed
					ts[i].killed.Store(true)
					_ = banyan.SendExit(self, ts[i].ref.PID(), banyan.ErrKill)
					continue
				default:
					_ = self.Link(ts[(i|1)%targets].ref.PID())
					self.Unlink(ts[(i|1)%targets].ref.PID())
					self.Demonitor(self.Monitor(ts[i].ref.PID()))
					continue
				}
				switch {
				case err == nil:
					f.ok = true
					accepted.Add(1)
				case errors.Is(err, banyan.ErrNotDelivered):
					f.refused = true
					refused.Add(1)
				case errors.Is(err, banyan.ErrDied), errors.Is(err, banyan.ErrTimeout):
					unsure.Add(1)
				default:
					t.Errorf("untyped error %v", err)
				}
				fates.Store(id, f)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		wg.Add(1)
	}
	wg.Wait()
	for _, x := range ts { // what is queued has been handled behind this
		_, _ = banyan.Call(outside(n), x.ref, want{entry{0, 1, 0}})
	}
	mu.Lock()
	defer mu.Unlock()
	for i, x := range ts {
		if x.l.bad > 0 {
			t.Errorf("target %d: %d messages out of order", i, x.l.bad)
		}
	}
	lost := 0
	fates.Range(func(k, v any) bool {
		id, f := k.(int), v.(fate)
		times := ts[f.target].l.seen[id]
		switch {
		case times > 1:
			t.Errorf("message %d was handled %d times", id, times)
		case f.refused && times > 0:
			t.Errorf("message %d was refused as not delivered, but handled", id)
		case f.ok && times == 0 && f.called:
			t.Errorf("call %d was answered but never handled", id)
		case f.ok && times == 0 && !ts[f.target].killed.Load():
			t.Errorf("message %d was accepted by a process that lives, but never handled", id)
		case f.ok && times == 0:
			lost++
		}
		return true
	})
	t.Logf("%d accepted (%d died with their receiver), %d refused, %d unsure", accepted.Load(), lost, refused.Load(), unsure.Load())
}

type slowEcho struct{}

type echoID struct {
	ID    int
	Delay time.Duration
	later bool
}

func (m echoID) Call(_ *slowEcho, self *banyan.Self) (int, error) {
	if m.later {
		l := banyan.Defer[int](self)
		time.AfterFunc(m.Delay, func() { _ = l.Reply(m.ID) })
		return 0, nil
	}
	for end := time.Now().Add(m.Delay); time.Now().Before(end); {
	}
	return m.ID, nil
}

// Time-outs race with replies, and calls are used again at once: no reply may reach another call.
func TestRepliesReachTheirOwnCall(t *testing.T) {
	seed := seedOf(t)
	n := quietNode(t)
	var refs []banyan.Ref[*slowEcho]
	for range 8 {
		r, _ := banyan.SpawnState(n, &slowEcho{})
		refs = append(refs, r)
	}
	var ids, ok, late atomic.Int64
	round := func(ctx context.Context, r *rand.Rand) {
		id := int(ids.Add(1))
		q := echoID{id, time.Duration(r.IntN(300)) * time.Microsecond, r.IntN(2) == 0}
		c := ctx
		cancel := func() {}
		switch r.IntN(3) {
		case 0:
			c = banyan.Within(ctx, time.Duration(1+r.IntN(1000))*time.Microsecond)
		case 1:
			c, cancel = context.WithTimeout(ctx, time.Duration(1+r.IntN(1000))*time.Microsecond)
		}
		defer cancel()
		if r.IntN(10) == 0 {
			for x := range banyan.CallAll(c, banyan.Refs(refs[:3]...), q) {
				if x.Err == nil && x.Value != id {
					t.Errorf("CallAll %d got the reply of %d", id, x.Value)
				}
				if r.IntN(4) == 0 {
					break
				}
			}
			return
		}
		v, err := banyan.Call(c, refs[r.IntN(len(refs))], q)
		switch {
		case err == nil && v != id:
			t.Errorf("call %d got the reply of %d", id, v)
		case err == nil:
			ok.Add(1)
		case errors.Is(err, banyan.ErrTimeout):
			late.Add(1)
		default:
			t.Errorf("call %d: %v", id, err)
		}
	}
	var wg sync.WaitGroup
	for i := range 12 {
		r := newRand(seed + uint64(i))
		rounds := func(ctx context.Context) {
			defer wg.Done()
			for range 300 {
				round(ctx, r)
			}
		}
		wg.Add(1)
		switch i % 3 {
		case 0:
			go rounds(outside(n))
		case 1:
			plain(t, n, func(self *banyan.Self) error { rounds(self); return nil })
		default:
			_, a := spawnLab(t, n)
			later(t, n, a, func(self *banyan.Self) error { rounds(self); return nil })
		}
	}
	wg.Wait()
	t.Logf("%d replies, %d time-outs; node: %+v", ok.Load(), late.Load(), n.Stats())
}

// Order from one process to another holds whatever kind the messages are of.
func TestOrderPerPair(t *testing.T) {
	n := quietNode(t)
	l, a := spawnLab(t, n, banyan.TrapExits())
	var wg sync.WaitGroup
	const senders, each = 8, 500
	for s := range senders {
		wg.Add(1)
		plain(t, n, func(self *banyan.Self) error {
			defer wg.Done()
			for i := range each {
				v := s*1_000_000 + i
				switch i % 4 {
				case 0:
					_ = banyan.Send(self, a.PID(), v)
				case 1:
					_ = banyan.Cast(self, a, bump{v})
				case 2:
					_, _ = banyan.Call(self, a, ask{func(*banyan.Self) (int, error) { l.infos <- v; return 0, nil }})
				default:
					_ = banyan.SendExit(self, a.PID(), numbered(v))
				}
			}
			return nil
		})
	}
	wg.Wait()
	in(t, n, a, func(*banyan.Self) {})
	last := [senders]int{}
	for range senders * each {
		var v int
		switch m := next(t, l.infos).(type) {
		case int:
			v = m
		case banyan.Exit:
			v = int(m.Reason.(numbered))
		}
		if s, i := v/1_000_000, v%1_000_000; i != last[s] {
			t.Fatalf("sender %d: %d came when %d was due", s, i, last[s])
		} else {
			last[s]++
		}
	}
}

type numbered int

func (numbered) Error() string { return "numbered" }

// Processes that link, spawn, crash and are killed all at once: the node is in order at the end.
func TestLinkStorm(t *testing.T) {
	seed := seedOf(t)
	n := quietNode(t)
	const count, rounds = 200, 30
	var mu sync.Mutex
	refs := make([]labRef, count)
	for i := range refs {
		_, refs[i] = spawnLab(t, n)
	}
	pick := func(r *rand.Rand) (int, labRef) {
		mu.Lock()
		defer mu.Unlock()
		i := r.IntN(count)
		return i, refs[i]
	}
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			r := newRand(seed + uint64(w))
			for range rounds * 20 {
				i, a := pick(r)
				_, b := pick(r)
				switch r.IntN(10) {
				case 0:
					_ = banyan.SendExit(outside(n), a.PID(), banyan.ErrKill)
				case 1:
					_ = banyan.SendExit(outside(n), a.PID(), errBoom)
				case 2:
					_ = banyan.Cast(outside(n), a, do{func(*banyan.Self) error { panic("storm") }})
				case 3, 4:
					_, fresh := spawnLab(t, n)
					mu.Lock()
					refs[i] = fresh
					mu.Unlock()
				case 5:
					_ = banyan.Cast(outside(n), a, do{func(s *banyan.Self) error { s.Unlink(b.PID()); return nil }})
				case 6:
					_ = banyan.Cast(outside(n), a, do{func(s *banyan.Self) error { s.Demonitor(s.Monitor(b.PID())); return nil }})
				default:
					_ = banyan.Cast(outside(n), a, do{func(s *banyan.Self) error { s.Monitor(b.PID()); return s.Link(b.PID()) }})
				}
			}
		})
	}
	wg.Wait()
	// Links are known at both ends, and only among the living.
	for _, a := range refs {
		_, _ = banyan.Call(outside(n), a, ask{func(*banyan.Self) (int, error) { return 0, nil }})
	}
	infos := map[banyan.PID]banyan.ProcessInfo{}
	n.Processes(func(i banyan.ProcessInfo) bool { infos[i.PID] = i; return true })
	for pid, i := range infos {
		for _, to := range i.Links {
			if j, ok := n.Info(to); ok && !hasPID(j.Links, pid) {
				if _, still := n.Info(pid); still {
					t.Errorf("%v is linked with %v, but not the other way round", pid, to)
				}
			}
		}
	}
}

func hasPID(list []banyan.PID, pid banyan.PID) bool {
	for _, p := range list {
		if p == pid {
			return true
		}
	}
	return false
}
