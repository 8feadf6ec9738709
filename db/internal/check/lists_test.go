// SPDX-License-Identifier: Apache-2.0

package check

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func app(key string, v int64) Op        { return Op{Key: key, Append: v} }
func read(key string, seen ...int64) Op { return Op{Key: key, Read: seen} }
func at(from, to int64, ops ...Op) Txn  { return Txn{Call: from, Return: to, Ops: ops} }
func during(o Outcome, t Txn) Txn       { t.Outcome = o; return t }
func classes(found []Anomaly) (l []Class) {
	for _, a := range found {
		l = append(l, a.Class)
	}
	return l
}

// TestPlanted: a history with one anomaly, which is found and takes no other name. All at once means that time proves nothing.
func TestPlanted(t *testing.T) {
	for _, x := range []struct {
		name    string
		want    []Class
		history []Txn
	}{
		{"nothing", nil, nil},
		{"a reader beside a writer", nil, []Txn{at(0, 9, app("x", 1)), at(0, 9, read("x"))}},
		{"own steps", nil, []Txn{at(0, 9, read("x"), app("x", 1), read("x", 1), app("x", 2), read("x", 1, 2)), at(10, 11, app("x", 3), read("x", 1, 2, 3))}},
		{"an own append that is not seen", []Class{Internal}, []Txn{at(0, 9, app("x", 1), read("x"))}},
		{"two reads of one transaction that differ", []Class{Internal}, []Txn{at(0, 9, read("x"), read("x", 1)), at(0, 9, app("x", 1))}},
		{"a value of nobody", []Class{Garbage}, []Txn{at(0, 9, read("x", 7))}},
		{"an append twice", []Class{Duplicate}, []Txn{at(0, 9, app("x", 1)), at(0, 9, read("x", 1, 1))}},
		{"two orders", []Class{Fork}, []Txn{at(0, 9, app("x", 1)), at(0, 9, app("x", 2)), at(0, 9, read("x", 1)), at(0, 9, read("x", 2, 1))}},
		{"aborted", []Class{G1a}, []Txn{during(Aborted, at(0, 9, app("x", 1))), at(0, 9, read("x", 1))}},
		{"aborted, with another order", []Class{Fork, G1a}, []Txn{
			during(Aborted, at(0, 9, app("x", 1))), at(0, 9, app("x", 2)), at(0, 9, read("x", 1)), at(0, 9, app("x", 3)), at(0, 9, read("x", 2, 3))}},
		{"between two appends", []Class{G1b, GSingle}, []Txn{at(0, 9, app("x", 1), app("x", 2)), at(0, 9, read("x", 1)), at(0, 9, read("x", 1, 2))}},
		{"writers in two orders", []Class{G0}, []Txn{
			at(0, 9, app("x", 1), app("y", 1)), at(0, 9, app("x", 2), app("y", 2)), at(0, 9, read("x", 1, 2)), at(0, 9, read("y", 2, 1))}},
		{"a writer within another", []Class{G0}, []Txn{at(0, 9, app("x", 1), app("x", 3)), at(0, 9, app("x", 2)), at(0, 9, read("x", 1, 2, 3))}},
		{"each sees the other", []Class{G1c}, []Txn{at(0, 9, app("x", 1), read("y", 2)), at(0, 9, app("y", 2), read("x", 1))}},
		{"half a transaction", []Class{GSingle}, []Txn{at(0, 9, app("x", 1), app("y", 1)), at(0, 9, read("x", 1), read("y"))}},
		{"half a transaction, whose other half nobody sees", []Class{GSingle},
			[]Txn{during(Unknown, at(0, 9, app("x", 1), app("y", 1))), at(0, 9, read("x", 1), read("y"))}},
		{"a lost update", []Class{GSingle}, []Txn{
			at(0, 9, read("x"), app("x", 1)), at(0, 9, read("x"), app("x", 2)), at(0, 9, read("x", 1, 2))}},
		{"write skew", []Class{G2}, []Txn{at(0, 9, read("x"), app("y", 1)), at(0, 9, read("y"), app("x", 1)), at(0, 9, read("x", 1), read("y", 1))}},
		{"write skew that nobody sees", []Class{G2}, []Txn{at(0, 9, read("x"), app("y", 1)), at(0, 9, read("y"), app("x", 1))}},
		{"a long fork", []Class{G2}, []Txn{
			at(0, 9, app("x", 1)), at(0, 9, app("y", 1)), at(0, 9, read("x", 1), read("y")), at(0, 9, read("x"), read("y", 1))}},
		{"writers against time", []Class{G0 + Realtime}, []Txn{at(0, 1, app("x", 1)), at(2, 3, app("x", 2)), at(0, 9, read("x", 2, 1))}},
		{"read before it was called", []Class{G1c + Realtime}, []Txn{at(0, 1, read("x", 1)), at(2, 3, app("x", 1))}},
		{"a stale read", []Class{GSingle + Realtime}, []Txn{at(0, 1, app("x", 1)), at(2, 3, read("x")), at(4, 5, read("x", 1))}},
		{"a stale read that touches nothing else", []Class{GSingle + Realtime}, []Txn{at(0, 1, app("x", 1)), at(2, 3, read("x"))}},
		{"an acknowledged append that is lost", []Class{GSingle + Realtime},
			[]Txn{at(0, 1, app("x", 1)), at(2, 3, app("x", 2)), at(4, 5, read("x", 1))}},
		{"write skew against time", []Class{G2 + Realtime}, []Txn{at(10, 11, read("x")), at(0, 99, read("y"), app("x", 1)), at(0, 1, app("y", 1))}},
		{"unknown, done late", nil, []Txn{during(Unknown, at(0, 1, app("x", 1))), at(2, 3, read("x")), at(4, 5, read("x", 1))}},
		{"unknown, never done", nil, []Txn{during(Unknown, at(0, 1, app("x", 1))), at(2, 3, read("x")), at(4, 5, read("x"))}},
		{"unknown, done before it was called", []Class{G1c + Realtime}, []Txn{during(Unknown, at(2, 3, app("x", 1))), at(0, 1, read("x", 1))}},
		{"unknown, done and undone", []Class{GSingle + Realtime}, []Txn{during(Unknown, at(0, 1, app("x", 1))), at(2, 3, read("x", 1)), at(4, 5, read("x"))}},
		{"unknown reads of what is not done", nil, []Txn{during(Unknown, at(2, 3, app("x", 1), read("y", 5))), at(0, 9, app("y", 6)), at(0, 9, read("y", 6))}},
	} {
		t.Run(x.name, func(t *testing.T) {
			found := Lists(x.history)
			if got := classes(found); !slices.Equal(got, x.want) {
				t.Errorf("%v, want %v", got, x.want)
				for _, a := range found {
					t.Log(a)
				}
			}
		})
	}
}

