// SPDX-License-Identifier: Apache-2.0

package main

import (
	"slices"
	"time"
)

// series are the values of one figure, one per round.
type series []float64

// median is the middle one, or between the two middle ones.
func (s series) median() float64 {
	if len(s) == 0 {
		return 0
	}
	v := slices.Sorted(slices.Values(s))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// latencies are durations measured one by one.
type latencies []time.Duration

// report gives the quantiles as figures, in units of one.
func (l latencies) report(b *bench, prefix string, one time.Duration) {
	if len(l) == 0 {
		b.failf("%s: nothing measured", prefix)
	}
	slices.Sort(l)
	at := func(q float64) float64 { return float64(l[int(q*float64(len(l)-1))]) / float64(one) }
	b.figure(prefix+"p50", at(0.50))
	b.figure(prefix+"p99", at(0.99))
	b.figure(prefix+"max", at(1))
}

// reportAs gives the 99th percentile in ms as one figure.
func (l latencies) reportAs(b *bench, key string) {
	if len(l) == 0 {
		b.failf("%s: nothing measured", key)
	}
	slices.Sort(l)
	b.figure(key, float64(l[int(0.99*float64(len(l)-1))])/float64(time.Millisecond))
}
