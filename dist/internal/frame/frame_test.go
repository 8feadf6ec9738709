// SPDX-License-Identifier: Apache-2.0

package frame

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/banyan-go/banyan/etf"
)

// Both caches stay in step whatever is sent, with far more atoms than slots.
func TestCachesAgree(t *testing.T) {
	out, in := NewOutCache(), new(InCache)
	var got []etf.Atom
	long := etf.Atom(strings.Repeat("\u00e9", 255)) // 510 bytes: needs 16-bit lengths
	for i := range 20000 {
		atoms := []etf.Atom{}
		for j := range i % 7 {
			atoms = append(atoms, etf.Atom(fmt.Sprintf("atom%d", (i*31+j*977)%6000)))
		}
		if i%11 == 0 {
			atoms = append(atoms, "", "ok")
		}
		if i%500 == 1 {
			atoms = append(atoms, long)
		}
		atoms = slices.Compact(atoms)
		h := out.AppendHeader(nil, atoms)
		h = append(h, 99, 99)
		var n int
		var err error
		got, n, err = in.ParseHeader(h, got)
		if err != nil || n != len(h)-2 || !slices.Equal(got, atoms) {
			t.Fatalf("message %d: %v, %d of %d\n got %q\nwant %q", i, err, n, len(h)-2, got, atoms)
		}
	}
}

func TestManyAtomsInOneHeader(t *testing.T) {
	out, in := NewOutCache(), new(InCache)
	for round := range 20 {
		var atoms []etf.Atom
		for j := range 255 {
			atoms = append(atoms, etf.Atom(fmt.Sprintf("r%d_%d", round, j)))
		}
		for range 2 {
			h := out.AppendHeader(nil, atoms)
			got, n, err := in.ParseHeader(h, nil)
			if err != nil || n != len(h) || !slices.Equal(got, atoms) {
				t.Fatal(round, err)
			}
		}
	}
}

