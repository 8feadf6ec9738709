// SPDX-License-Identifier: Apache-2.0

package balance

import "time"

// Member is what is known of a target from outside. K identifies it.
type Member[K comparable] struct {
	ID     K
	Hash   uint64  // stable on all nodes, for hashing: see Hash
	Node   string  // where it runs
	Zone   string  // where that is
	Weight float64 // its share relative to others; 0 counts as 1
	Closed bool    // it is leaving, or cannot be reached: nothing new for it
}

// Target is a member with what this group has learned of it.
// Invariant: out is the length of the list from oldest to newest, which is in the order of the starts.
type Target[K comparable] struct {
	Member[K]
	joined time.Duration // when its slow start began
	closed time.Duration // when it was closed last
	gen    uint64        // the last Set that had it

	out            int
	oldest, newest *Ticket[K]
	heard          time.Duration // when it last answered anything

	latency  ewma    // of answers, as the caller sees them
	service  ewma    // how long one message keeps it busy: reported, else guessed from latencies
	backlog  float64 // what it had queued when it last told
	told     time.Duration
	reported bool
	token    time.Duration // until when it is believed to be idle
	current  float64       // of the weighted round-robin
	health   health
}

// Out is the number of messages begun and not ended.
func (t *Target[K]) Out() int { return t.out }

// Ticket is one message to a target. Its zero value is ready; it may be used again after End.
type Ticket[K comparable] struct {
	target     *Target[K]
	start      time.Duration
	ahead      int // messages of ours that were out before it
	prev, next *Ticket[K]
}

// Target is who the message went to.
func (k *Ticket[K]) Target() *Target[K] { return k.target }

// Since is when the message began.
func (k *Ticket[K]) Since() time.Duration { return k.start }

func (t *Target[K]) push(k *Ticket[K]) {
	k.prev, k.next = t.newest, nil
	if t.newest == nil {
		t.oldest = k
	} else {
		t.newest.next = k
	}
	t.newest = k
	t.out++
}

func (t *Target[K]) drop(k *Ticket[K]) {
	if k.prev == nil {
		t.oldest = k.next
	} else {
		k.prev.next = k.next
	}
	if k.next == nil {
		t.newest = k.prev
	} else {
		k.next.prev = k.prev
	}
	k.prev, k.next = nil, nil
	t.out--
}

// age is how long the oldest message has been out.
func (t *Target[K]) age(now time.Duration) time.Duration {
	if t.oldest == nil {
		return 0
	}
	return now - t.oldest.start
}

// silence is how long it owes an answer while nothing else came from it.
func (t *Target[K]) silence(now time.Duration) time.Duration {
	if t.oldest == nil {
		return 0
	}
	return now - max(t.oldest.start, t.heard)
}

// weight is never zero.
func (t *Target[K]) weight() float64 {
	if t.Weight <= 0 {
		return 1
	}
	return t.Weight
}

// ewma is a moving average that forgets with each sample.
type ewma struct {
	v float64
	n int
}

// add makes the first few samples count alike, and each later one for 1/16.
func (e *ewma) add(v float64) {
	e.n = min(e.n+1, 16)
	e.v += (v - e.v) / float64(e.n)
}

// Latency is how long its answers take on average.
func (t *Target[K]) Latency() time.Duration { return time.Duration(t.latency.v) }

// Service is how long one message keeps it busy.
func (t *Target[K]) Service() time.Duration { return time.Duration(t.service.v) }

// Backlog is how much it has queued, by what it told.
func (t *Target[K]) Backlog(now time.Duration) int { return int(t.others(now)) }
