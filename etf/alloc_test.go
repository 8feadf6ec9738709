// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"testing"
	"time"
)

type (
	forms struct {
		C string        `etf:",charlist"`
		A string        `etf:",atom"`
		D time.Duration `etf:",ms"`
	}
	maybes struct {
		N int       `etf:",nil"`
		S string    `etf:",omitempty"`
		L []int     `etf:",omitempty"`
		T time.Time `etf:",omitempty"`
	}
)

func init() {
	register[forms]("forms")
	register[maybes]("")
}

func allocs(t *testing.T, name string, want float64, f func()) {
	t.Helper()
	f()
	if got := testing.AllocsPerRun(200, f); got > want {
		t.Errorf("%s: %v allocations, want at most %v", name, got, want)
	}
}

func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	var table AtomTable
	var e Encoder
	buf := make([]byte, 0, 4096)
	encode := func(p any) func() {
		return func() {
			table.Reset()
			e.Reset(buf, &table)
			if err := e.Pointer(p); err != nil {
				t.Fatal(err)
			}
		}
	}
	f := &flat{ID: 1 << 40, Name: "a name", Data: []byte("some data")}
	lines := &[]line{{"a", 1}, {"b", 2}}
	allocs(t, "encode flat", 0, encode(f))
	allocs(t, "encode a slice of map structs", 0, encode(lines))
	allocs(t, "encode a slice of ints", 0, encode(&[]int{1, 2, 1000}))
	allocs(t, "encode strings", 0, encode(&[]string{"x", "y"}))
	allocs(t, "encode a refill", 0, encode(&refill{}))
	var generic any = Tuple{Atom("x"), 1, List{2.5, []byte("z")}, PID{}}
	allocs(t, "encode a generic term", 0, func() {
		e.Reset(buf, nil)
		if err := e.Term(generic); err != nil {
			t.Fatal(err)
		}
	})
	allocs(t, "encode a time", 0, encode(&noon))
	allocs(t, "encode strings in other forms", 0, encode(&forms{"text", "atom", 5}))
	allocs(t, "encode what is omitted", 0, encode(&maybes{}))
	var many [200]Atom
	for i := range many {
		many[i] = Atom(rune('a' + i))
	}
	allocs(t, "a table of 200 atoms", 0, func() {
		table.Reset()
		for _, a := range many {
			table.Index(a)
		}
	})

	var d Decoder
	decode := func(from, into any) func() {
		table.Reset()
		e.Reset(nil, &table)
		if err := e.Pointer(from); err != nil {
			t.Fatal(err)
		}
		data, atoms := e.Bytes(), append([]Atom(nil), table.Atoms()...)
		return func() {
			d.Reset(data, atoms, Limits{})
			if err := d.Into(into); err != nil {
				t.Fatal(err)
			}
		}
	}
	allocs(t, "decode flat", 2, decode(f, new(flat)))
	allocs(t, "decode flat with one string", 1, decode(&flat{Name: "x y"}, new(flat)))
	allocs(t, "decode line", 1, decode(&line{"sku", 5}, new(line)))
	allocs(t, "decode refill", 0, decode(&refill{}, new(refill)))
	allocs(t, "decode two lines", 3, decode(&[]line{{"aa", 1}, {"bb", 2}}, new([]line)))
	allocs(t, "decode a pid", 0, decode(&PID{Node: "n@h"}, new(PID)))
	allocs(t, "decode a time", 0, decode(&noon, new(time.Time)))
	allocs(t, "decode what is omitted", 0, decode(&maybes{N: 1}, new(maybes)))
	full := []byte{119, 2, 'o', 'k', 119, 2, 'o', 'k'}
	allocs(t, "decode an atom lately seen", 0, func() {
		d.Reset(full, nil, Limits{})
		for range 2 {
			if a, err := d.Atom(); err != nil || a != "ok" {
				t.Fatal(a, err)
			}
		}
		d.SetPos(0)
		if _, err := d.Term(); err != nil {
			t.Fatal(err)
		}
	})
	e.Reset(nil, nil)
	if err := e.Term(PID{Node: "n@h", ID: 7}); err != nil {
		t.Fatal(err)
	}
	pid := e.Bytes()
	allocs(t, "decode the pid of last time", 0, func() {
		d.Reset(pid, nil, Limits{})
		if p, err := d.Term(); err != nil || p != any(PID{Node: "n@h", ID: 7}) {
			t.Fatal(p, err)
		}
	})
}
