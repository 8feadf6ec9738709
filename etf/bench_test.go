// SPDX-License-Identifier: Apache-2.0

package etf

import "testing"

var benchFlat = &flat{ID: 123456, Name: "a name of some length", Data: make([]byte, 64)}

func BenchmarkEncodeFlat(b *testing.B) {
	var e Encoder
	var table AtomTable
	buf := make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		table.Reset()
		e.Reset(buf, &table)
		if err := e.Pointer(benchFlat); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(e.Bytes())))
}

func BenchmarkDecodeFlat(b *testing.B) {
	var e Encoder
	var table AtomTable
	e.Reset(nil, &table)
	if err := e.Pointer(benchFlat); err != nil {
		b.Fatal(err)
	}
	var d Decoder
	var into flat
	b.SetBytes(int64(len(e.Bytes())))
	b.ReportAllocs()
	for b.Loop() {
		d.Reset(e.Bytes(), table.Atoms(), Limits{})
		if err := d.Into(&into); err != nil {
			b.Fatal(err)
		}
	}
}

var benchLines = func() (l []line) {
	for range 100 {
		l = append(l, line{"a-stock-keeping-unit", 5})
	}
	return l
}()

func BenchmarkEncode100MapStructs(b *testing.B) {
	var e Encoder
	var table AtomTable
	buf := make([]byte, 0, 64<<10)
	b.ReportAllocs()
	for b.Loop() {
		table.Reset()
		e.Reset(buf, &table)
		if err := e.Pointer(&benchLines); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode100MapStructs(b *testing.B) {
	var e Encoder
	var table AtomTable
	e.Reset(nil, &table)
	if err := e.Pointer(&benchLines); err != nil {
		b.Fatal(err)
	}
	var d Decoder
	var into []line
	b.ReportAllocs()
	for b.Loop() {
		d.Reset(e.Bytes(), table.Atoms(), Limits{})
		if err := d.Into(&into); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeGeneric(b *testing.B) {
	data, err := Marshal(Tuple{Atom("flat"), 123456, []byte("a name of some length"), make([]byte, 64), List{Atom("ok"), 1.5}})
	if err != nil {
		b.Fatal(err)
	}
	var d Decoder
	b.ReportAllocs()
	for b.Loop() {
		d.Reset(data[1:], nil, Limits{})
		if _, err := d.Term(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAtomTable(b *testing.B) {
	atoms := []Atom{"a@host", "take", "reply", "ok"}
	var table AtomTable
	for b.Loop() {
		table.Reset()
		for range 2 {
			for _, a := range atoms {
				table.Index(a)
			}
		}
	}
}
