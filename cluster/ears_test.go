// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"strings"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/cluster/internal/gossip"
	"github.com/banyan-go/banyan/dist"
)

// listener plays a node of a name that looks every 100 ms at its link to b@h, and writes down what follows.
type listener struct {
	me   banyan.Atom
	e    *ears
	now  time.Time
	link *dist.LinkInfo
	last time.Time // when b was heard last
	log  []string
}

func newListener(me banyan.Atom) *listener {
	return &listener{me: me, e: newEars(250 * time.Millisecond), now: noon, last: noon,
		link: &dist.LinkInfo{Node: "b@h", Creation: 7, Beat: 250 * time.Millisecond}}
}

// pass looks for so long. While b speaks it does so every 250 ms.
func (l *listener) pass(d time.Duration, speaks bool) {
	for range d / listenEvery {
		l.now = l.now.Add(listenEvery)
		if speaks && l.now.Sub(l.last) >= 250*time.Millisecond {
			l.last = l.now
		}
		if l.link != nil {
			l.link.Silent = l.now.Sub(l.last)
		}
		l.look()
	}
}

func (l *listener) look() {
	var do todo
	l.e.look(l.now)
	h := l.e.member(l.now, l.me, "b@h", 7, l.link, false, &do)
	for _, did := range []struct {
		what string
		to   []banyan.Atom
	}{{"ask", do.ask}, {"give up", do.giveUp}, {"detour", do.detour}, {"straight", do.straight}} {
		if len(did.to) > 0 {
			l.log = append(l.log, did.what)
		}
	}
	state := "fine"
	switch {
	case h.cut(l.now):
		state = "cut"
	case h.quiet:
		state = "quiet"
	case !h.linked:
		state = "unlinked"
	}
	if n := len(l.log); n == 0 || l.log[n-1] != state {
		l.log = append(l.log, state)
	}
}

// say lets a witness answer.
func (l *listener) say(silent time.Duration) bool { return l.e.answer(l.now, "c@h", "b@h", 7, silent) }

