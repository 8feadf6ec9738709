// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"errors"
	"fmt"
	"sync"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist/internal/handshake"
	"github.com/banyan-go/banyan/etf"
)

const (
	// maxCrossings is how many tunnels may pass through this node, maxLegs how many of one link.
	maxCrossings = 256
	maxLegs      = 16
)

// leg is a tunnel's part on one link.
type leg struct {
	link *link
	id   int64
}

// passage is what a leg belongs to: a tunnel that ends here, or a crossing. Its methods do not block.
type passage interface {
	// data has arrived on a leg; the bytes are its own. false: more than there may be.
	data(from leg, b []byte) bool
	// room: so many bytes were read at the end of that leg. false: more than were sent.
	room(from leg, n int) bool
	// over: nothing more comes on that leg; nil is a normal end. The leg is off the books.
	over(from leg, why error)
}

// relays are the tunnels that end here or pass through. Tunnels have one hop: what a link brings that goes through another node
// itself is never passed on.
type relays struct {
	t *Transport

	mu        sync.Mutex // a leaf
	ends      map[leg]passage
	crossings int // guarded by mu
	next      int64
}

// mine reports whether an id is one that this side of the link chooses.
func mine(l *link, id int64) bool { return (id%2 == 0) == (l.t.name < l.peer) && id >= 0 }

// newLeg makes a leg of this side. With mu held.
func (r *relays) newLeg(l *link) leg {
	r.next++
	id := 2 * r.next
	if !mine(l, id) {
		id++
	}
	return leg{l, id}
}

// usable says why no tunnel can go over a link. With mu held.
func (r *relays) usable(l *link) error {
	switch {
	case l == nil || l.dead.Load(): // checked under mu: the link's end, which takes mu too, then sees what is put in
		return errors.New("there is no link to that node")
	case l.via != "":
		return fmt.Errorf("the link to that node goes through %s itself", l.via)
	case !l.friend.Load():
		return errors.New("that node does not pass anything on")
	}
	n := 0
	for k := range r.ends {
		if k.link == l {
			n++
		}
	}
	if n >= maxLegs {
		return fmt.Errorf("%d tunnels go over that link", n)
	}
	return nil
}

// remove takes a leg off the books; false if it was gone already.
func (r *relays) remove(k leg) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.removeLocked(k) != nil
}

// removeLocked takes a leg off the books. With mu held.
func (r *relays) removeLocked(k leg) passage {
	p := r.ends[k]
	delete(r.ends, k)
	if c, ok := p.(*crossing); ok && r.ends[c.other(k)] == nil {
		r.crossings--
	}
	return p
}

// open begins a tunnel to peer over a link.
func (r *relays) open(l *link, peer banyan.Atom) (*tunnel, error) {
	r.mu.Lock()
	if err := r.usable(l); err != nil {
		r.mu.Unlock()
		return nil, err
	}
	c := newTunnel(r.t, r.newLeg(l), peer)
	r.ends[c.leg] = c
	r.mu.Unlock()
	if err := l.tell(relayOpen, c.leg.id, peer); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// word is what a link says of a leg.
func (r *relays) word(k leg, what, arg any) {
	name, isAtom := arg.(etf.Atom)
	switch what {
	case relayOpen, relayFrom:
		if isAtom && !mine(k.link, k.id) && k.id >= 0 {
			if err := r.begin(k, what == relayFrom, name); err != nil {
				k.link.tell(relayEnd, k.id, []byte(err.Error()))
			}
		}
		return
	}
	r.mu.Lock()
	p := r.ends[k]
	if what == relayEnd && p != nil {
		r.removeLocked(k)
	}
	r.mu.Unlock()
	if p == nil {
		return // it has ended here, and the peer will hear, or has not heard yet
	}
	good := true
	switch what {
	case relayData:
		b, ok := arg.([]byte)
		good = ok && p.data(k, b)
	case relayRoom:
		n, ok := intOf(arg)
		good = ok && n == int64(int(n)) && p.room(k, int(n))
	case relayEnd:
		var why error
		if b, _ := arg.([]byte); len(b) > 0 {
			why = fmt.Errorf("%s: %.200s", k.link.peer, b)
		}
		p.over(k, why)
	}
	if !good {
		r.remove(k)
		k.link.tell(relayEnd, k.id, []byte("more than the window allows"))
		p.over(k, errWindow)
	}
}

var errWindow = errors.New("dist: the peer sent more through a tunnel than its window allows")

// begin opens the end of a tunnel here, or passes it on.
func (r *relays) begin(k leg, here bool, name banyan.Atom) error {
	if err := handshake.CheckName(string(name)); err != nil {
		return err
	}
	r.mu.Lock()
	if r.ends[k] != nil {
		r.mu.Unlock()
		return nil // an id in use: the peer is wrong, and its first tunnel goes on
	}
	if err := r.usable(k.link); err != nil {
		r.mu.Unlock()
		return err
	}
	if here {
		c := newTunnel(r.t, k, name)
		r.ends[k] = c
		r.mu.Unlock()
		return r.t.called(c)
	}
	r.mu.Unlock()
	to := r.t.linkTo(name)
	r.mu.Lock()
	err := r.usable(to)
	switch {
	case to == k.link:
		err = errors.New("that is you")
	case err == nil && r.crossings >= maxCrossings:
		err = fmt.Errorf("%d tunnels pass through this node", r.crossings)
	}
	if err != nil {
		r.mu.Unlock()
		return err
	}
	c := &crossing{legs: [2]leg{k, r.newLeg(to)}}
	r.ends[k], r.ends[c.legs[1]] = c, c
	r.crossings++
	r.mu.Unlock()
	to.tell(relayFrom, c.legs[1].id, k.link.peer)
	return nil
}

// lost ends what goes over a link.
func (r *relays) lost(l *link) {
	ended := map[leg]passage{}
	r.mu.Lock()
	for k := range r.ends {
		if k.link == l {
			ended[k] = r.removeLocked(k)
		}
	}
	r.mu.Unlock()
	for k, p := range ended {
		p.over(k, fmt.Errorf("the link to %s, which it went through, is lost", l.peer))
	}
}

// crossing is a tunnel that passes through this node.
type crossing struct {
	legs [2]leg

	mu     sync.Mutex
	flight [2]int // guarded by mu; bytes that came on each leg and were not read at the other's end. Invariant: at most tunnelWindow
}

func (c *crossing) side(k leg) int {
	if k == c.legs[0] {
		return 0
	}
	return 1
}

func (c *crossing) other(k leg) leg { return c.legs[1-c.side(k)] }

// data implements passage.
func (c *crossing) data(from leg, b []byte) bool {
	i := c.side(from)
	c.mu.Lock()
	c.flight[i] += len(b)
	good := c.flight[i] <= tunnelWindow
	c.mu.Unlock()
	if good {
		to := c.other(from)
		to.link.tell(relayData, to.id, b)
	}
	return good
}

// room implements passage.
func (c *crossing) room(from leg, n int) bool {
	i := 1 - c.side(from)
	c.mu.Lock()
	good := n >= 0 && n <= c.flight[i]
	if good {
		c.flight[i] -= n
	}
	c.mu.Unlock()
	if good {
		to := c.other(from)
		to.link.tell(relayRoom, to.id, n)
	}
	return good
}

// over implements passage.
func (c *crossing) over(from leg, why error) {
	to := c.other(from)
	var text []byte
	if why != nil {
		text = []byte(why.Error())
	}
	if to.link.t.relays.remove(to) {
		to.link.tell(relayEnd, to.id, text)
	}
}
