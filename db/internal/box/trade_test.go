// SPDX-License-Identifier: Apache-2.0

package box

import (
	"flag"
	"testing"
	"time"

	"github.com/banyan-go/banyan/db/internal/txn"
)

var (
	trades = flag.Uint64("trades", 3, "how many seeds transactions over groups have")
	enough = flag.Uint64("enough", 20, "how many seeds may pass a flaw in transactions; with more than 20 those are tried, too, that need many")
)

// trading is a run with transactions over groups.
func trading(seed uint64) Options {
	o := Options{Seed: seed, Groups: 3, Traders: 2, Length: 6 * time.Second, Heal: time.Second}
	if raceDetector {
		o.Length = 3 * time.Second
	}
	return o
}

// TestTradeInCalm: without faults each transaction comes through.
func TestTradeInCalm(t *testing.T) {
	o := trading(1)
	o.Calm, o.Length = true, time.Second
	s := seed(t, o)
	if st := s.Stats(); st.Unknown > 0 || st.Done < 100 {
		t.Errorf("in calm: %+v", st)
	}
}

// TestTrade: transactions over groups, whose coordinators die with their nodes and without, and the nemesis.
func TestTrade(t *testing.T) {
	n := *trades
	if raceDetector {
		n = min(n, 1)
	}
	var sum Stats
	for i := *first; i < *first+n; i++ {
		s := seed(t, trading(i))
		sum.add(s.Stats())
	}
	t.Logf("%+v", sum)
}

// TestTradePowerCuts: the power goes for all nodes at once, in the middle of transactions over groups; what was acknowledged is there, and what was not is whole or
// not there.
func TestTradePowerCuts(t *testing.T) {
	const each = 4
	var sum Stats
	for i := uint64(0); sum.PowerCuts < *cuts/8 && !t.Failed(); i++ {
		o := trading(*first + i)
		o.Calm, o.Cuts, o.Length = true, each, each*2500*time.Millisecond
		s := seed(t, o)
		if s.Stats().PowerCuts < each {
			t.Errorf("seed %d: the power went %d times", o.Seed, s.Stats().PowerCuts)
		}
		sum.add(s.Stats())
	}
	t.Logf("%+v", sum)
}

// TestTradeReplay: one seed is one run, with transactions, too.
func TestTradeReplay(t *testing.T) {
	o := trading(*first + 4)
	o.Length = 3 * time.Second
	if a, b := seed(t, o), seed(t, o); a.Hash() != b.Hash() {
		t.Errorf("seed %d is two runs", o.Seed)
	}
}

// tradeCaughtAt are seeds that are known to show a flaw; they save time, not more.
var tradeCaughtAt = map[txn.Flaw]uint64{txn.AnswerBeforeRecord: 8, txn.ForgetSession: 1}

// rare are flaws that need many seeds: a message must be lost, or a node must start, at the one moment when it matters.
var rare = map[txn.Flaw]bool{txn.ForgetRecord: true, txn.SurelyNot: true}

// TestTradeFlaws: bugs that are planted in transactions are caught, each by a wrong answer.
func TestTradeFlaws(t *testing.T) {
	if raceDetector {
		t.Skip("it asks whether the checks are sharp, which is the same without the race detector")
	}
	for _, f := range txn.Flaws() {
		t.Run(f.String(), func(t *testing.T) {
			if rare[f] && *enough <= 20 {
				t.Skip("it needs many seeds: -enough 100")
			}
			t.Parallel()
			from := tradeCaughtAt[f]
			for i := from; i < from+*enough; i++ {
				o := trading(i)
				o.TxnFlaw = f
				s := New(o)
				if err := s.Run(); err != nil && !s.Stalled() { // transactions that hang harm nobody
					t.Logf("after %d seeds: %v", i-from+1, err)
					return
				}
			}
			t.Errorf("%v was not caught by %d seeds", f, *enough)
		})
	}
}
