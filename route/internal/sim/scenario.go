// SPDX-License-Identifier: Apache-2.0

package sim

import (
	"math/rand/v2"
	"time"

	"github.com/banyan-go/banyan/route/internal/balance"
)

// Scenario is a set of workers and how they are treated.
type Scenario struct {
	Name    string
	Workers int
	Callers int
	Load    float64       // of what the workers can do
	Rate    float64       // requests per millisecond, in place of Load
	Slow    int           // so many workers
	Factor  int           // are so many times slower
	Freeze  time.Duration // each worker stands still so long
	Every   time.Duration // on average after that time
}

// Scenarios are those that a policy has to be good in.
var Scenarios = []Scenario{
	{Name: "equal, 80 %", Workers: 16, Callers: 20, Load: 0.8},
	{Name: "1 of 16 10x slow, 70 %", Workers: 16, Callers: 20, Load: 0.7, Slow: 1, Factor: 10},
	{Name: "4 of 16 3x slow, 80 %", Workers: 16, Callers: 20, Load: 0.8, Slow: 4, Factor: 3},
	{Name: "100 ms freezes, 60 %", Workers: 16, Callers: 20, Load: 0.6, Freeze: 100 * time.Millisecond, Every: 10 * time.Second},
}

// Result is what one policy did in one scenario.
type Result struct {
	P50, P99, P999 time.Duration
	Slow           float64 // the share of requests that went to the slow workers
}

// Run lets a policy route so many requests. The same arguments give the same result.
func Run(sc Scenario, p balance.Policy, seed uint64, requests int) Result {
	w := newWorld(sc, seed, requests)
	members := make([]balance.Member[int], sc.Workers)
	for i := range members {
		members[i] = balance.Member[int]{ID: i, Hash: balance.Hash(string(rune('a' + i)))}
	}
	for c := range sc.Callers {
		g := balance.New[int](balance.Options{Policy: p}, rand.New(rand.NewPCG(seed, uint64(c)+2)))
		g.Set(0, members)
		w.callers = append(w.callers, g)
	}
	return w.result()
}

// Oracle is Run by one who knows every queue and speed at once, and is asked by all callers.
func Oracle(sc Scenario, seed uint64, requests int) Result {
	w := newWorld(sc, seed, requests)
	chance := rand.New(rand.NewPCG(seed, 2))
	w.choose = func(w *world, _ int) int { return oracle(w, chance) }
	return w.result()
}

// oracle joins the queue with the shortest expected wait.
func oracle(w *world, chance *rand.Rand) int {
	best, equals := -1, 0
	var least time.Duration
	for i, o := range w.workers {
		n := o.coming + len(o.queue) + 1
		if o.busy != nil {
			n++
		}
		wait := time.Duration(n)*o.mean + max(0, o.frozen-w.now)
		switch {
		case best < 0 || wait < least:
			best, least, equals = i, wait, 1
		case wait == least:
			if equals++; chance.IntN(equals) == 0 {
				best = i
			}
		}
	}
	return best
}

func (w *world) result() Result {
	w.run()
	at := func(q float64) time.Duration { return w.took[int(q*float64(len(w.took)-1))] }
	all, slow := 0, 0
	for i, n := range w.got {
		all += n
		if i < w.sc.Slow {
			slow += n
		}
	}
	return Result{at(0.5), at(0.99), at(0.999), float64(slow) / float64(all)}
}