// want compares what was written down, each word once in the order of its first coming.
func (l *listener) want(t *testing.T, want string) {
	t.Helper()
	var words []string
	seen := map[string]bool{}
	for _, w := range l.log {
		if !seen[w] {
			seen[w] = true
			words = append(words, w)
		}
	}
	if got := strings.Join(words, ", "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	l.log = nil
}

func TestEars(t *testing.T) {
	t.Run("speaking", func(t *testing.T) {
		l := newListener("a@h")
		l.pass(time.Minute, true)
		l.want(t, "fine")
	})
	t.Run("silent for all", func(t *testing.T) {
		l := newListener("a@h")
		l.pass(2*time.Second, true)
		l.pass(500*time.Millisecond, false)
		l.want(t, "fine")
		l.pass(500*time.Millisecond, false)
		for range 30 {
			l.pass(100*time.Millisecond, false)
			if l.say(l.now.Sub(l.last) - 250*time.Millisecond) { // witnesses heard its last beat one beat later
				t.Fatal("a witness that is as deaf as we are is evidence")
			}
		}
		l.want(t, "ask, quiet")
		l.pass(time.Second, true)
		l.want(t, "fine")
	})
	for _, me := range []banyan.Atom{"c@h", "a@h"} { // the greater name makes the detour, the lesser one only later
		t.Run("cut from "+string(me), func(t *testing.T) {
			l := newListener(me)
			l.pass(2*time.Second, true)
			l.pass(900*time.Millisecond, false)
			l.want(t, "fine, ask, quiet")
			if l.say(200 * time.Millisecond) {
				t.Fatal("one answer is evidence: what it has heard may be on its way to us")
			}
			l.pass(100*time.Millisecond, false)
			if !l.say(200*time.Millisecond) || l.say(200*time.Millisecond) {
				t.Fatal("evidence is news once")
			}
			l.pass(time.Second, false)
			l.want(t, "ask, quiet, cut, give up")
			l.link = nil // that is done
			l.say(100 * time.Millisecond)
			l.pass(300*time.Millisecond, false)
			if me == "c@h" {
				l.want(t, "detour, cut")
			} else {
				l.want(t, "cut")
				for range 10 {
					l.pass(100*time.Millisecond, false)
					l.say(100 * time.Millisecond)
				}
				l.want(t, "cut, ask, detour")
			}
			l.link = &dist.LinkInfo{Node: "b@h", Creation: 7, Beat: 250 * time.Millisecond, Via: "c@h"}
			l.e.tried(me, "b@h", l.now, time.Second)
			l.last = l.now
			l.pass(10*time.Second, true)
			l.want(t, "cut, straight, fine")
			l.link.Via = ""
			l.e.tried(me, "b@h", l.now, time.Second)
			l.pass(time.Second, true)
			l.want(t, "fine")
		})
	}
	t.Run("killed", func(t *testing.T) {
		l := newListener("a@h")
		l.pass(2*time.Second, true)
		l.link = nil
		lost := l.now
		for range 30 {
			l.pass(100*time.Millisecond, false)
			if l.say(l.now.Sub(lost)) {
				t.Fatal("who has heard it last before its end is evidence")
			}
		}
		l.want(t, "fine, unlinked, ask")
	})
	t.Run("the link was reset, and others hear it", func(t *testing.T) {
		l := newListener("c@h")
		l.pass(2*time.Second, true)
		l.link = nil
		for range 10 {
			l.pass(100*time.Millisecond, false)
			l.say(100 * time.Millisecond)
		}
		l.want(t, "fine, unlinked, ask, detour, cut")
	})
	t.Run("a successor is another", func(t *testing.T) {
		l := newListener("c@h")
		l.pass(2*time.Second, true)
		l.pass(time.Second, false)
		if l.e.answer(l.now, "c@h", "b@h", 8, 0) {
			t.Error("somebody hears the successor, and that is evidence for the predecessor")
		}
	})
	t.Run("we were late ourselves", func(t *testing.T) {
		l := newListener("a@h")
		l.pass(2*time.Second, true)
		l.log = nil
		for range 10 { // looks come seldom, and what was sent is read later still
			l.now = l.now.Add(2 * time.Second)
			l.link.Silent = 2 * time.Second
			l.look()
		}
		l.want(t, "fine")
		if _, ok := l.e.testimony(l.now, l.link); ok {
			t.Error("who was late himself is a witness")
		}
		l.pass(2*time.Second, true)
		if silent, ok := l.e.testimony(l.now, l.link); !ok || silent > 250*time.Millisecond {
			t.Error("no witness", silent)
		}
		l.link.Via = "d@h"
		if _, ok := l.e.testimony(l.now, l.link); ok {
			t.Error("who hears it through another is a witness")
		}
	})
	t.Run("evidence grows old", func(t *testing.T) {
		l := newListener("a@h")
		l.pass(2*time.Second, true)
		l.pass(900*time.Millisecond, false)
		l.say(0)
		l.pass(100*time.Millisecond, false)
		l.say(0)
		l.pass(time.Second, false)
		l.log = nil
		l.link = nil
		l.pass(5*time.Second, false)
		l.want(t, "cut, ask, detour, unlinked")
	})
	t.Run("an Erlang node promises nothing", func(t *testing.T) {
		l := newListener("a@h")
		l.link.Beat = 0
		l.pass(time.Minute, false)
		l.want(t, "fine")
	})
}

func TestWhispers(t *testing.T) {
	q := question{from: gossip.ID{Name: "a@h", Instance: 1 << 60}, of: "b@h", creation: 7}
	if got, ok := decodeQuestion(q.encode()); !ok || got != q {
		t.Error(got)
	}
	a := answer{from: "c@h", of: "b@h", creation: 7, silent: 1500 * time.Millisecond}
	if got, ok := decodeAnswer(a.encode()); !ok || got != a {
		t.Error(got)
	}
	for _, b := range [][]byte{q.encode(), a.encode()} {
		for n := range b {
			_, ok1 := decodeQuestion(b[:n])
			_, ok2 := decodeAnswer(b[:n])
			if ok1 || ok2 {
				t.Errorf("% x is understood", b[:n])
			}
		}
	}
}
