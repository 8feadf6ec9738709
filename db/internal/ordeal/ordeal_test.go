// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/banyan-go/banyan/db"
	"github.com/banyan-go/banyan/db/internal/check"
	"github.com/banyan-go/banyan/internal/needs"
)

var (
	short = flag.Duration("ordeal", 0, "how long the nodes have faults")
	seed  = flag.Uint64("seed", 1, "of the faults")
)

func TestMain(m *testing.M) {
	if text := os.Getenv(childEnv); text != "" {
		runNode(text)
	}
	os.Exit(m.Run())
}

// TestOrdeal is the short form of the program. It is not in the default run: some of what it judges are times, and five nodes with all their clients are too much for a machine
// that runs other tests beside it.
func TestOrdeal(t *testing.T) {
	if *short == 0 {
		t.Skip("no -ordeal")
	}
	needs.Root(t)
	needs.Program(t, "root", "ip")
	if err := ordeal(t.Context(), *short, *seed, 512, false, t.Output()); err != nil {
		t.Error(err)
	}
}

// all is a history of ten seconds in which nothing is wrong: a transfer in each second, and something of every other kind.
func all() []event {
	const ms = int64(time.Millisecond)
	list := []event{
		{Kind: audit, Call: 1, Return: 2, Balances: money(each)},
		{Kind: list, Call: 1, Return: 2, Ops: []check.Op{{Key: "k", Append: 1}}},
		{Kind: list, Call: 3, Outcome: check.Unknown, Ops: []check.Op{{Key: "l", Append: 2}, {Key: "l"}}}, // killed
		{Kind: list, Call: 4, Return: 5, Ops: []check.Op{{Key: "l", Read: []int64{2}}}},
		{Kind: register, Call: 1, Return: 2, Key: "k", Write: true, Value: 5},
		{Kind: stamp, Call: 0, Return: 1, Key: "1.0", Write: true, Value: 1},
		{Kind: stamp, Call: 1000 * ms, Return: 1001 * ms, Key: "1.0", Write: true, Value: 7},
		{Kind: dirty, Call: 1600 * ms, Return: 1601 * ms, Key: "1.0", Value: 7, Lag: 500 * ms},
		{Kind: dirty, Call: 1500 * ms, Return: 1501 * ms, Key: "1.0", Value: 1, Lag: 500 * ms},
		{Kind: hold, Key: "n", Token: 1, Holder: "a", From: 1, To: 5},
		{Kind: hold, Key: "n", Token: 2, Holder: "b", From: 6, To: 8},
		{Kind: register, Process: 300, Call: 3000 * ms, Return: 4000 * ms, Took: 1000 * ms, Outcome: check.Aborted, Why: "no quorum", Key: "k"},
	}
	for s := range int64(10) {
		list = append(list, event{Kind: transfer, Call: s * 1000 * ms, Return: s*1000*ms + 1, Took: 1})
	}
	return list
}

func money(each int64) []int64 {
	l := make([]int64, accountsN)
	for i := range l {
		l[i] = each
	}
	return l
}

// TestPlanted: each kind of anomaly is seen, and takes no other name; and none is seen where there is none.
func TestPlanted(t *testing.T) {
	const second = int64(time.Second)
	for want, plant := range map[string]func(v *verdict){
		"": func(*verdict) {},
		"bank": func(v *verdict) {
			v.events = append(v.events, event{Kind: audit, Call: 3, Return: 4, Balances: money(each - 1)})
		},
		"lists": func(v *verdict) {
			v.events = append(v.events, event{Kind: list, Call: 3, Return: 4, Ops: []check.Op{{Key: "k"}}})
		},
		"registers": func(v *verdict) {
			v.events = append(v.events, event{Kind: register, Call: 3, Return: 4, Key: "k"})
		},
		"names": func(v *verdict) {
			v.events = append(v.events, event{Kind: hold, Key: "n", Token: 3, Holder: "c", From: 7, To: 9})
		},
		"dirty": func(v *verdict) {
			v.events = append(v.events, event{Kind: dirty, Call: 2 * second, Return: 2*second + 1, Key: "1.0", Value: 1, Lag: second / 2})
		},
		"refusal": func(v *verdict) {
			v.events = append(v.events, event{Kind: transfer, Process: 301, Call: 3 * second, Return: 6 * second, Took: 3 * second, Outcome: check.Aborted, Why: "no quorum"})
		},
		"error": func(v *verdict) {
			v.events = append(v.events, event{Kind: transfer, Outcome: check.Unknown, Why: "other: strange"})
		},
		"progress": func(v *verdict) { v.ended = 20 * second },
		"heal":     func(v *verdict) { v.healed, v.even = 10*second, 21*second },
		"crash":    func(v *verdict) { v.crashes = []string{"n1"} },
	} {
		v := &verdict{ended: 10 * second, events: all(), cuts: []cut{{from: 3 * second, to: 9 * second, minority: []int{3}}}}
		plant(v)
		err := v.judge(io.Discard)
		switch {
		case want == "" && err != nil:
			t.Errorf("nothing is wrong, and it sees %v", v.bad)
		case want != "" && (len(v.seen) != 1 || v.seen[want] == 0):
			t.Errorf("%s is wrong, and it sees %v", want, v.bad)
		}
	}
}

