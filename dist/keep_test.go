// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
)

func TestBackoff(t *testing.T) {
	chance := 0.0
	b := backoff{least: time.Second, most: 20 * time.Second, chance: func() float64 { return chance }}
	for _, want := range []time.Duration{1, 2, 4, 8, 16, 20, 20} {
		if got := b.next(); got != want*time.Second {
			t.Fatalf("%v, want %v s", got, want)
		}
	}
	chance = 0.5
	if got := b.next(); got != 15*time.Second {
		t.Error(got)
	}
	b.lived(19 * time.Second)
	if got := b.next(); got != 15*time.Second {
		t.Error("a link of 19 s began anew:", got)
	}
	b.lived(20 * time.Second)
	if got := b.next(); got != 750*time.Millisecond {
		t.Error(got)
	}
}

// keeping starts a@h, which keeps b@h.
func keeping(t *testing.T, m *memory) (*Transport, *fakePort) {
	t.Helper()
	return begin(t, m, "a@h", func(c *Config) {
		noPoll(c)
		c.Keep = []banyan.Atom{"b@h"}
		c.RetryMin, c.RetryMax = time.Second, 16*time.Second
	})
}

// A kept node is found once it is there, and again after each loss.
func TestKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		ta, a := keeping(t, m)
		pass(10 * time.Minute)
		a.quiet(t)
		_, b := begin(t, m, "b@h", noPoll)
		pass(17 * time.Second)
		up := a.next(t, "up")
		b.next(t, "up")
		for range 5 {
			pass(time.Minute)
			b1 := up.peer
			b1.Disconnect(nil)
			a.next(t, "down")
			b.next(t, "down")
			pass(time.Second)
			synctest.Wait()
			up = a.next(t, "up")
			b.next(t, "up")
		}
		if err := ta.Keep("b@h"); err != nil { // twice is once
			t.Error(err)
		}
		ta.Forget("b@h")
		ta.Forget("nobody@h")
		a.quiet(t)
		up.peer.Disconnect(nil)
		a.next(t, "down")
		b.next(t, "down")
		pass(time.Hour)
		a.quiet(t)
		if err := ta.Keep("b@h"); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		a.next(t, "up")
		b.next(t, "up")
		for name, want := range map[banyan.Atom]error{"a@h": nil, "b": ErrWrongName} {
			if err := ta.Keep(name); err == nil || (want != nil && !errors.Is(err, want)) {
				t.Error(name, err)
			}
		}
	})
}

// A peer that takes calls and ends each link at once is called less and less often, never in a tight loop.
func TestKeepOfAFlappingPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		_, b := begin(t, m, "b@h", noPoll)
		ta, a := keeping(t, m)
		n := 0
		for start := time.Now(); time.Since(start) < 10*time.Minute; n++ {
			a.next(t, "up")
			b.next(t, "up").peer.Disconnect(nil)
			b.next(t, "down")
			a.next(t, "down")
		}
		if n < 600/16 || n > 600/8+5 {
			t.Errorf("%d links in ten minutes", n)
		}
		ta.Forget("b@h")
	})
}

// The nodes of a cluster that all keep each other end with one link for each pair.
func TestKeepBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		all := []banyan.Atom{"a@h", "b@h", "c@h", "d@h"}
		var ts []*Transport
		for _, name := range all {
			tr, _ := begin(t, m, name, func(c *Config) { noPoll(c); c.Keep = all })
			ts = append(ts, tr)
		}
		pass(2 * time.Minute)
		for _, tr := range ts {
			if n := tr.Stats().Links; n != len(all)-1 || len(tr.Nodes()) != n {
				t.Errorf("%s has %d links", tr.name, n)
			}
		}
	})
}
