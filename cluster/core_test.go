// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/cluster/internal/gossip"
)

var noon = time.Unix(1_000_000, 0)

func rec(instance uint64, inc, over Incarnation, s State) record {
	return record{name: "a@h", instance: instance, inc: inc, over: over, state: s, revision: uint32(s), weight: 1}
}

// view is the member of a@h as "instance state reach".
func view(c *core) string {
	m, ok := c.member("a@h")
	if !ok {
		return "-"
	}
	return fmt.Sprintf("%d %v %v", m.Instance, m.State, m.Reach)
}

func TestWhoIsTheMember(t *testing.T) {
	type step func(c *core)
	hear := func(r record) step { return func(c *core) { c.alive(r, "1.2.3.4:5", noon) } }
	silence := func(i uint64) step { return func(c *core) { c.silent("a@h", i, noon) } }
	goes := func(i uint64) step { return func(c *core) { c.left("a@h", i, noon) } }
	link := func(up bool) step { return func(c *core) { c.link("a@h", up, "", noon) } }
	relayed := func(c *core) { c.link("a@h", true, "c@h", noon) }
	listen := func(quiet, cut bool, via banyan.Atom) step {
		return func(c *core) { c.hear("a@h", quiet, cut, via, noon) }
	}
	for _, test := range []struct {
		name  string
		steps []step
		want  string
	}{
		{"nothing", nil, "-"},
		{"joining", []step{hear(rec(1, 10, 0, Joining))}, "1 joining reachable"},
		{"up", []step{hear(rec(1, 10, 0, Up))}, "1 up reachable"},
		{"an older record changes nothing", []step{hear(rec(1, 10, 0, Draining)), hear(rec(1, 10, 0, Up))}, "1 draining reachable"},
		{"left stays left", []step{hear(rec(1, 10, 0, Left)), hear(record{name: "a@h", instance: 1, inc: 10, state: Up, revision: 99})}, "1 left reachable"},
		{"left, it says", []step{hear(rec(1, 10, 0, Up)), goes(1)}, "1 left reachable"},
		{"it stays left", []step{hear(rec(1, 10, 0, Up)), silence(1), goes(1), hear(rec(1, 10, 0, Draining))}, "1 left reachable"},
		{"its successor does not go with it", []step{hear(rec(1, 10, 0, Up)), hear(rec(2, 20, 0, Up)), silence(1), goes(1)}, "2 up reachable"},
		{"a stranger goes", []step{goes(1)}, "-"},
		{"silent", []step{hear(rec(1, 10, 0, Up)), silence(1)}, "1 up unreachable"},
		{"heard again", []step{hear(rec(1, 10, 0, Up)), silence(1), hear(rec(1, 10, 0, Up))}, "1 up reachable"},
		{"link lost", []step{hear(rec(1, 10, 0, Up)), link(true), link(false)}, "1 up suspect"},
		{"link back", []step{hear(rec(1, 10, 0, Up)), link(false), link(true)}, "1 up reachable"},
		{"a link through another", []step{hear(rec(1, 10, 0, Up)), relayed, listen(false, false, "c@h")}, "1 up indirect"},
		{"nothing comes", []step{hear(rec(1, 10, 0, Up)), link(true), listen(true, false, "")}, "1 up suspect"},
		{"nothing comes, and others hear it", []step{hear(rec(1, 10, 0, Up)), link(true), listen(true, true, "")}, "1 up indirect"},
		{"that link is given up", []step{hear(rec(1, 10, 0, Up)), link(true), listen(true, true, ""), link(false)}, "1 up indirect"},
		{"a straight link takes the other's place", []step{hear(rec(1, 10, 0, Up)), relayed, link(false)}, "1 up indirect"},
		{"and is there", []step{hear(rec(1, 10, 0, Up)), relayed, link(false), link(true), listen(false, false, "")}, "1 up reachable"},
		{"it comes again", []step{hear(rec(1, 10, 0, Up)), link(true), listen(true, true, ""), listen(false, false, "")}, "1 up reachable"},
		{"others do not hear it any more", []step{hear(rec(1, 10, 0, Up)), relayed, link(false), listen(false, false, "")}, "1 up suspect"},
		{"the cut was the predecessor's", []step{hear(rec(1, 10, 0, Up)), link(true), listen(true, true, ""), link(false), hear(rec(2, 20, 10, Up))}, "2 up reachable"},
		{"cut, and then silent for all", []step{hear(rec(1, 10, 0, Up)), relayed, silence(1)}, "1 up unreachable"},
		{"link before the record", []step{link(true), hear(rec(1, 10, 0, Up))}, "1 up reachable"},
		{"a second one is no member", []step{hear(rec(1, 10, 0, Up)), hear(rec(2, 20, 0, Up))}, "1 up reachable"},
		{"whichever comes first", []step{hear(rec(2, 20, 0, Up)), hear(rec(1, 10, 0, Up))}, "1 up reachable"},
		{"a successor that is joining waits", []step{hear(rec(1, 10, 0, Up)), hear(rec(2, 20, 0, Joining))}, "1 up reachable"},
		{"a successor takes over at once", []step{hear(rec(1, 10, 0, Up)), hear(rec(2, 20, 10, Up))}, "2 up reachable"},
		{"whichever is heard first", []step{hear(rec(2, 20, 10, Up)), hear(rec(1, 10, 0, Up))}, "2 up reachable"},
		{"the lost link was the predecessor's", []step{hear(rec(1, 10, 0, Up)), link(true), link(false), hear(rec(2, 20, 10, Up))}, "2 up reachable"},
		{"a successor of a successor", []step{hear(rec(3, 30, 20, Up)), hear(rec(1, 10, 0, Up))}, "3 up reachable"},
		{"the predecessor does not come back", []step{hear(rec(1, 10, 0, Up)), hear(rec(2, 20, 10, Up)), silence(2), hear(rec(1, 10, 0, Up))}, "2 up unreachable"},
		{"heard before silent", []step{hear(rec(1, 10, 0, Up)), silence(1), hear(rec(2, 20, 0, Up))}, "2 up reachable"},
		{"left, then anew", []step{hear(rec(1, 10, 0, Left)), hear(rec(2, 20, 0, Joining))}, "2 joining reachable"},
		{"forgotten", []step{hear(rec(1, 10, 0, Up)), silence(1), func(c *core) { c.down("a@h", 10, noon) }}, "1 down unreachable"},
		{"expired", []step{hear(rec(1, 10, 0, Up)), silence(1), func(c *core) { c.expire(time.Hour, noon.Add(time.Hour)) }}, "-"},
		{"not expired", []step{hear(rec(1, 10, 0, Up)), func(c *core) { c.expire(time.Hour, noon.Add(time.Hour)) }}, "1 up reachable"},
	} {
		c := newCore("me@h")
		for _, s := range test.steps {
			s(c)
		}
		if got := view(c); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

// randomRecords are records that the instances of one name may say in their lives.
func randomRecords(r *rand.Rand) (list []record) {
	for i := range uint64(1 + r.IntN(5)) {
		inc := Incarnation(10 * (i + 1))
		x := record{name: "a@h", instance: i + 1, inc: inc, state: Joining, weight: 1}
		for x.state <= Left && r.IntN(5) > 0 {
			list = append(list, x)
			x.revision++
			if x.state++; x.state == Up && r.IntN(2) == 0 && inc > 10 {
				x.over = inc - 10*Incarnation(1+r.IntN(int(i)))
			}
			if x.state == Draining && r.IntN(3) == 0 {
				x.state = Up
				x.zone += "z"
			}
		}
	}
	return list
}

// Records are heard in any order, any number of times: all nodes come to the same members.
func TestMergeIsOrderFree(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1))
		list := randomRecords(r)
		var want []Member
		for round := range 4 {
			c := newCore("me@h")
			heard := append([]record(nil), list...)
			for range len(list) * round { // some twice
				heard = append(heard, list[r.IntN(len(list))])
			}
			r.Shuffle(len(heard), func(i, j int) { heard[i], heard[j] = heard[j], heard[i] })
			for _, x := range heard {
				c.alive(x, "addr", noon)
			}
			if round == 0 {
				want = c.members()
			} else if got := c.members(); !reflect.DeepEqual(got, want) {
				t.Fatalf("seed %d: %v in one order, %v in another", seed, want, got)
			}
		}
	}
}