// executor is a database in one goroutine: each transaction takes effect at a moment between its call and its return, and a client has
// one at a time.
type executor struct {
	rng   *rand.Rand
	lists map[string][]int64
	stale map[string][]int64 // as they were some time ago
	// How many of a hundred transactions go wrong.
	staleReads, halves, skips, early int
}

// apply fills the reads in, and makes the appends.
func (e *executor) apply(ops []Op) {
	from := e.lists
	if e.rng.IntN(100) < e.staleReads {
		from = e.stale
	}
	half := e.rng.IntN(100) < e.halves
	skip := e.rng.IntN(100) < e.skips
	own := map[string][]int64{}
	for i := range ops {
		o := &ops[i]
		if o.Append == 0 {
			o.Read = slices.Concat(from[o.Key], own[o.Key])
		} else {
			own[o.Key] = append(own[o.Key], o.Append)
		}
	}
	for i, o := range ops {
		if o.Append != 0 && !skip && (!half || i < len(ops)/2) {
			e.lists[o.Key] = append(e.lists[o.Key], o.Append)
		}
	}
}

func (e *executor) run(n, clients int, m *Mix) (history []Txn) {
	e.lists, e.stale = map[string][]int64{}, map[string][]int64{}
	free := make([]int64, clients)
	for now := int64(0); len(history) < n; now += 10 {
		if now%1000 == 0 {
			for k, v := range e.lists {
				e.stale[k] = slices.Clone(v)
			}
		}
		c := e.rng.IntN(clients)
		if free[c] >= now {
			continue
		}
		t := Txn{Process: c, Call: free[c] + 1 + e.rng.Int64N(now-free[c]), Return: now + 1 + e.rng.Int64N(200), Ops: m.Next(e.rng)}
		switch e.rng.IntN(30) {
		case 0:
			t.Outcome = Aborted
		case 1:
			t.Outcome = Unknown // and done
			e.apply(t.Ops)
		case 2:
			t.Outcome = Unknown // and not
		default:
			e.apply(t.Ops)
			if e.rng.IntN(100) < e.early {
				t.Call, t.Return = t.Return, t.Return+1
			}
		}
		free[c] = t.Return
		history = append(history, t)
	}
	end := slices.Max(free) + 1
	for _, ops := range m.Reads() {
		e.apply(ops)
		history = append(history, Txn{Call: end, Return: end + 1, Ops: ops})
	}
	return history
}

// TestSerial: what a serial executor did has no anomaly, whatever its clients know of it.
func TestSerial(t *testing.T) {
	for seed := range uint64(40) {
		e := &executor{rng: rand.New(rand.NewPCG(seed, 1))}
		for _, a := range Lists(e.run(1000, 1+int(seed), &Mix{Keys: 5, PerKey: 50, Most: 6})) {
			t.Errorf("seed %d: %v", seed, a)
		}
	}
}

// TestBroken: an executor that goes wrong now and then is found out, each time.
func TestBroken(t *testing.T) {
	for name, x := range map[string]executor{"stale reads": {staleReads: 2}, "half commits": {halves: 2}, "lost commits": {skips: 2}, "done too early": {early: 4}} {
		for seed := range uint64(20) {
			x.rng = rand.New(rand.NewPCG(seed, 2))
			if len(Lists(x.run(2000, 10, &Mix{Keys: 5, PerKey: 50, Most: 6}))) == 0 {
				t.Errorf("%s: seed %d was taken for good", name, seed)
			}
		}
	}
}

// TestLong: the history of ten minutes is checked in a moment.
func TestLong(t *testing.T) {
	e := &executor{rng: rand.New(rand.NewPCG(7, 3))}
	history := e.run(100_000, 50, &Mix{Keys: 20, PerKey: 100, Most: 10})
	start := time.Now()
	if found := Lists(history); len(found) > 0 {
		t.Fatal(found)
	}
	t.Logf("%d transactions in %v", len(history), time.Since(start))
	if d := time.Since(start); d > 30*time.Second {
		t.Errorf("%v", d)
	}
}
