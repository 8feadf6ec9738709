// SPDX-License-Identifier: Apache-2.0

package dist

import "time"

// tickSize is the length of a tick: an empty frame.
const tickSize = 4

// clock sends ticks and watches for the peer's. A tick is due when nothing was written for a quarter of the tick time; the
// link is dead when nothing was read for five quarters. What is received is answered by a tick if we have been quiet
// ourselves: a peer with a shorter tick time expects that, be it ticks that it sends or a stream that we only listen to.
func (l *link) clock() {
	t := int64(l.t.cfg.TickTime)
	timer := time.NewTimer(time.Duration(t / 4))
	defer timer.Stop()
	for {
		select {
		case <-l.end:
			return
		case <-l.clockWake:
		case <-timer.C:
			l.t.encode.tire()
		}
		now := l.now()
		silent := now - l.lastRead.Load()
		if silent >= t+t/4 {
			l.fail(ErrTick)
			return
		}
		last, answer := l.lastWrite.Load(), l.answerAfter()
		quiet := now - last
		heard := l.dataSeen.Load()
		if heard && quiet <= silent { // we have written since: that was the answer
			l.dataSeen.Store(false)
			heard = false
		}
		if quiet >= t/4 || (quiet >= answer && (heard || l.tickSeen.Load())) {
			l.dataSeen.Store(false)
			heard = false
			l.tick(last)
			quiet = 0
		}
		l.tickSeen.Store(false)
		next := min(t/4-quiet, t+t/4-silent)
		if heard {
			next = min(next, answer-quiet)
		}
		timer.Reset(time.Duration(next))
	}
}

// answerAfter is how quiet we must have been for a tick to be answered: longer than a round trip, or two nodes of ours
// would answer each other's answers for ever, and short, as the peer's tick time may be.
func (l *link) answerAfter() int64 { return int64(min(l.t.cfg.TickTime/8, 500*time.Millisecond)) }

// tick puts an empty frame in line, unless something was written since last, the lastWrite that the caller went by.
func (l *link) tick(last int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.quietSince(last) {
		return
	}
	l.q.small = append(l.q.small, 0, 0, 0, 0)
	l.kick()
}

// quietSince reports whether nothing was written since last, and nothing is in line: that says as much as a tick, and if the peer does
// not read it, it would not read the tick either. Call with mu held: lastWrite is stored before writing ends.
func (l *link) quietSince(last int64) bool {
	return l.reason == nil && !l.writing && l.q.empty() && l.lastWrite.Load() == last
}

// sawTick is the reader's word to the clock.
func (l *link) sawTick() {
	if l.now()-l.lastWrite.Load() < l.answerAfter() {
		return
	}
	l.tickSeen.Store(true)
	l.wakeClock()
}

// sawData is the reader's word that more than a tick came. It is told once, until the clock has answered. A tick must not
// be told so: two nodes would answer each other for ever.
func (l *link) sawData() {
	if !l.dataSeen.Load() {
		l.dataSeen.Store(true)
		l.wakeClock()
	}
}

func (l *link) wakeClock() {
	select {
	case l.clockWake <- struct{}{}:
	default:
	}
}