func TestBadHeaders(t *testing.T) {
	for name, h := range map[string][]byte{
		"empty":               {},
		"no flags":            {1},
		"no reference":        {1, 0},
		"empty slot":          {1, 0, 5},
		"no length":           {1, 8, 5},
		"atom cut":            {1, 8, 5, 3, 'a'},
		"long, length cut":    {1, 0x18, 5, 0},
		"bad UTF-8":           {1, 8, 5, 1, 0xFF},
		"second cut":          {2, 8, 0, 5, 1, 'a'},
		"256 characters long": append([]byte{1, 0x18, 5, 1, 0}, bytes.Repeat([]byte{'a'}, 256)...),
	} {
		if _, _, err := new(InCache).ParseHeader(h, nil); !errors.Is(err, ErrProtocol) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKnownAtomsDoNotAllocate(t *testing.T) {
	out, in := NewOutCache(), new(InCache)
	atoms := []etf.Atom{"a@127.0.0.1", "b@127.0.0.1", "", "$gen_cast", "refill"}
	in.ParseHeader(out.AppendHeader(nil, atoms), nil)
	buf, got := make([]byte, 0, 100), make([]etf.Atom, 0, 10)
	if n := testing.AllocsPerRun(100, func() {
		buf = out.AppendHeader(buf[:0], atoms)
		got, _, _ = in.ParseHeader(buf, got)
	}); n != 0 || len(got) != len(atoms) {
		t.Errorf("%v allocations", n)
	}
}

var small = Limits{MaxMessage: 10000, MaxTotal: 15000, MaxSequences: 3}

func TestAssembler(t *testing.T) {
	a := NewAssembler(small)
	step := func(m *Message, err error) *Message {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	if m := step(a.First(1, 3, []etf.Atom{"x"}, []byte("abc"))); m != nil {
		t.Fatal("whole too early")
	}
	if m := step(a.First(2, 1, nil, []byte("whole"))); m == nil || string(m.Data) != "whole" {
		t.Fatal("one fragment is a message")
	}
	step(a.First(3, 2, nil, []byte("other")))
	step(a.Next(1, 2, []byte("def")))
	if m := step(a.Next(3, 1, nil)); m == nil || string(m.Data) != "other" {
		t.Fatal("interleaved")
	}
	if m := step(a.Next(1, 1, []byte("g"))); m == nil || string(m.Data) != "abcdefg" || m.Atoms[0] != "x" {
		t.Fatal("first")
	}
	if n, b := a.Pending(); n != 0 || b != 0 {
		t.Fatal(n, b)
	}
}

func TestAssemblerRefuses(t *testing.T) {
	half := make([]byte, 6000)
	for name, f := range map[string]func(*Assembler) error{
		"2^60 fragments": func(a *Assembler) error { _, err := a.First(9, 1<<60, nil, half); return err },
		"no fragments":   func(a *Assembler) error { _, err := a.First(9, 0, nil, half); return err },
		"begins twice":   func(a *Assembler) error { _, err := a.First(1, 2, nil, half); return err },
		"unknown":        func(a *Assembler) error { _, err := a.Next(9, 1, half); return err },
		"wrong order":    func(a *Assembler) error { _, err := a.Next(1, 1, half); return err },
		"repeated":       func(a *Assembler) error { _, err := a.Next(1, 3, half); return err },
		"too large":      func(a *Assembler) error { _, err := a.Next(1, 2, half); return err },
		"too much": func(a *Assembler) error {
			a.First(2, 2, nil, half)
			_, err := a.First(3, 2, nil, half)
			return err
		},
		"too many": func(a *Assembler) error {
			a.First(2, 2, nil, nil)
			a.First(3, 2, nil, nil)
			_, err := a.First(4, 2, nil, nil)
			return err
		},
	} {
		a := NewAssembler(small)
		if _, err := a.First(1, 3, nil, half); err != nil {
			t.Fatal(err)
		}
		if err := f(a); !errors.Is(err, ErrProtocol) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What an announced size makes us reserve is bounded by what was received.
func TestAssemblerReserves(t *testing.T) {
	a := NewAssembler(Limits{MaxMessage: 128 << 20, MaxTotal: 128 << 20, MaxSequences: 10})
	if _, err := a.First(1, 500000, nil, make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	if c := cap(a.open[1].Data); c > 2*aheadOf*100 {
		t.Errorf("100 bytes received, %d reserved", c)
	}
}

// Messages of common size are reserved whole at once, as long as that is little for all together.
func TestAssemblerReservesFreely(t *testing.T) {
	a := NewAssembler(Limits{MaxMessage: 128 << 20, MaxTotal: 256 << 20, MaxSequences: 100})
	piece := make([]byte, PieceSize)
	reserved := 0
	for seq := range uint64(20) {
		if _, err := a.First(seq, 16, nil, piece); err != nil {
			t.Fatal(err)
		}
		reserved += cap(a.open[seq].Data) - len(a.open[seq].Data)
	}
	if cap(a.open[0].Data) < 1<<20 {
		t.Errorf("the first message of 1 MiB got %d", cap(a.open[0].Data))
	}
	if most := freely + 20*aheadOf*PieceSize; reserved != a.ahead || reserved > most {
		t.Errorf("%d reserved ahead, %d counted, %d at most", reserved, a.ahead, most)
	}
	for seq := range uint64(20) {
		for id := uint64(15); id > 0; id-- {
			m, err := a.Next(seq, id, piece)
			if err != nil || (m != nil) != (id == 1) {
				t.Fatal(m != nil, err)
			}
			if m != nil && len(m.Data) != 1<<20 {
				t.Fatal(len(m.Data))
			}
		}
	}
	if _, b := a.Pending(); b != 0 || a.ahead != 0 {
		t.Errorf("%d bytes pending, %d ahead", b, a.ahead)
	}
}

// It has the room that was asked for and can be written to.
func TestUncleared(t *testing.T) {
	for _, n := range []int{0, 1, 31, 100, 64 << 10, 3 << 20} {
		b := uncleared(n)
		if len(b) != 0 || cap(b) < n {
			t.Fatalf("%d: length %d, capacity %d", n, len(b), cap(b))
		}
		for i := range cap(b) {
			b = append(b, byte(i))
		}
		runtime.GC()
		for i, c := range b {
			if c != byte(i) {
				t.Fatalf("%d: byte %d is %d", n, i, c)
			}
		}
	}
}

func FuzzHeader(f *testing.F) {
	f.Add([]byte("\x04\xbf\xa8\x00\x7c\x0bb@127.0.0.1\xd9\x0ba@127.0.0.1\x1f\x05alias\xcc\x03yes"), []byte("\x02\x37\x00\x7c\xd9"))
	f.Fuzz(func(t *testing.T, one, two []byte) {
		in, out := new(InCache), NewOutCache()
		for _, h := range [][]byte{one, two} {
			atoms, n, err := in.ParseHeader(h, nil)
			if err != nil {
				return
			}
			if n > len(h) {
				t.Fatal("read past the end")
			}
			again, _, err := new(InCache).ParseHeader(NewOutCache().AppendHeader(nil, atoms), nil)
			if err != nil || !slices.Equal(again, atoms) {
				t.Fatal(err)
			}
			out.AppendHeader(nil, atoms)
		}
	})
}

func FuzzFragments(f *testing.F) {
	f.Add([]byte("\x83\x45\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00abc"),
		[]byte("\x83\x46\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01def"), []byte{})
	f.Fuzz(func(t *testing.T, one, two, three []byte) {
		a, in := NewAssembler(small), new(InCache)
		var got []byte
		for _, b := range [][]byte{one, two, three} {
			kind, seq, id, rest, err := Parse(b)
			if err != nil {
				return
			}
			var m *Message
			switch kind {
			case First:
				atoms, n, herr := in.ParseHeader(rest, nil)
				if herr != nil {
					return
				}
				m, err = a.First(seq, id, atoms, rest[n:])
			case Next:
				m, err = a.Next(seq, id, rest)
			}
			if err != nil {
				return
			}
			if m != nil {
				got = append(got, m.Data...)
			}
		}
		if len(got) > len(one)+len(two)+len(three) {
			t.Fatal("more came out than went in")
		}
	})
}
