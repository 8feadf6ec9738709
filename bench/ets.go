// SPDX-License-Identifier: Apache-2.0

package main

import (
	"sync"
	"time"

	"github.com/puzpuzpuz/xsync/v4"
	"github.com/tidwall/btree"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/ets"
)

// etsTests: tables with a million integers, read and written by one process and by eight. Plain Go is the library that one
// would take: xsync.Map, and tidwall's B-tree under a sync.RWMutex.
func etsTests() []*test {
	figures := func(reads, tenth, writes float64) (list []figure) {
		for _, x := range []struct {
			key    string
			label  string
			factor float64
		}{{"read", "reads", reads}, {"mixed", "10 % writes", tenth}, {"write", "all writes", writes}} {
			list = append(list,
				figure{key: x.key + "1", label: x.label + ", 1 process", unit: "ns", lower: true, factor: x.factor},
				figure{key: x.key + "8", label: x.label + ", 8 processes", unit: "ns", lower: true, factor: x.factor})
		}
		return append(list, figure{key: "bytes", label: "memory of a row", unit: "B", lower: true})
	}
	set := &test{row: "ets", name: "ets-set", title: "set of 1 M", n: 1_000_000, figures: figures(2, 2, 1.4),
		module: "ets", function: "set"}
	set.client[ours], set.client[plain] = tableRun(oursSet), tableRun(xsyncMap)
	ordered := &test{row: "ets", name: "ets-ordered", title: "ordered_set of 1 M", n: 500_000, module: "ets", function: "ordered",
		figures: append(figures(1.3, 1, 1.3),
			figure{key: "scan1", label: "scan of 100 rows, 1 process", unit: "ns", lower: true, factor: 5},
			figure{key: "scan8", label: "scan of 100 rows, 8 processes", unit: "ns", lower: true, factor: 5})}
	ordered.client[ours], ordered.client[plain] = tableRun(oursOrdered), tableRun(lockedTree)
	return []*test{set, ordered}
}

// etsKeys is the number of rows.
const etsKeys = 1 << 20

// etsTable is what the work needs of a table. scan adds up the values of a hundred rows from a key on; nil without order.
type etsTable struct {
	get  func(k int) int
	put  func(k, v int)
	scan func(from int) int
	size func() int
}

func oursSet(b *bench, n *banyan.Node) etsTable {
	s, err := ets.NewSet[int, int](n, "", ets.With(ets.Public))
	b.must(err)
	return etsTable{func(k int) int { v, _ := s.Lookup(k); return v }, func(k, v int) { b.must(s.Insert(k, v)) }, nil, s.Len}
}

func oursOrdered(b *bench, n *banyan.Node) etsTable {
	s, err := ets.NewOrderedSet[int, int](n, "", ets.With(ets.Public))
	b.must(err)
	return etsTable{func(k int) int { v, _ := s.Lookup(k); return v }, func(k, v int) { b.must(s.Insert(k, v)) },
		func(from int) (sum int) {
			rows := 0
			for _, v := range s.Range(ets.From(from)) {
				if sum += v; rows == 99 {
					break
				}
				rows++
			}
			return sum
		}, s.Len}
}

func xsyncMap(*bench, *banyan.Node) etsTable {
	m := xsync.NewMap[int, int]()
	return etsTable{func(k int) int { v, _ := m.Load(k); return v }, m.Store, nil, m.Size}
}

func lockedTree(*bench, *banyan.Node) etsTable {
	var mu sync.RWMutex
	var m btree.Map[int, int]
	return etsTable{
		func(k int) int { mu.RLock(); v, _ := m.Get(k); mu.RUnlock(); return v },
		func(k, v int) { mu.Lock(); m.Set(k, v); mu.Unlock() },
		func(from int) (sum int) {
			rows := 0
			mu.RLock()
			m.Ascend(from, func(_, v int) bool {
				sum += v
				rows++
				return rows < 100
			})
			mu.RUnlock()
			return sum
		},
		func() int { mu.RLock(); defer mu.RUnlock(); return m.Len() },
	}
}

// tableRun fills a table and works on it.
func tableRun(make func(*bench, *banyan.Node) etsTable) work {
	return func(b *bench) {
		n, _ := b.local()
		before := liveBytes()
		t := make(b, n)
		for i := range etsKeys {
			k := i * 7919 % etsKeys // in no order
			t.put(k, k)
		}
		b.figure("bytes", (liveBytes()-before)/etsKeys)
		for _, procs := range []int{1, 8} {
			each := b.n / procs
			digit := string(rune('0' + procs))
			etsPhase(b, n, "read"+digit, procs, each, func(_, k int) int { return t.get(k) - k })
			etsPhase(b, n, "mixed"+digit, procs, each, func(i, k int) int {
				if i%10 == 0 {
					t.put(k, k)
					return 0
				}
				return t.get(k) - k
			})
			etsPhase(b, n, "write"+digit, procs, each, func(_, k int) int { t.put(k, k); return 0 })
			if t.scan != nil {
				etsPhase(b, n, "scan"+digit, procs, each/100, func(_, k int) int {
					k %= etsKeys - 100
					return t.scan(k) - (100*k + 99*100/2)
				})
			}
		}
		b.equal("rows", t.size(), etsKeys)
	}
}

// etsPhase lets processes do something with random keys, and reports nanoseconds for one. What f gives must add up to 0.
func etsPhase(b *bench, n *banyan.Node, key string, procs, each int, f func(i, k int) int) {
	var wg sync.WaitGroup
	wg.Add(procs)
	sums := make([]int, procs)
	start := time.Now()
	for p := range procs {
		_, err := banyan.Go(n, func(*banyan.Self) error {
			defer wg.Done()
			x, sum := p*7654321+1, 0
			for i := range each {
				x = (x*1103515245 + 12345) & (1<<28 - 1)
				sum += f(i, x>>8)
			}
			sums[p] = sum
			return nil
		})
		b.must(err)
	}
	wg.Wait()
	b.figure(key, float64(time.Since(start).Nanoseconds())/float64(procs*each))
	for _, sum := range sums {
		b.equal(key, sum, 0)
	}
}
