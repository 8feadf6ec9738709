// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"cmp"
	"slices"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist"
)

const (
	// listenEvery is how often a node looks how long its links have been silent.
	listenEvery = 100 * time.Millisecond
	// lateTick: a look that comes so much after the last one says more of this node than of others.
	lateTick = 3 * listenEvery
	// leastQuiet is the shortest silence that means something, whatever beat was promised.
	leastQuiet = 600 * time.Millisecond
	// askAtFirst is how often others are asked of a node that is not heard, as long as it is news; askLater afterwards.
	askAtFirst, askLater = 100 * time.Millisecond, time.Second
	// news is how many times.
	news = 10
	// witnesses is how many are asked at a time.
	witnesses = 5
	// evidenceFor is how long what a witness says is believed.
	evidenceFor = 2500 * time.Millisecond
	// unlinked is how long there is no link before others are asked: as a rule it is back by then.
	unlinked = 200 * time.Millisecond
)

// ears tells a node that is cut off from us from one that is silent, by how long each was not heard on its link and what others say of it.
// It is pure. Not safe for concurrent use.
//
//	heard -> silent for 3 beats -> others are asked -> one has heard it since -> cut -> the link is given up -> a detour -> straight again
//	                               nobody has       -> left to the gossip
type ears struct {
	beat time.Duration // ours
	last time.Time     // when we looked last
	from time.Time     // silence before that does not count: we were late ourselves, and may have heard nothing because of that
	of   map[banyan.Atom]*hearing
}

// hearing is how one member is heard.
type hearing struct {
	creation  uint32
	beat      time.Duration // that it has promised
	linked    bool
	via       banyan.Atom
	heard     time.Time // when it was heard last, or had a link last
	trouble   time.Time // since when it is not heard, or not linked; zero: it is
	quiet     bool      // there is a link, and nothing comes
	asked     int
	nextAsk   time.Time
	hint      time.Time // when a witness told first that it lives: what is on its way to us may come yet
	evidence  time.Time // when one told so again
	witness   banyan.Atom
	nextTry   time.Time // of a detour, or of the straight way
	givenUp   bool
	isTrying  bool
	wasLinked bool // when we looked last
	hadLink   bool // once, so that it should have one
}

// todo is what follows from a look.
type todo struct {
	ask, giveUp, detour, straight []banyan.Atom
}

func newEars(beat time.Duration) *ears {
	return &ears{beat: beat, of: map[banyan.Atom]*hearing{}}
}

// look is about to go through all members, by member.
func (e *ears) look(now time.Time) {
	if now.Sub(e.last) > lateTick {
		e.from = now
	}
	e.last = now
}

// forget drops who is no member any more.
func (e *ears) forget(is func(banyan.Atom) bool) {
	for name := range e.of {
		if !is(name) {
			delete(e.of, name)
		}
	}
}

