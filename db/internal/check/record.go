// SPDX-License-Identifier: Apache-2.0

package check

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// Recorder collects what clients of one program see. It may be used by any number of goroutines.
type Recorder struct {
	start time.Time

	mu   sync.Mutex
	txns []Txn
}

// NewRecorder starts a history, at time 0.
func NewRecorder() *Recorder { return &Recorder{start: time.Now()} }

// Now is the time of the history, in nanoseconds, by the monotonic clock.
func (r *Recorder) Now() int64 { return int64(time.Since(r.start)) }

// Txn adds a transaction.
func (r *Recorder) Txn(t Txn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.txns = append(r.txns, t)
}

// Txns are what was recorded so far.
func (r *Recorder) Txns() []Txn {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.txns[:len(r.txns):len(r.txns)]
}

// Mix makes transactions over lists. Keys are given up when enough was appended to them, so that reads stay short. It may be used by any
// number of goroutines.
type Mix struct {
	// Keys is how many keys are in use at a time, PerKey how many appends one gets, Most how many steps a transaction has.
	Keys, PerKey, Most int

	mu       sync.Mutex
	appended map[int]int64 // by place in the hot set: how many appends so far
}

// Key names a key: the place in the hot set, and the how manieth key that has it.
func (m *Mix) key(place int) string {
	return fmt.Sprintf("%d.%d", place, m.appended[place]/int64(m.PerKey))
}

// Next makes the steps of a transaction; its reads are still empty.
func (m *Mix) Next(rng *rand.Rand) []Op {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.appended == nil {
		m.appended = map[int]int64{}
	}
	ops := make([]Op, 1+rng.IntN(m.Most))
	for i := range ops {
		place := rng.IntN(m.Keys)
		ops[i].Key = m.key(place)
		if rng.IntN(2) == 0 {
			m.appended[place]++
			ops[i].Append = m.appended[place]
		}
	}
	return ops
}

// Reads makes one transaction for each key that was ever in use, which reads it: the last of a history, so that nothing that was lost
// stays unseen.
func (m *Mix) Reads() (list [][]Op) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for place := range m.Keys {
		for n := int64(0); n <= m.appended[place]/int64(m.PerKey); n++ {
			list = append(list, []Op{{Key: fmt.Sprintf("%d.%d", place, n)}})
		}
	}
	return list
}
