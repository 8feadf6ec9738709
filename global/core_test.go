// SPDX-License-Identifier: Apache-2.0

package global

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

func pidOf(node atom, id uint32) banyan.PID { return banyan.PID{Node: node, ID: id, Creation: 4} }

func testCore() *core {
	return newCore("m@h", pidOf("m@h", 1), limits{names: 10, locks: 10, nodes: 10, lost: 3}, false, 100, 7)
}

// said are the effects of the last step, in short: who is told what, and what else is done.
func (c *core) said() (list []string) {
	for _, e := range c.take() {
		switch e.kind {
		case doInfo, doCast:
			tag, args, _ := split(e.term)
			s := fmt.Sprintf("%s %s", e.node, tag)
			if strings.HasPrefix(string(tag), "lost") || strings.HasPrefix(string(tag), "remove") || strings.HasPrefix(string(tag), "cancel") || strings.HasSuffix(string(tag), "ack") {
				s += " " + etf.Format(etf.Tuple(args))
			}
			list = append(list, s)
		case doDisconnect:
			list = append(list, "disconnect "+string(e.node))
		case doConnect:
			list = append(list, "connect "+string(e.node))
		}
	}
	return list
}

func (c *core) want(t *testing.T, want ...string) {
	t.Helper()
	if got := c.said(); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestSessionsAndVersions(t *testing.T) {
	c := testCore()
	hello := func(v int, tag any) greeting { return greeting{v, tag, pidOf("x@h", 9)} }
	c.greet("x@h", hello(8, 1)) // a stranger without a link
	c.want(t)
	c.linkUp("x@h")
	c.want(t, "x@h init_connect")
	c.greet("x@h", hello(8, 1))
	c.want(t, "x@h init_connect_ack {m@h,1,101}")
	c.acknowledged("x@h", 101, 1)
	c.want(t)
	c.acknowledged("x@h", 99, 1) // he means a former one
	c.want(t, "x@h cancel_connect {m@h,1}", "x@h cancel_connect {m@h,1}", "x@h init_connect")
	c.cancelled("x@h", 101) // of the old one
	c.want(t)
	c.greet("x@h", hello(8, 2))
	c.want(t, "x@h init_connect_ack {m@h,2,102}")
	c.greet("x@h", hello(8, 3)) // again, out of step: both begin anew
	c.want(t, "x@h cancel_connect {m@h,3}", "x@h cancel_connect {m@h,2}", "x@h init_connect", "x@h init_connect_ack {m@h,3,103}")
	c.cancelled("x@h", 103)
	c.want(t, "x@h cancel_connect {m@h,3}", "x@h init_connect")

	c.linkUp("old@h")
	c.want(t, "old@h init_connect")
	c.greet("old@h", hello(7, 1)) // before version 8 nothing is acknowledged
	c.want(t)
	c.greet("old@h", hello(7, 2)) // and nothing can be begun anew
	c.want(t, "disconnect old@h")
	c.linkUp("ancient@h")
	c.want(t, "ancient@h init_connect")
	c.greet("ancient@h", hello(4, 1))
	c.want(t)
	if c.potentially("ancient@h") || !c.potentially("old@h") {
		t.Error("who is pending?")
	}
	if got := etf.Format(membersTerm([]member{{"a@h", 8}}, 6)) + etf.Format(membersTerm([]member{{"a@h", 8}}, 7)); got != "[a@h][{a@h,8}]" {
		t.Error(got)
	}
}

// The four rules: report, pass on once, part, obey; and what is remembered ends.
func TestLostConnections(t *testing.T) {
	now := time.Unix(1000, 0)
	c := testCore()
	for _, n := range []atom{"a@h", "b@h", "x@h"} {
		c.linkUp(n)
	}
	c.learn([]member{{"a@h", 8}, {"b@h", 8}, {"x@h", 8}, {"six@h", 6}})
	c.said()
	c.lostConnection("a@h", 5, 10, "x@h", now)
	c.want(t, "b@h lost_connection {a@h,5,10,x@h}", "x@h lost_connection {a@h,5,10,x@h}", "x@h remove_connection {m@h}")
	c.lostConnection("a@h", 5, 10, "x@h", now) // known already
	c.lostConnection("a@h", 5, 9, "x@h", now)
	c.want(t)
	c.linkDown("x@h") // because we asked for it: no report
	c.want(t)
	c.lostConnection("a@h", 5, 11, "x@h", now) // a new one, of a node that we do not know any more
	c.want(t, "b@h lost_connection {a@h,5,11,x@h}")
	c.lostConnection("a@h", 6, 1, "m@h", now) // a has lost us
	c.want(t, "b@h lost_connection {a@h,6,1,m@h}", "a@h remove_connection {m@h}")
	c.removeConnection("b@h")
	c.want(t, "disconnect b@h")
	c.linkDown("b@h")
	c.removeConnection("b@h")
	c.want(t)

	c.linkUp("y@h")
	c.learn([]member{{"y@h", 8}, {"z@h", 8}})
	c.said()
	c.connected("z@h", false) // as good as lost
	c.want(t, "y@h lost_connection {m@h,7,1,z@h}")
	c.lostConnection("y@h", 1, 1, "six@h", now) // too old to be asked
	c.want(t, "disconnect six@h")
	c.lostConnection("q@h", 1, 1, "r@h", now) // the table of three is full
	c.want(t)
	c.lostConnection("q@h", 1, 1, "r@h", now.Add(2*time.Hour))
	c.want(t, "y@h lost_connection {q@h,1,1,r@h}")

	ours := testCore()
	for _, n := range []atom{"a@h", "b@h", "x@h", "e@h"} {
		ours.linkUp(n)
	}
	ours.learn([]member{{"a@h", 8}, {"b@h", 8}, {"x@h", 8}, {"e@h", 8}, {"z@h", 8}})
	ours.kinds(map[atom]bool{"a@h": true, "b@h": true, "x@h": true, "e@h": false, "away@h": true})
	ours.said()
	ours.linkDown("x@h") // an Erlang node is there
	ours.want(t, "a@h lost_connection {m@h,7,1,x@h}", "b@h lost_connection {m@h,7,1,x@h}", "e@h lost_connection {m@h,7,1,x@h}", "z@h lost_connection {m@h,7,1,x@h}")
	ours.linkDown("e@h") // it was one itself
	ours.want(t, "a@h lost_connection {m@h,7,2,e@h}", "b@h lost_connection {m@h,7,2,e@h}", "z@h lost_connection {m@h,7,2,e@h}")
	ours.linkDown("b@h")
	ours.connected("z@h", false)
	ours.want(t)

	free := testCore()
	free.overlap = true
	free.linkUp("a@h")
	free.linkUp("b@h")
	free.learn([]member{{"a@h", 8}, {"b@h", 8}})
	free.said()
	free.lostConnection("a@h", 1, 1, "b@h", now)
	free.linkDown("a@h")
	free.want(t)
}

// Names are changed only under the global lock, and not if it went with its holder.
func TestNamesNeedTheLock(t *testing.T) {
	c := testCore()
	c.linkUp("a@h")
	c.said()
	clerk, other, p := pidOf("a@h", 2), pidOf("a@h", 3), pidOf("a@h", 4)
	has := func(name string) bool { return c.names[mustKey(name)] != nil }
	if !c.setLock(atom("global"), "r", clerk) || !c.setLock(atom("global"), "r", clerk) || c.setLock(atom("global"), "s", other) {
		t.Error("set_lock")
	}
	c.register(named{"x", p, nil}, other)
	c.register(named{"y", p, nil}, clerk)
	if has("x") || !has("y") {
		t.Error("only the holder may register")
	}
	c.apply([]op{{named{"x", p, nil}, false}, {named{name: "y"}, true}}, "s")
	if has("x") || !has("y") {
		t.Error("only the requester may apply")
	}
	c.apply([]op{{named{"x", p, nil}, false}, {named{name: "y"}, true}}, "r")
	if !has("x") || has("y") {
		t.Error("apply")
	}
	c.down(clerk)
	c.register(named{"z", p, nil}, clerk)
	if has("z") {
		t.Error("the lock is gone")
	}
	if !c.setLock(atom("global"), "r", other) {
		t.Error("the lock is not free")
	}
	c.delLock(atom("global"), "r", other)
	c.register(named{"z", p, nil}, other) // as old versions do, without
	if !has("z") {
		t.Error("given back in order, the lock is not missed")
	}
	c.down(p)
	if len(c.names)+len(c.uses) != 0 {
		t.Error("a dead process has names:", c.names, c.uses)
	}
}

// Who believes to be known and is not is disconnected, after a while.
func TestDoubts(t *testing.T) {
	c := testCore()
	c.linkUp("a@h")
	c.linkUp("b@h")
	c.said()
	c.inSync("a@h")
	c.inSync("b@h")
	c.said()
	c.tick(time.Unix(1, 0))
	c.learn([]member{{"b@h", 8}}) // b is told of, late
	c.want(t)
	c.tick(time.Unix(2, 0))
	c.want(t, "disconnect a@h")
}
