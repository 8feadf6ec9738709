// SPDX-License-Identifier: Apache-2.0

package main

import (
	"time"

	"github.com/banyan-go/banyan"
)

// skynetTests: a tree of 1.1 million processes; the leaves have a number each, and everyone reports the sum below it.
func skynetTests() []*test {
	t := &test{row: "7", name: "skynet", title: "skynet, 1.1 M processes", n: 1_000_000, fixed: true,
		figures: []figure{{key: "s", label: "whole tree", unit: "s", lower: true, factor: 2}, peak(0)},
		module:  "local", function: "skynet", erlArgs: manyProcesses}
	t.client[ours], t.client[plain] = skynet, skynetGoroutines
	return []*test{t}
}

// knot is one process of the tree.
type knot struct {
	b      *bench
	parent banyan.Ref[*knot] // zero: the root
	left   int
	sum    int
	result chan int
}

// grow tells a knot which leaves are below it.
type grow struct{ First, Leaves int }

// Cast spawns ten below, or reports if it is a leaf itself.
func (m grow) Cast(k *knot, self *banyan.Self) error {
	if m.Leaves == 1 {
		return k.report(self, m.First)
	}
	me, err := banyan.RefOf[*knot](self.Node(), self.PID())
	k.b.must(err)
	k.left = 10
	below := m.Leaves / 10
	for i := range 10 {
		child := spawn(k.b, self.Node(), &knot{b: k.b, parent: me})
		cast(k.b, self, child, grow{m.First + i*below, below})
	}
	return nil
}

func (k *knot) report(self *banyan.Self, sum int) error {
	if k.parent.IsZero() {
		k.result <- sum
	} else {
		cast(k.b, self, k.parent, gathered{sum})
	}
	return banyan.ErrNormal
}

// gathered is the sum of one child.
type gathered struct{ Sum int }

// Cast adds it, and reports when it was the last.
func (m gathered) Cast(k *knot, self *banyan.Self) error {
	k.sum += m.Sum
	if k.left--; k.left > 0 {
		return nil
	}
	return k.report(self, k.sum)
}

func skynet(b *bench) {
	n, ctx := b.local()
	result := make(chan int, 1)
	start := time.Now()
	cast(b, ctx, spawn(b, n, &knot{b: b, result: result}), grow{0, b.n})
	sum := <-result
	b.figure("s", time.Since(start).Seconds())
	b.equal("sum", sum, b.n*(b.n-1)/2)
}

func skynetGoroutines(b *bench) {
	start := time.Now()
	result := make(chan int, 1)
	var knot func(out chan<- int, first, leaves int)
	knot = func(out chan<- int, first, leaves int) {
		if leaves == 1 {
			out <- first
			return
		}
		in := make(chan int)
		for i := range 10 {
			go knot(in, first+i*(leaves/10), leaves/10)
		}
		sum := 0
		for range 10 {
			sum += <-in
		}
		out <- sum
	}
	go knot(result, 0, b.n)
	sum := <-result
	b.figure("s", time.Since(start).Seconds())
	b.equal("sum", sum, b.n*(b.n-1)/2)
}