// A reader of events who applies them to the snapshot has what the core has, after any history; and each event begins where the last
// one ended.
func TestEventsHaveNoGaps(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 2))
		c := newCore("me@h")
		seen := map[banyan.Atom]Member{}
		list := randomRecords(r)
		now := noon
		for range 60 {
			var events []Event
			now = now.Add(time.Minute)
			switch k := r.IntN(12); {
			case k < 5 && len(list) > 0:
				events = c.alive(list[r.IntN(len(list))], "addr", now)
			case k < 7:
				events = c.silent("a@h", uint64(1+r.IntN(5)), now)
			case k < 9:
				events = c.link("a@h", r.IntN(2) == 0, []banyan.Atom{"", "c@h"}[r.IntN(2)], now)
			case k < 10:
				events = c.left("a@h", uint64(1+r.IntN(5)), now)
			case k < 11:
				events = c.hear("a@h", r.IntN(2) == 0, r.IntN(2) == 0, []banyan.Atom{"", "c@h", "d@h"}[r.IntN(3)], now)
			default:
				events = c.expire(5*time.Minute, now)
			}
			for _, e := range events {
				if old, ok := seen["a@h"]; ok != (e.Was.Name != "") || (ok && !reflect.DeepEqual(old, e.Was)) {
					t.Fatalf("seed %d: %v tells of a change from %v, but it was %v", seed, e.Kind, e.Was, old)
				}
				if seen["a@h"] = e.Member; e.Kind == Forgotten {
					delete(seen, "a@h")
				}
			}
			is, ok := c.member("a@h")
			if old, has := seen["a@h"]; has != ok || (ok && !reflect.DeepEqual(is, old)) {
				t.Fatalf("seed %d: the events lead to %v, the core has %v", seed, old, is)
			}
		}
	}
}