// TestSecondsWithoutMajority: nobody expects progress in them.
func TestSecondsWithoutMajority(t *testing.T) {
	v := &verdict{ended: 12 * int64(time.Second), events: all(), without: []int64{10 * int64(time.Second), 11 * int64(time.Second)}}
	if err := v.judge(io.Discard); err != nil {
		t.Error(v.bad)
	}
}

func TestConnected(t *testing.T) {
	for _, x := range []struct {
		ok   string
		cuts string
		want bool
	}{
		{"+++++", "", true},
		{"++-+-", "", true},
		{"+--+-", "", false},
		{"+++++", "02 13 24 30 41", false}, // a ring
		{"+++++", "01 02 03 04", true},
		{"+++++", "03 04 13 14 23 24", true},
		{"-++++", "03 04 13 14 23 24", false},
	} {
		var ok []bool
		for _, c := range x.ok {
			ok = append(ok, c == '+')
		}
		joined := func(a, b int) bool {
			digit := func(i int) string { return string(rune('0' + i)) }
			return !strings.Contains(x.cuts, digit(a)+digit(b)) && !strings.Contains(x.cuts, digit(b)+digit(a))
		}
		if got := connected(ok, joined); got != x.want {
			t.Errorf("%s, cut %q: %v", x.ok, x.cuts, got)
		}
	}
}

// TestJournal: what was begun and never ended is of unknown outcome; what has ended counts once.
func TestJournal(t *testing.T) {
	dir := t.TempDir()
	for _, life := range []string{"n1.1", "n1.2"} {
		j, err := newJournal(filepath.Join(dir, life+".jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		done, killed := &event{Kind: list, Call: 1}, &event{Kind: list, Call: 2}
		j.write(done)
		j.write(killed)
		done.Return = 3
		j.write(done)
		if err := j.file.Close(); err != nil {
			t.Fatal(err)
		}
	}
	events, err := readHistory(dir)
	if err != nil || len(events) != 4 {
		t.Fatalf("%+v %v", events, err)
	}
	for i, e := range events {
		if done := i%2 == 0; (e.Outcome == check.Committed) != done || (e.Outcome == check.Unknown) == done {
			t.Errorf("%+v", e)
		}
	}
}

func TestLevel(t *testing.T) {
	for what, x := range map[string]struct {
		want   bool
		change func(list []db.Status)
	}{
		"all are level":          {true, func([]db.Status) {}},
		"one is behind":          {false, func(l []db.Status) { l[2].Groups[3].Applied, l[2].Groups[3].Commit = 8, 8 }},
		"one has more to do":     {false, func(l []db.Status) { l[0].Groups[3].Commit = 10 }},
		"one does not run":       {false, func(l []db.Status) { l[0].Groups[3].Refused = "lost" }},
		"a replica is not there": {false, func(l []db.Status) { l[0].Groups = l[0].Groups[1:] }},
	} {
		var list []db.Status
		for range 3 {
			var st db.Status
			for g := uint64(1); g <= dataGroups+1; g++ {
				st.Groups = append(st.Groups, db.GroupStatus{Group: g, Applied: 9, Commit: 9})
			}
			list = append(list, st)
		}
		x.change(list)
		if got := level(list); got != x.want {
			t.Errorf("%s: %v", what, got)
		}
	}
}

func TestSettled(t *testing.T) {
	status := func(change func(list []db.Status)) bool {
		var list []db.Status
		for n := uint64(1); n <= 4; n++ {
			st := db.Status{Node: n}
			for x := uint64(1); x <= 4; x++ {
				st.Nodes = append(st.Nodes, db.NodeStatus{Number: x, State: "up"})
			}
			for g := uint64(1); n <= 3 && g <= dataGroups+1; g++ {
				st.Groups = append(st.Groups, db.GroupStatus{Group: g, Leader: 2, Term: 5, Voters: []uint64{1, 2, 3}})
			}
			list = append(list, st)
		}
		change(list)
		return settled(list, 4)
	}
	for what, x := range map[string]struct {
		want   bool
		change func(list []db.Status)
	}{
		"all is well":            {true, func([]db.Status) {}},
		"a voter is missing":     {false, func(l []db.Status) { l[1].Groups[4].Voters = []uint64{1, 2} }},
		"only an old leader has": {false, func(l []db.Status) { l[1].Groups[4].Leader = 0 }},
		"a voter is gone":        {false, func(l []db.Status) { l[3].Nodes[0].State = "gone" }},
		"the newer leader lacks": {false, func(l []db.Status) {
			l[0].Groups[4] = db.GroupStatus{Group: 5, Leader: 1, Term: 6, Voters: []uint64{1}}
		}},
	} {
		if got := status(x.change); got != x.want {
			t.Errorf("%s: %v", what, got)
		}
	}
}
