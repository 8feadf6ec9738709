// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/banyan-go/banyan"
)

// core decides who the members are. It is pure: it gets what was heard, and gives the events that follow. Not safe for concurrent
// use.
//
// A name may have several instances: one that is gone and its successor, or, by mistake, two that live. One is the member:
//
//   - of those that are not over: one that is heard before one that is silent, then one that has joined before one that is
//     joining, then the older one;
//   - if all are over, the one with the highest incarnation.
//
// An instance is over when it has left, when another of its name says that it has established that (record.over), and when it
// was declared down.
type core struct {
	self  banyan.Atom
	names map[banyan.Atom]*lives
	links map[banyan.Atom]bool // to whom there is a link, members or not
}

// lives is all that is known of a name.
type lives struct {
	by map[uint64]*life // by instance
	// over: all up to this incarnation are gone. Invariant: at least the record.over of each life, and never falls.
	over Incarnation
	// linked: there is a link. lost: there was one, or should be. quiet: nothing comes over it. cut: somebody else hears it all the same, or
	// though there is no link.
	linked, lost, quiet, cut bool
	via                      banyan.Atom // whom the link goes through
	load                     Load
	loadOf                   uint64 // the instance that load is of
	seq                      uint32
	changed                  time.Time // when the member was last seen to change, for expire
}

// life is one instance.
type life struct {
	record
	addr  string
	alive bool // the gossip hears it
}

const (
	// maxNames bounds how many nodes are known, dead ones included.
	maxNames = 10000
	// maxLives bounds how many instances of one name are; those that are over go first.
	maxLives = 8
)

func newCore(self banyan.Atom) *core {
	return &core{self: self, names: map[banyan.Atom]*lives{}, links: map[banyan.Atom]bool{}}
}

// room reports whether a name is known, or may become so.
func (c *core) room(name banyan.Atom) bool { return c.names[name] != nil || len(c.names) < maxNames }

// change does something to a name, and tells what it led to.
func (c *core) change(name banyan.Atom, now time.Time, do func(l *lives)) []Event {
	l := c.names[name]
	if l == nil {
		if !c.room(name) {
			return nil
		}
		l = &lives{by: map[uint64]*life{}, linked: c.links[name]}
		c.names[name] = l
	}
	was, had := l.member()
	do(l)
	is, has := l.member()
	if has && had && is.Instance != was.Instance && l.lost && !l.linked {
		l.lost, l.quiet, l.cut, l.via = false, false, false, "" // that link was to the predecessor
		is, _ = l.member()
	}
	if !has {
		delete(c.names, name)
	}
	events := difference(was, had, is, has)
	if len(events) > 0 {
		l.changed = now
	}
	return events
}

// alive: the gossip hears an instance, which says r.
func (c *core) alive(r record, addr string, now time.Time) []Event {
	return c.change(r.name, now, func(l *lives) {
		x := l.by[r.instance]
		if x == nil {
			if len(l.by) >= maxLives && !l.evict() {
				return
			}
			x = &life{record: r}
			l.by[r.instance] = x
		} else if r.newer(x.record) {
			x.record = r
		}
		x.addr, x.alive = addr, true
		l.over = max(l.over, r.over)
	})
}

// silent: nobody hears an instance.
func (c *core) silent(name banyan.Atom, instance uint64, now time.Time) []Event {
	if c.names[name] == nil {
		return nil
	}
	return c.change(name, now, func(l *lives) {
		if x := l.by[instance]; x != nil {
			x.alive = false
		}
	})
}

// left: an instance has said goodbye.
func (c *core) left(name banyan.Atom, instance uint64, now time.Time) []Event {
	if c.names[name] == nil {
		return nil
	}
	return c.change(name, now, func(l *lives) {
		if x := l.by[instance]; x != nil {
			x.state = Left
		}
	})
}

// link: there is a link to a node now, through another one perhaps, or it was lost or could not be made.
func (c *core) link(name banyan.Atom, up bool, via banyan.Atom, now time.Time) []Event {
	if delete(c.links, name); up {
		c.links[name] = true
	}
	if c.names[name] == nil {
		return nil
	}
	return c.change(name, now, func(l *lives) {
		if !up && l.linked && l.via != "" { // perhaps for a straight one; if not, hear will tell
			l.cut = true
		}
		l.linked, l.lost, l.via, l.quiet = up, !up, via, l.quiet && !up
	})
}

// hear: how a member is heard, see ears.
func (c *core) hear(name banyan.Atom, quiet, cut bool, via banyan.Atom, now time.Time) []Event {
	l := c.names[name]
	if l == nil || (l.quiet == quiet && l.cut == cut && l.via == via) {
		return nil
	}
	return c.change(name, now, func(l *lives) { l.quiet, l.cut, l.via = quiet, cut, via })
}

