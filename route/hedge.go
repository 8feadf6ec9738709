// SPDX-License-Identifier: Apache-2.0

package route

import "time"

// hedging knows when a call takes long, and how many may be asked twice.
// Invariant: 0 <= budget <= maxBudget.
type hedging struct {
	slow    float64 // the time in which 95 of 100 calls are answered, ns: an estimate
	samples int
	budget  float64
}

const (
	maxBudget  = 10  // hedged calls that may be saved up
	fewSamples = 100 // below that nothing is slow
	quantile   = 0.95
)

// answered learns from an answer: up by much if it was slower than the estimate, down by little if not, so that in balance
// one of twenty is. Each answer earns a share of a hedged call.
func (h *hedging) answered(took time.Duration, share float64) {
	if share <= 0 {
		return
	}
	h.budget = min(h.budget+share, maxBudget)
	h.samples++
	t := float64(took)
	step := 0.05 * h.slow
	switch {
	case h.samples == 1:
		h.slow = t
	case t > h.slow:
		h.slow = min(h.slow+step*quantile+1, t)
	default:
		h.slow = max(h.slow-step*(1-quantile), t)
	}
}

// after is when to hedge, 0 for not. It is a little more than the estimate: answers that all take the same time are not slow.
func (h *hedging) after() time.Duration {
	if h.samples < fewSamples || h.budget < 1 {
		return 0
	}
	return max(time.Duration(1.125*h.slow), 1)
}

func (h *hedging) spend() bool {
	if h.budget < 1 {
		return false
	}
	h.budget--
	return true
}

func (h *hedging) refund() { h.budget = min(h.budget+1, maxBudget) }
