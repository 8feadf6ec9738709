// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// A peer with a tick time of 4 s that only sends, and so sends no ticks, hears us often enough, though ours is a minute.
func TestListenerIsNotTakenForDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		_, b := begin(t, m, "b@h", noPoll)
		b.deliver = func(banyan.Peer, *banyan.Signal) {}
		c := silent(t, m)
		b.next(t, "up")
		longest, last := time.Duration(0), time.Now()
		go func() {
			buf := make([]byte, 4)
			for {
				if _, err := io.ReadFull(c, buf); err != nil || binary.BigEndian.Uint32(buf) != 0 {
					return
				}
				longest, last = max(longest, time.Since(last)), time.Now()
			}
		}()
		raw := banyan.PID{Node: "raw@h", ID: 1, Creation: 5}
		msg := framed(noAtoms, terms(etf.Tuple{22, raw, b.pid(1)}, 1))
		for range 300 {
			pass(200 * time.Millisecond)
			if _, err := c.Write(msg); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if longest = max(longest, time.Since(last)); longest > time.Second {
			t.Errorf("nothing was heard for %v", longest)
		}
		b.quiet(t)
	})
}

// Two idle nodes send what their own tick times ask for, and do not answer answers.
func TestIdleLinksAreIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ta, tb, a, b, ab, ba := connected(t, newMemory(), noPoll)
		for range 10 {
			ab.Send(text(a.pid(1), b.pid(1), 1))
			b.next(t, "signal")
			pass(3 * time.Second)
			ba.Send(text(b.pid(1), a.pid(1), 1))
			a.next(t, "signal")
			pass(20 * time.Second)
		}
		before := ta.Stats().BytesOut + tb.Stats().BytesOut
		pass(time.Hour)
		ticks := (ta.Stats().BytesOut + tb.Stats().BytesOut - before) / 4
		if ticks < 240 || ticks > 2*240+4 {
			t.Errorf("%d ticks in an hour", ticks)
		}
	})
}

// A clock that read when the last write was, and then stood still while one was made, does not tick beside it.
func TestTickAfterWriteIsLeftOut(t *testing.T) {
	l := &link{wake: make(chan struct{}, 1)}
	l.lastWrite.Store(2)
	for _, tick := range []func(int64){l.tick, l.showLife} {
		tick(1)
		if !l.q.empty() {
			t.Error("a tick, though something was written since")
		}
		tick(2)
		if len(l.q.small) != tickSize {
			t.Errorf("%d bytes in line for a tick", len(l.q.small))
		}
		l.q.small = nil
	}
}

// Who sends to a peer that does not read is told to wait, with a bounded buffer; the links of others do not notice.
func TestSlowPeerHoldsUpNobodyElse(t *testing.T) {
	a, b, ab, _ := tcpPair(t, nil, nil)
	c, err := net.Dial("tcp", ab.(*link).t.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := shake(c, rawSide("raw@h", "monster"), string(a.name), true); err != nil {
		t.Fatal(err)
	}
	slow := a.next(t, "up").peer
	raw := banyan.PID{Node: "raw@h", ID: 1, Creation: 5}
	full := func(size int) (sent int) {
		for from := uint32(0); ; from++ {
			err := slow.Send(text(a.pid(from), raw, make([]byte, size)))
			if err != nil {
				if !errors.Is(err, banyan.ErrLinkFull) {
					t.Fatal(err)
				}
				return sent
			}
			sent += size
			if sent > 200<<20 {
				t.Fatal("no limit")
			}
		}
	}
	small := full(1000)
	big := full(1 << 20)
	q := &slow.(*link).q
	slow.(*link).mu.Lock()
	held := len(q.small) + q.bulk
	slow.(*link).mu.Unlock()
	if held > 11<<20 {
		t.Errorf("%d bytes wait in the link; %d small and %d large were taken", held, small, big)
	}
	for i := range 1000 {
		push(t, ab, text(a.pid(1), b.pid(1), i))
		if v := b.next(t, "signal").signal.Body.Value; v != i {
			t.Fatal(v, i)
		}
	}
	// Room comes when it reads.
	room := make(chan struct{})
	slow.OnRoom(func() { close(room) })
	go io.Copy(io.Discard, c)
	<-room
	push(t, slow, text(a.pid(1), raw, 1))
}

// An Erlang node with a tick time of 4 s keeps us, whose own is a minute: idle, and while it only sends.
func TestErlangSmallTickTime(t *testing.T) {
	if testing.Short() {
		t.Skip("takes several tick times of 4 s")
	}
	needErlang(t)
	port := freePort(t)
	tg, g := goNode(t, "gotick", port, nil)
	g.deliver = func(banyan.Peer, *banyan.Signal) {}
	e := startErlang(t, "ertick", port, "monster", "-kernel", "net_ticktime", "4")
	if got := e.eval(t, "net_kernel:get_net_ticktime()"); got != "4" {
		t.Fatal(got)
	}
	if _, err := tg.Peer(t.Context(), e.name); err != nil {
		t.Fatal(err)
	}
	g.next(t, "up")
	for _, doing := range []string{"timer:sleep(7000)", "[begin {x, 'gotick@127.0.0.1'} ! hi, timer:sleep(100) end || _ <- lists:seq(1, 70)]"} {
		e.eval(t, doing)
		if got := e.eval(t, "nodes(connected)"); got != "['gotick@127.0.0.1']" {
			t.Errorf("after %s: %s", doing, got)
		}
	}
	g.quiet(t)
}
