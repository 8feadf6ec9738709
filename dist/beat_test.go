// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
)

// Two friends that have nothing to say show life as often as they have promised; real traffic counts.
func TestBeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ta, tb, a, b, ab, ba := connected(t, newMemory(), noPoll)
		if err := ta.Beat(250 * time.Millisecond); err != nil {
			t.Fatal(err)
		}
		pass(10 * time.Second)
		if l := tb.Links()[0]; l.Beat != 0 || l.Silent < 9*time.Second {
			t.Fatalf("before the greeting: %+v", l)
		}
		ab.(banyan.Friend).Agreed(2)
		ba.(banyan.Friend).Agreed(2)
		pass(time.Second)
		for range 200 {
			pass(97 * time.Millisecond)
			if l := tb.Links()[0]; l.Beat != 250*time.Millisecond || l.Silent > l.Beat || l.Node != "a@h" || l.Creation != a.creation {
				t.Fatalf("b hears of a: %+v", l)
			}
			if l := ta.Links()[0]; l.Beat != 0 {
				t.Fatalf("b has promised nothing, and a believes %+v", l)
			}
		}
		say := func() uint64 {
			before := ta.Stats().BytesOut
			ab.Send(text(a.pid(1), b.pid(1), 1))
			b.next(t, "signal")
			pass(150 * time.Millisecond)
			return ta.Stats().BytesOut - before
		}
		say()
		if one, all := say(), uint64(0); true {
			for range 100 {
				all += say()
			}
			if all != 100*one {
				t.Errorf("100 messages are %d bytes, one is %d", all, one)
			}
		}
		sent := ta.Stats().BytesOut
		ta.Beat(0)
		pass(8 * time.Second)
		if l := tb.Links()[0]; l.Beat != 0 || ta.Stats().BytesOut-sent > 100 {
			t.Fatalf("beats go on after their end: %+v, %d bytes", l, ta.Stats().BytesOut-sent)
		}
	})
}

// A peer that is no friend, as an Erlang node, gets its ticks and nothing more: neither beats nor words.
func TestErlangNodesGetNoBeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		tb, b := begin(t, m, "b@h", noPoll)
		if err := tb.Beat(50 * time.Millisecond); err != nil {
			t.Fatal(err)
		}
		c := silent(t, m)
		up := b.next(t, "up")
		n := make(chan int, 1)
		go func() {
			got, _ := io.Copy(io.Discard, c)
			n <- int(got)
		}()
		up.peer.(banyan.Friend).Agreed(1) // a Banyan node of before
		pass(time.Minute)
		c.Close()
		if got := <-n; got > 5*tickSize {
			t.Errorf("an Erlang node got %d bytes in a minute", got)
		}
	})
}

// With more links each beats less often.
func TestBeatsOfManyLinks(t *testing.T) {
	tr := New(Config{})
	tr.beat.Store(int64(time.Second))
	for _, c := range []struct {
		links uint64
		want  time.Duration
	}{{1, time.Second}, {64, time.Second}, {99, 2 * time.Second}, {200, 4 * time.Second}, {1000, 16 * time.Second}} {
		tr.stats.links.Store(c.links)
		if got := tr.beating(); got != c.want {
			t.Errorf("%d links: every %v, want %v", c.links, got, c.want)
		}
	}
}
