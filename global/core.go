// SPDX-License-Identifier: Apache-2.0

package global

import (
	"slices"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// core is what the name server knows and decides: an event goes in, effects come out. It does nothing itself and knows no
// clock; random numbers come with newCore.
type core struct {
	node    atom
	locker  banyan.PID
	limits  limits
	overlap bool // overlapping partitions are allowed
	// ours says of the nodes that we have or had a visible link to whether they are Banyan nodes. Absent: not known yet.
	ours map[atom]bool

	// links are the visible nodes that we have a link to. Only these may speak to us.
	links map[atom]bool
	// known are the nodes that are in one cluster with us, with their versions: we have agreed with them on names.
	known map[atom]int
	// pending have begun to agree, removing were told that we part from them; synced is known as Sync sees it.
	pending   map[atom]int
	removing  map[atom]bool
	synced    map[atom]bool
	sessions  map[atom]*session
	waiting   map[int]map[atom]bool // for Sync: whom they wait for
	doubts    map[atom]bool         // they say that we know them, and we do not, since the last tick and before
	oldDoubts map[atom]bool
	tag       int64 // of the newest session

	names    map[string]*entry
	locks    map[string]*lock
	uses     map[banyan.PID]*use
	lockDown bool // the global lock went with its holder: what is registered under it counts no more

	lost     map[lostKey]lostInfo
	creation int64 // ours, extended, see lost_connection
	opID     int64

	out []effect
}

// limits bound what other nodes can make us hold.
type limits struct{ names, locks, nodes, lost int }

// use is what a process has: it is watched as long as it has anything.
type use struct {
	names, locks map[string]bool
	watched      bool // there is a link to its node
}

type effectKind uint8

const (
	doInfo       effectKind = iota // to the server on node: term
	doCast                         // the same, as a cast
	doLocker                       // to our locker: msg, behind what was sent before
	doConnect                      // to node, then event connected
	doDisconnect                   // from node
	doWatch                        // pid
	doUnwatch                      // pid
	doResolve                      // clashes of the session with node, then event resolvedClashes
	doSynced                       // the wait id is over
	doLog                          // text, node
)

// effect is one thing for the process around the core to do, in order.
type effect struct {
	kind    effectKind
	node    atom
	pid     banyan.PID
	term    any
	msg     lockerMsg
	tag     int64
	clashes []clash
	id      int
	text    string
}

func newCore(node atom, locker banyan.PID, l limits, overlap bool, tag, creation int64) *core {
	return &core{node: node, locker: locker, limits: l, overlap: overlap, tag: tag, creation: creation, links: map[atom]bool{}, known: map[atom]int{},
		pending: map[atom]int{}, removing: map[atom]bool{}, synced: map[atom]bool{}, sessions: map[atom]*session{},
		waiting: map[int]map[atom]bool{}, doubts: map[atom]bool{}, names: map[string]*entry{}, locks: map[string]*lock{},
		uses: map[banyan.PID]*use{}, lost: map[lostKey]lostInfo{}, ours: map[atom]bool{}}
}

func (c *core) do(e effect) { c.out = append(c.out, e) }

// take gives the effects of the last step.
func (c *core) take() []effect {
	out := c.out
	c.out = nil
	return out
}

func (c *core) info(node atom, parts ...any) {
	c.do(effect{kind: doInfo, node: node, term: etf.Tuple(parts)})
}

func (c *core) cast(node atom, parts ...any) {
	c.do(effect{kind: doCast, node: node, term: etf.Tuple(parts)})
}

func (c *core) tellLocker(m lockerMsg) { c.do(effect{kind: doLocker, msg: m}) }

func (c *core) log(node atom, text string) { c.do(effect{kind: doLog, node: node, text: text}) }

// linkUp: there is a visible link to a node.
func (c *core) linkUp(node atom) {
	if node == c.node || c.links[node] {
		return
	}
	c.links[node] = true
	for pid, u := range c.uses {
		if pid.Node == node && !u.watched {
			c.watch(pid, u)
		}
	}
	c.meet(node)
}

// linkDown: the link to a node is gone.
func (c *core) linkDown(node atom) {
	if !c.links[node] {
		return
	}
	delete(c.links, node)
	delete(c.doubts, node)
	delete(c.oldDoubts, node)
	c.part(node, partLost)
	delete(c.ours, node)
	c.buryAll(node)
}

// kinds notes which nodes are Banyan nodes, of those that there are links to.
func (c *core) kinds(banyan map[atom]bool) {
	for node := range c.links {
		if is, ok := banyan[node]; ok {
			c.ours[node] = is
		}
	}
}

// amongOurselves reports whether no real Erlang node is visible to us, and a node, to which there may be no link any more, is not known as one.
func (c *core) amongOurselves(node atom) bool {
	for n := range c.links {
		if !c.ours[n] {
			return false
		}
	}
	is, known := c.ours[node]
	return is || !known
}

// buryAll: what processes of a node have is gone with the link to it.
func (c *core) buryAll(node atom) {
	var gone []banyan.PID
	for pid := range c.uses {
		if pid.Node == node {
			gone = append(gone, pid)
		}
	}
	for _, pid := range gone {
		c.down(pid)
	}
}

// connected: an attempt to reach a node, that others know or where a process has a name, has ended.
func (c *core) connected(node atom, ok bool) {
	_, known := c.known[node]
	switch {
	case !ok:
		if known {
			c.log(node, "cannot connect to a node that others of the cluster know")
			c.part(node, partLost)
		}
		c.buryAll(node)
		return
	case known && c.links[node]:
		c.cast(node, atom("in_sync"), c.node, true)
	}
	for pid, u := range c.uses {
		if pid.Node == node && !u.watched {
			c.watch(pid, u)
		}
	}
}

// join makes links to nodes that others know, and tells them that we are in step.
func (c *core) join(nodes []atom) {
	for _, n := range nodes {
		switch {
		case n == c.node:
		case c.links[n]:
			c.cast(n, atom("in_sync"), c.node, true)
		default:
			c.do(effect{kind: doConnect, node: n})
		}
	}
}

// learn adds nodes to those that are known; it returns those that are new.
func (c *core) learn(list []member) (added []atom) {
	for _, m := range list {
		if m.node == c.node || m.node == "" {
			continue
		}
		if _, ok := c.known[m.node]; ok {
			continue
		}
		if len(c.known) >= c.limits.nodes {
			c.log(m.node, "too many nodes, this one is left out")
			continue
		}
		c.known[m.node] = m.version
		added = append(added, m.node)
	}
	if len(added) > 0 {
		c.tellLocker(lockerMsg{add: added})
	}
	return added
}

// members lists the nodes that are known.
func (c *core) members() []member {
	list := make([]member, 0, len(c.known))
	for n, v := range c.known {
		list = append(list, member{n, v})
	}
	slices.SortFunc(list, func(a, b member) int {
		if a.node < b.node {
			return -1
		}
		return 1
	})
	return list
}

// versionOf is what is known of a node's version; 0 is nothing.
func (c *core) versionOf(node atom) int {
	if v, ok := c.known[node]; ok {
		return v
	}
	return c.pending[node]
}

// potentially known are nodes that are known, or about to be.
func (c *core) potentially(node atom) bool {
	_, known := c.known[node]
	_, pending := c.pending[node]
	return known || pending
}

// inStep notes that a node agrees with us, for Sync.
func (c *core) inStep(node atom) {
	c.synced[node] = true
	c.noLongerAwaited(node)
}

func (c *core) noLongerAwaited(node atom) {
	for id, nodes := range c.waiting {
		if delete(nodes, node); len(nodes) == 0 {
			delete(c.waiting, id)
			c.do(effect{kind: doSynced, id: id})
		}
	}
}

// sync waits until all visible nodes agree with us, or are gone. Only some nodes if list is not nil.
func (c *core) sync(id int, list []atom) {
	if list == nil {
		for n := range c.links {
			list = append(list, n)
		}
	}
	wait := map[atom]bool{}
	for _, n := range list {
		if n != c.node && c.links[n] && !c.synced[n] {
			wait[n] = true
		}
	}
	if len(wait) == 0 {
		c.do(effect{kind: doSynced, id: id})
		return
	}
	c.waiting[id] = wait
}

// tick lets what was kept for a time go.
func (c *core) tick(now time.Time) {
	c.settleDoubts()
	c.expire(now)
}

func (c *core) expire(now time.Time) {
	for k, l := range c.lost {
		if now.After(l.until) {
			delete(c.lost, k)
		}
	}
}
