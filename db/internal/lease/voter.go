// SPDX-License-Identifier: Apache-2.0

package lease

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"maps"
	"slices"
)

// voter is the side of a node that supports others, or lets them be buried.
type voter struct {
	began Time // when this process began: supports of before are forgotten
	// supports are in memory only.
	supports map[Life]support
	// grants: the round in which a life was granted away. Durable before anybody hears of it.
	grants map[Life]uint64
	// floor is the version of voters below which no beats are taken, durable is what is written down of it.
	floor, durable uint64
	ticked         Time // the last tick
	calm           Time // after a stall: no judgement before it
	lingers        Time // when grants that nobody has used are told again
}

// support is what a voter has of a life's newest beat.
type support struct {
	num   uint64
	until Time
}

// pulse notes a stall of this node.
func (c *Core) pulse(now Time) {
	if now-c.voter.ticked > c.cfg.stall() {
		c.voter.calm = now + c.cfg.TTL/3
		c.voter.ticked = now
	}
}

// supported takes a beat, or refuses it by silence.
func (c *Core) supported(now Time, m Message) {
	v := &c.voter
	if m.TTL > c.cfg.TTL || m.Conf < v.floor && c.cfg.Flaw != OldVoters || m.Life.Node != m.From {
		return
	}
	if over, ok := c.view.member(m.Life); ok && over.Over {
		return
	}
	if _, granted := v.grants[m.Life]; granted && c.cfg.Flaw != SupportGranted {
		return
	}
	if m.Num <= v.supports[m.Life].num {
		return // it was late, and says nothing of now
	}
	v.supports[m.Life] = support{m.Num, now + m.TTL}
	c.send(Message{Kind: KindAck, To: m.From, Life: m.Life, Num: m.Num})
}

// ended reports whether this voter supports a life no more, as far as it can judge.
func (c *Core) ended(now Time, l Life) bool {
	v := &c.voter
	if now < v.began+c.cfg.forgotten() && c.cfg.Flaw != NoWait {
		return false
	}
	return now >= v.calm && now >= v.supports[l].until
}

// asked says whether a life is silent here. It changes nothing.
func (c *Core) asked(now Time, m Message) {
	kind := KindAlive
	if c.ended(now, m.Life) {
		kind = KindSilent
	}
	c.send(Message{Kind: kind, To: m.From, Life: m.Life})
}

// claimed grants a round, if it can.
func (c *Core) claimed(now Time, m Message) {
	v := &c.voter
	mb, known := c.view.member(m.Life)
	if !known || mb.Over || m.Num <= mb.Cancelled {
		return
	}
	grant := Message{Kind: KindGrant, To: m.From, Life: m.Life, Num: m.Num}
	switch r, granted := v.grants[m.Life]; {
	case granted && r > m.Num:
		return
	case granted && r == m.Num:
		c.sendSaved(grant)
		return
	case !c.ended(now, m.Life) && c.cfg.Flaw != GrantEarly:
		c.send(Message{Kind: KindAlive, To: m.From, Life: m.Life})
		return
	}
	v.grants[m.Life] = m.Num
	c.dirty = c.cfg.Flaw != ForgetGrant
	c.sendSaved(grant)
}

// know promises to take no beats of voters of the past.
func (c *Core) know(m Message) {
	v := &c.voter
	if m.Conf > v.floor {
		return // not heard of in the log yet; the leader asks again
	}
	if v.durable < v.floor {
		c.dirty = true
	}
	c.sendSaved(Message{Kind: KindKnown, To: m.From, Conf: v.floor})
}

// linger tells what was granted and came to nothing, so that whoever leads now ends it.
func (c *Core) linger(now Time) {
	v := &c.voter
	if len(v.grants) == 0 {
		v.lingers = now + c.cfg.TTL
		return
	}
	if now < v.lingers {
		return
	}
	v.lingers = now + c.cfg.TTL/2
	for _, l := range sortedLives(v.grants) {
		for _, to := range c.view.Conf.Voters() {
			c.sendSaved(Message{Kind: KindGrant, To: to, Life: l, Num: v.grants[l]})
		}
	}
}

// forget drops what the log has settled.
func (v *voter) forget(now Time, view *View) {
	for l, s := range v.supports {
		if m, ok := view.member(l); ok && m.Over && now >= s.until {
			delete(v.supports, l)
		}
	}
	for l, r := range v.grants {
		if m, ok := view.member(l); ok && (m.Over || m.Cancelled >= r) {
			delete(v.grants, l) // also in what is saved next; an old grant that comes back after a start is voided by the next view
		}
	}
}

func sortedLives[V any](m map[Life]V) []Life {
	return slices.SortedFunc(maps.Keys(m), func(a, b Life) int {
		if a.Node != b.Node {
			return int(a.Node) - int(b.Node)
		}
		return int(a.Inc) - int(b.Inc)
	})
}

// save encodes what must survive.
func (v *voter) save() []byte {
	b := binary.AppendUvarint([]byte{format}, v.floor)
	b = binary.AppendUvarint(b, uint64(len(v.grants)))
	for _, l := range sortedLives(v.grants) {
		for _, n := range []uint64{l.Node, l.Inc, v.grants[l]} {
			b = binary.AppendUvarint(b, n)
		}
	}
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

// ErrSaved is returned for saved bytes that are damaged: this node must not vote any more under its number.
var ErrSaved = errors.New("what was written down of leases is damaged")

func (v *voter) load(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if len(b) < 5 || b[0] != format || crc32.ChecksumIEEE(b[:len(b)-4]) != binary.BigEndian.Uint32(b[len(b)-4:]) {
		return ErrSaved
	}
	b = b[1 : len(b)-4]
	next := func() uint64 {
		x, n := binary.Uvarint(b)
		if n <= 0 {
			b = nil
			return 0
		}
		b = b[n:]
		return x
	}
	v.floor = next()
	v.durable = v.floor
	for n := next(); n > 0 && len(b) > 0; n-- {
		l := Life{next(), next()}
		v.grants[l] = next()
	}
	return nil
}