// down: an instance is gone for good, and with it all before it.
func (c *core) down(name banyan.Atom, inc Incarnation, now time.Time) []Event {
	if c.names[name] == nil {
		return nil
	}
	return c.change(name, now, func(l *lives) { l.over = max(l.over, inc) })
}

// report takes a load report; false if it is not new.
func (c *core) report(name banyan.Atom, instance uint64, seq uint32, load Load) bool {
	l := c.names[name]
	if l == nil || l.by[instance] == nil || (l.loadOf == instance && seq <= l.seq) {
		return false
	}
	l.load, l.loadOf, l.seq = load, instance, seq
	return true
}

// expire forgets who is over, and who was silent, for longer than keep.
func (c *core) expire(keep time.Duration, now time.Time) (events []Event) {
	for _, name := range slices.Sorted(maps.Keys(c.names)) {
		l := c.names[name]
		m, ok := l.member()
		if name == c.self || (ok && !m.State.Over() && m.Reach != Unreachable) || now.Sub(l.changed) < keep {
			continue
		}
		events = append(events, c.change(name, now, func(l *lives) { clear(l.by) })...)
	}
	return events
}

// members are all, sorted by name.
func (c *core) members() []Member {
	list := make([]Member, 0, len(c.names))
	for _, l := range c.names {
		if m, ok := l.member(); ok {
			list = append(list, m)
		}
	}
	slices.SortFunc(list, byName)
	return list
}

func (c *core) member(name banyan.Atom) (Member, bool) {
	if l := c.names[name]; l != nil {
		return l.member()
	}
	return Member{}, false
}

// ended reports whether a life is over.
func (l *lives) ended(x *life) bool { return x.state.Over() || x.inc <= l.over }

// before reports whether x is the member rather than y.
func (l *lives) before(x, y *life) bool {
	if a, b := l.ended(x), l.ended(y); a != b {
		return b
	} else if a {
		return x.inc > y.inc || (x.inc == y.inc && x.instance > y.instance)
	}
	if x.alive != y.alive {
		return x.alive
	}
	if a, b := x.state > Joining, y.state > Joining; a != b {
		return a
	}
	return x.inc < y.inc || (x.inc == y.inc && x.instance < y.instance)
}

// first is the life that is the member.
func (l *lives) first() (best *life) {
	for _, x := range l.by {
		if best == nil || l.before(x, best) {
			best = x
		}
	}
	return best
}

// evict makes room by forgetting the oldest that is over; false if there is none.
func (l *lives) evict() bool {
	var old *life
	for _, x := range l.by {
		if l.ended(x) && (old == nil || x.inc < old.inc) {
			old = x
		}
	}
	if old != nil {
		delete(l.by, old.instance)
	}
	return old != nil
}

func (l *lives) member() (Member, bool) {
	x := l.first()
	if x == nil {
		return Member{}, false
	}
	m := Member{Name: x.name, Incarnation: x.inc, Instance: x.instance, Creation: x.creation, State: x.state, Addr: x.addr, Zone: x.zone,
		Roles: x.roles, Weight: x.weight, Version: x.version}
	if l.loadOf == x.instance {
		m.Load = l.load
	}
	if !x.state.Over() && x.inc <= l.over {
		m.State = Down
	}
	switch {
	case !x.alive:
		m.Reach = Unreachable
	case l.linked && !l.quiet:
		if l.via != "" {
			m.Reach, m.Via = Indirect, l.via
		}
	case l.cut:
		m.Reach = Indirect
	case l.quiet, l.lost:
		m.Reach = Suspect
	}
	return m, true
}

// rival is what another instance of a node's own name means for it.
type rival struct {
	life
	beatsUs bool // if it lives, it is the node of that name
}

// rivals are the other instances of a name that are not known to be over. replaced: one says that we are.
func (c *core) rivals(me record) (list []rival, replaced bool) {
	l := c.names[me.name]
	if l == nil {
		return nil, false
	}
	own := &life{record: me, alive: true}
	for _, x := range l.by {
		if x.instance == me.instance {
			continue
		}
		if x.over >= me.inc {
			replaced = true
		}
		if l.ended(x) || x.inc <= me.over {
			continue
		}
		living := *x
		living.alive = true
		list = append(list, rival{*x, l.before(&living, own)})
	}
	slices.SortFunc(list, func(a, b rival) int {
		return cmp.Or(cmp.Compare(a.inc, b.inc), cmp.Compare(a.instance, b.instance))
	})
	return list, replaced
}

// past is the highest incarnation up to which all others of a node's name are over, if these rivals are all that live.
func (c *core) past(me record, living []rival) (inc Incarnation) {
	l := c.names[me.name]
	if l == nil {
		return 0
	}
	inc = l.over
	for _, x := range l.by {
		if x.instance != me.instance && !slices.ContainsFunc(living, func(r rival) bool { return r.instance == x.instance }) {
			inc = max(inc, x.inc)
		}
	}
	for _, r := range living {
		inc = min(inc, r.inc-1)
	}
	return max(inc, l.over)
}