// Whatever the instances of a name say, at most one of them is the member, and those that are over never are while another lives.
func TestALifeThatIsOverStaysOver(t *testing.T) {
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 3))
		c := newCore("me@h")
		over := Incarnation(0)
		list := randomRecords(r)
		for range 40 {
			if len(list) == 0 {
				break
			}
			x := list[r.IntN(len(list))]
			c.alive(x, "addr", noon)
			over = max(over, x.over)
			if m, _ := c.member("a@h"); !m.State.Over() && m.Incarnation <= over {
				t.Fatalf("seed %d: incarnation %d is %v, but all up to %d are gone", seed, m.Incarnation, m.State, over)
			}
		}
	}
}

func TestTooManyLives(t *testing.T) {
	c := newCore("me@h")
	for i := range uint64(100) {
		c.alive(rec(i+1, Incarnation(10*i+10), Incarnation(10*i), Up), "addr", noon)
		if n := len(c.names["a@h"].by); n > maxLives {
			t.Fatalf("%d lives are kept", n)
		}
	}
	if got := view(c); got != "100 up reachable" {
		t.Fatal(got)
	}
}

func TestRecordTravels(t *testing.T) {
	id := gossip.ID{Name: "a@h", Instance: 7}
	r := record{name: "a@h", instance: 7, inc: 3, over: 2, creation: 9, revision: 4, state: Draining, weight: 2.5, zone: "z", version: "v1", roles: []string{"io", ""}}
	got, err := decodeRecord(id, r.encode())
	if err != nil || !reflect.DeepEqual(got, r) {
		t.Fatal(got, err)
	}
	if got, err := decodeRecord(id, append(r.encode(), "of a later version"...)); err != nil || !reflect.DeepEqual(got, r) {
		t.Fatal(got, err)
	}
	for i := range r.encode() {
		if _, err := decodeRecord(id, r.encode()[:i]); err == nil {
			t.Fatalf("%d bytes of a record were taken for one", i)
		}
	}
}

func FuzzRecord(f *testing.F) {
	f.Add(rec(1, 3, 2, Up).encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decodeRecord(gossip.ID{Name: "a@h", Instance: 1}, b)
		if err != nil {
			return
		}
		again, err := decodeRecord(gossip.ID{Name: "a@h", Instance: 1}, r.encode())
		if err != nil || !reflect.DeepEqual(again, r) {
			t.Fatalf("%v became %v, %v", r, again, err)
		}
	})
}

func TestLoadTravels(t *testing.T) {
	for _, l := range []Load{{At: noon, Runnable: 3, Processors: 2, Memory: 1 << 40, Processes: 5, Queued: 1 << 30, Turns: 1e6}, {At: noon, Turns: -1}} {
		b := encodeLoad("a@h", 7, 9, l)
		name, instance, seq, got, last, ok := decodeLoad(b, noon)
		if !ok || last || name != "a@h" || instance != 7 || seq != 9 || got != l {
			t.Fatal(name, instance, seq, got, ok)
		}
		for i := range b {
			if _, _, _, _, _, ok := decodeLoad(b[:i], noon); ok {
				t.Fatalf("%d bytes of a report were taken for one", i)
			}
		}
	}
	name, instance, seq, _, last, ok := decodeLoad(goodbye("a@h", 7), noon)
	if !ok || !last || name != "a@h" || instance != 7 || seq < 9 {
		t.Fatal(name, instance, seq, last, ok)
	}
}
