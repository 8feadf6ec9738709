// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"slices"
	"strings"
	"time"

	"github.com/banyan-go/banyan"
)

// LinkInfo is how a link is at one moment.
type LinkInfo struct {
	// Node is the peer, Creation its incarnation.
	Node     banyan.Atom
	Creation uint32
	// Silent is for how long nothing has come from the peer.
	Silent time.Duration
	// Beat is how often the peer has promised to show life; 0: it has not, as Erlang nodes.
	Beat time.Duration
	// Banyan: the peer has greeted this node as a Banyan node that knows of beats and tunnels. False in the first moments of a link too.
	Banyan bool
	// Via is the node that the link goes through; empty: it goes to the peer itself. See PeerVia.
	Via banyan.Atom
}

const (
	// beatLinks is with how many links beats become slower, to half: a node with many has many to send.
	beatLinks = 64
	// maxBeat bounds what a peer may promise.
	maxBeat = time.Minute
	// beatSlack is by what part of a beat a tick may come early.
	beatSlack = 5
)

// Beat makes this node show life on each link to another Banyan node: when it has sent nothing for that long it sends a tick. The peers are
// told, so that they can see in Links when it fails to. Erlang nodes get no more ticks than before. A node with more than 64 links
// takes twice as long, with more than 128 four times, and so on. Zero ends it; before Open it is an error.
//
// It costs a packet of 4 bytes and its acknowledgement per link and beat, where nothing else is sent.
func (t *Transport) Beat(every time.Duration) error {
	t.mu.Lock()
	if !t.open || t.closed {
		t.mu.Unlock()
		return errStopped
	}
	every = min(max(every, 0), maxBeat)
	t.beat.Store(int64(every))
	if every > 0 && !t.beats {
		t.beats = true
		t.wg.Go(t.beater)
	}
	t.mu.Unlock()
	t.wakeBeater()
	return nil
}

// beating is how often this node shows life, with as many links as it has; 0: it does not.
func (t *Transport) beating() time.Duration {
	every := time.Duration(t.beat.Load())
	for n := t.stats.links.Load(); n > beatLinks; n /= 2 {
		every *= 2
	}
	return every
}

// linksLocked adds the live links to a list. Call with mu held.
func (t *Transport) linksLocked(links []*link) []*link {
	for _, n := range t.nodes {
		if n.link != nil && n.link.alive() {
			links = append(links, n.link)
		}
	}
	return links
}

// beater shows life on all links, in one goroutine: a timer for each would cost more than the ticks. It sleeps until the first is due, and
// takes those with it that soon would be: idle links come to be due together. It alone announces, so that the last word is the newest.
func (t *Transport) beater() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	var links []*link
	for {
		select {
		case <-t.ctx.Done():
			return
		case <-t.beatWake:
		case <-timer.C:
		}
		every := t.beating()
		next := maxBeat
		t.mu.Lock()
		links = t.linksLocked(links[:0])
		t.mu.Unlock()
		for _, l := range links {
			if l.friend.Load() {
				l.announceBeats(every)
				if every > 0 {
					next = min(next, l.beat(every))
				}
			}
		}
		clear(links) // those that end shall not be kept here
		timer.Reset(next)
	}
}

// beat shows life if it is time, and tells when it will be again.
func (l *link) beat(every time.Duration) time.Duration {
	last := l.lastWrite.Load()
	due := time.Duration(last + int64(every) - l.now())
	if due > every/beatSlack {
		return due
	}
	l.showLife(last)
	return every
}

// wakeBeater has the links looked at now.
func (t *Transport) wakeBeater() {
	select {
	case t.beatWake <- struct{}{}:
	default:
	}
}

// announceBeats tells a friend how often we show life, when that has changed. The beater only.
func (l *link) announceBeats(every time.Duration) {
	if l.announced != every {
		l.announced = every
		l.tell(friendBeats, every.Milliseconds())
	}
}

// showLife sends a tick, as tick does; whoever calls it has nothing else to do, so he writes himself.
func (l *link) showLife(last int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.quietSince(last) {
		return
	}
	l.q.small = append(l.q.small, 0, 0, 0, 0)
	if l.direct != nil && l.asleep {
		l.writeNow()
	} else {
		l.kick()
	}
}

// Links tells how each link is, sorted by node.
func (t *Transport) Links() []LinkInfo {
	t.mu.Lock()
	links := t.linksLocked(nil)
	t.mu.Unlock()
	list := make([]LinkInfo, len(links))
	for i, l := range links {
		list[i] = LinkInfo{Node: l.peer, Creation: l.creation, Silent: time.Duration(l.now() - l.lastRead.Load()), Beat: time.Duration(l.promised.Load()),
			Banyan: l.friend.Load(), Via: l.via}
	}
	slices.SortFunc(list, func(a, b LinkInfo) int { return strings.Compare(string(a.Node), string(b.Node)) })
	return list
}