// member looks at one member. link is nil if there is none; lost: there should be one.
func (e *ears) member(now time.Time, me, name banyan.Atom, creation uint32, link *dist.LinkInfo, lost bool, do *todo) *hearing {
	h := e.of[name]
	if h == nil || h.creation != creation {
		h = &hearing{creation: creation, heard: now}
		e.of[name] = h
	}
	h.linked, h.quiet = link != nil, false
	switch {
	case link != nil:
		if link.Via != h.via || !h.wasLinked {
			h.nextTry, h.givenUp = now.Add(time.Second), false
		}
		h.via, h.beat, h.wasLinked, h.hadLink = link.Via, link.Beat, true, true
		h.heard = now.Add(-min(link.Silent, now.Sub(e.from)))
		h.quiet = link.Beat > 0 && now.Sub(h.heard) >= h.limit()
	case h.wasLinked:
		h.wasLinked, h.via = false, ""
		h.heard, h.nextTry = now, now
		if h.givenUp { // silence went before it
			h.heard = h.trouble
		}
	case h.heard.Before(e.from):
		h.heard = e.from
	}
	if !h.quiet && (link != nil || !(lost || h.hadLink)) {
		h.trouble, h.hint, h.asked, h.nextAsk = time.Time{}, time.Time{}, 0, time.Time{}
		if link != nil && h.via == "" {
			h.evidence = time.Time{}
		}
		if h.via != "" && !h.isTrying && !now.Before(h.nextTry) {
			h.isTrying = true
			do.straight = append(do.straight, name)
		}
		return h
	}
	if h.trouble.IsZero() {
		h.trouble = h.heard
	}
	if !now.Before(h.nextAsk) && (h.quiet || now.Sub(h.heard) >= unlinked) {
		pause := askAtFirst
		if h.asked++; h.asked > news {
			pause = askLater
		}
		h.nextAsk = now.Add(pause)
		do.ask = append(do.ask, name)
	}
	if !h.cut(now) {
		return h
	}
	switch silent := now.Sub(h.heard); {
	case h.linked && !h.givenUp && silent >= 2*h.limit():
		h.givenUp = true
		do.giveUp = append(do.giveUp, name)
	case !h.linked && h.witness != "" && !h.isTrying && !now.Before(h.nextTry) && (me > name || silent >= 4*h.limit()): // not both at once
		h.isTrying = true
		do.detour = append(do.detour, name)
	}
	return h
}

// tried: an attempt of a detour or the straight way has ended. The end with the greater name tries more often. The next detour is through who
// answers then.
func (e *ears) tried(me, name banyan.Atom, now time.Time, pause time.Duration) {
	if h := e.of[name]; h != nil {
		if me < name {
			pause *= 4
		}
		h.witness = ""
		h.isTrying, h.nextTry = false, now.Add(pause)
	}
}

// limit is the silence that means something.
func (h *hearing) limit() time.Duration { return max(3*h.beat, leastQuiet) }

// cut reports whether there is evidence that the member lives, and is not heard by us.
func (h *hearing) cut(now time.Time) bool {
	return !h.evidence.IsZero() && now.Sub(h.evidence) < evidenceFor
}

// answer is what a witness says: for how long it has not heard the member, on a straight link. It counts if the witness has heard it well
// after us, and we have not when another answer comes. true: that is news.
func (e *ears) answer(now time.Time, witness, name banyan.Atom, creation uint32, silent time.Duration) bool {
	h := e.of[name]
	if h == nil || h.creation != creation || h.trouble.IsZero() || h.asked == 0 {
		return false
	}
	beat := cmp.Or(h.beat, e.beat)
	if now.Add(-silent).Sub(h.heard) < beat+beat/2 {
		return false
	}
	if h.hint.IsZero() {
		h.hint = now
	}
	if now.Sub(h.hint) < beat*2/5 {
		return false
	}
	was := h.cut(now)
	if !was || h.witness == "" {
		h.witness = witness // the first to answer: the nearest, as a rule
	}
	h.evidence = now
	return !was
}

// testimony is what we say of a member, if we can say anything: we have a straight link, and were not late lately.
func (e *ears) testimony(now time.Time, link *dist.LinkInfo) (silent time.Duration, ok bool) {
	if link == nil || link.Via != "" || now.Sub(e.from) < time.Second {
		return 0, false
	}
	return link.Silent, true
}

// deaf reports whether nothing comes over a link, or can be told to come.
func deaf(link *dist.LinkInfo) bool {
	return link == nil || link.Beat == 0 || link.Silent >= max(3*link.Beat, leastQuiet)
}

// linkTo finds a link in a list that is sorted by node.
func linkTo(links []dist.LinkInfo, name banyan.Atom) *dist.LinkInfo {
	i, ok := slices.BinarySearchFunc(links, name, func(l dist.LinkInfo, n banyan.Atom) int { return cmp.Compare(l.Node, n) })
	if !ok {
		return nil
	}
	return &links[i]
}
