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
	// beatPasses is how often in a beat the links are looked at.
	beatPasses = 5
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
	links := t.linksLocked()
	t.mu.Unlock()
	for _, l := range links {
		l.announceBeats(t.beating())
	}
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

// linksLocked lists the live links. Call with mu held.
func (t *Transport) linksLocked() []*link {
	links := make([]*link, 0, len(t.nodes))
	for _, n := range t.nodes {
		if n.link != nil && n.link.alive() {
			links = append(links, n.link)
		}
	}
	return links
}

// beater shows life on all links, in one goroutine: a timer for each would cost more than the ticks.
func (t *Transport) beater() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-t.ctx.Done():
			return
		case <-timer.C:
		}
		every := t.beating()
		pass := max(every/beatPasses, time.Millisecond)
		if every == 0 {
			pass = time.Second
		}
		timer.Reset(pass)
		t.mu.Lock()
		links := t.linksLocked()
		t.mu.Unlock()
		for _, l := range links {
			l.announceBeats(every)
			if last := l.lastWrite.Load(); every > 0 && l.friend.Load() && l.now()-last >= int64(every-pass) {
				l.showLife(last)
			}
		}
	}
}

// announceBeats tells a friend how often we show life, when that has changed.
func (l *link) announceBeats(every time.Duration) {
	if l.friend.Load() && l.announced.Swap(int64(every)) != int64(every) {
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
	links := t.linksLocked()
	t.mu.Unlock()
	list := make([]LinkInfo, len(links))
	for i, l := range links {
		list[i] = LinkInfo{Node: l.peer, Creation: l.creation, Silent: time.Duration(l.now() - l.lastRead.Load()), Beat: time.Duration(l.promised.Load()),
			Banyan: l.friend.Load(), Via: l.via}
	}
	slices.SortFunc(list, func(a, b LinkInfo) int { return strings.Compare(string(a.Node), string(b.Node)) })
	return list
}
