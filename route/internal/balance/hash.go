// SPDX-License-Identifier: Apache-2.0

package balance

import (
	"hash/fnv"
	"io"
	"math"
	"time"
)

// Hash is a hash that is the same on all nodes and in all versions: FNV-1a, and a last step that makes each bit of the
// input move half the bits, which FNV does not and rendezvous hashing needs.
func Hash(s string) uint64 {
	h := fnv.New64a()
	_, _ = io.WriteString(h, s) // it does not fail
	return mix(h.Sum64())
}

// mix is the finalizer of MurmurHash3.
func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// rendezvous chooses for a key the target with the highest score that has room: no more than Bound times its share of the
// messages that are out. Keys of a target that leaves go to others, all other keys stay. One that is new takes its keys over little
// by little: its weight grows, and so a key that has moved to it stays there.
func rendezvous[K comparable](g *Group[K], now time.Duration, in []*Target[K], key uint64) *Target[K] {
	b := g.bound(in)
	var best, roomy *Target[K]
	var most, roomyMost float64
	for _, t := range in {
		s := g.score(now, t, key)
		if best == nil || s > most {
			best, most = t, s
		}
		if b.room(t) && (roomy == nil || s > roomyMost) {
			roomy, roomyMost = t, s
		}
	}
	if roomy != nil {
		return roomy
	}
	return best // cannot be: the bound is above the mean
}

// score is a target's for a key, as the policy sees it now.
func (g *Group[K]) score(now time.Duration, t *Target[K], key uint64) float64 {
	w := t.weight()
	if g.opts.SlowFor > 0 {
		w *= g.grown(now, t)
	}
	return score(key, t.Hash, w)
}

// bound is how many messages a target of weight 1 may have out.
type bound[K comparable] float64

func (g *Group[K]) bound(in []*Target[K]) bound[K] {
	weights, out := 0.0, 1
	for _, t := range in {
		weights += t.weight()
		out += t.out
	}
	return bound[K](g.opts.Bound * float64(out) / weights)
}

func (b bound[K]) room(t *Target[K]) bool {
	return float64(t.out+1) <= math.Ceil(float64(b)*t.weight())
}

// score makes the chance to be the highest proportional to the weight.
func score(key, target uint64, weight float64) float64 {
	u := (float64(mix(key^target)>>11) + 0.5) / (1 << 53)
	return -weight / math.Log(u)
}

// Owner chooses for a key among hashes with weights alone: where something is placed by its key. -1 of none.
func Owner(key uint64, hashes []uint64, weights []float64) int {
	best, most := -1, 0.0
	for i, h := range hashes {
		w := 1.0
		if i < len(weights) && weights[i] > 0 {
			w = weights[i]
		}
		if s := score(key, h, w); best < 0 || s > most {
			best, most = i, s
		}
	}
	return best
}
