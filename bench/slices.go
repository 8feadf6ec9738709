// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"time"

	"github.com/banyan-go/banyan"
)

// sliceTests: messages that hold a slice of 100 ints, copied on the way or declared immutable.
func sliceTests() []*test {
	copied := &test{row: "8", name: "slice-copied", title: "messages with 100 ints, copied", n: 2_000_000,
		figures: []figure{rate("messages", 0, 0), peak(0)}, module: "local", function: "slice_copied"}
	copied.client[ours], copied.client[plain] = sliceSend[loose], sliceChannel(true)
	shared := &test{row: "8", name: "slice-immutable", title: "messages with 100 ints, immutable", n: 2_000_000,
		figures: []figure{rate("messages", 0, 0), peak(0)}, module: "local", function: "slice_shared"}
	shared.client[ours], shared.client[plain] = sliceSend[frozen], sliceChannel(false)
	return []*test{copied, shared}
}

const sliceLen = 100

// reader adds up what it reads.
type reader struct {
	count, sum, want int
	over             chan struct{}
}

func (r *reader) read(v []int) {
	for _, x := range v {
		r.sum += x
	}
	if r.count++; r.count == r.want {
		close(r.over)
	}
}

// loose is copied by the runtime.
type loose struct{ V []int }

// Cast reads it.
func (m loose) Cast(r *reader, _ *banyan.Self) error { r.read(m.V); return nil }

// frozen is not: nobody changes it.
type frozen struct{ V []int }

// Immutable says so.
func (frozen) Immutable() {}

// Cast reads it.
func (m frozen) Cast(r *reader, _ *banyan.Self) error { r.read(m.V); return nil }

// page is either message.
type page interface {
	~struct{ V []int }
	banyan.Note[*reader]
}

// writer sends pages.
type writer[M page] struct {
	b  *bench
	to banyan.Ref[*reader]
	v  []int
}

type write[M page] struct{ N int }

// Cast sends N of them.
func (m write[M]) Cast(w *writer[M], self *banyan.Self) error {
	for range m.N {
		w.b.must(banyan.Cast(self, w.to, M(struct{ V []int }{w.v})))
	}
	return nil
}

func hundred() []int {
	v := make([]int, sliceLen)
	for i := range v {
		v[i] = i + 1
	}
	return v
}

func sliceSend[M page](b *bench) {
	n, ctx := b.local()
	r := &reader{want: b.n, over: make(chan struct{})}
	w := &writer[M]{b, spawn(b, n, r), hundred()}
	start := time.Now()
	cast(b, ctx, spawn(b, n, w), write[M]{b.n})
	<-r.over
	b.rate(b.n, start)
	b.equal("sum", r.sum, b.n*sliceLen*(sliceLen+1)/2)
}

func sliceChannel(copies bool) work {
	return func(b *bench) {
		c := make(chan []int, 512)
		r := &reader{want: b.n, over: make(chan struct{})}
		v := hundred()
		start := time.Now()
		go func() {
			for range b.n {
				if copies {
					c <- slices.Clone(v)
				} else {
					c <- v
				}
			}
		}()
		for range b.n {
			r.read(<-c)
		}
		b.rate(b.n, start)
		b.equal("sum", r.sum, b.n*sliceLen*(sliceLen+1)/2)
	}
}
