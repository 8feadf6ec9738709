// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"encoding/binary"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/banyan-go/banyan/internal/needs"
)

func TestFormat(t *testing.T) {
	cyclic := List{nil}
	cyclic[0] = cyclic
	for _, c := range []struct {
		v     any
		style Style
		want  string
	}{
		{Tuple{Atom("ok"), "text", List{104, 105}}, 0, "{ok,<<116,101,120,116>>,[104,105]}"},
		{Tuple{Atom("ok"), "text", List{104, 105}}, Strings, `{ok,<<"text">>,"hi"}`},
		{nil, 0, "nil"}, {true, 0, "true"}, {int8(-3), 0, "-3"}, {uint64(math.MaxUint64), 0, "18446744073709551615"},
		{small{1, "x"}, Strings, `#{'__struct__' => 'etf.small',a => 1,b => <<"x">>}`},
		{&flat{1, "n", nil}, Strings, `{flat,1,<<"n">>,<<>>}`},
		{stranger{}, 0, "#Go<etf.stranger>"}, {make(chan int), 0, "#Go<chan int>"}, {math.Inf(1), 0, "+Inf"},
		{PID{Node: "n@h", ID: 1, Serial: 2, Creation: 3}, 0, "<n@h.1.2/3>"},
		{Reference{Node: "n@h", Creation: 3, Len: 1, Words: [5]uint32{7}}, 0, "#Ref<n@h/3.7>"},
		{Port{Node: "n@h", ID: 5, Creation: 3}, 0, "#Port<n@h.5/3>"},
		{Fun{Module: "My mod", OldIndex: 4, OldUniq: 77}, 0, "#Fun<'My mod'.4.77>"},
		{ImproperList{[]any{1}, List{2}}, 0, "[1,2]"}, {ImproperList{nil, 2}, 0, "2"}, {Bitstring{[]byte{0xFF}, 9}, 0, "<<1:9>>"}, {Bitstring{nil, 3}, 0, "<<>>"},
	} {
		if got := c.style.Format(c.v); got != c.want {
			t.Errorf("%T: %s, want %s", c.v, got, c.want)
		}
	}
	if got := Format(cyclic); !strings.HasPrefix(got, "[[[[") || !strings.Contains(got, "...") {
		t.Errorf("a cyclic value: %.80s", got)
	}
	if got := Format(List{955, 'x'}); got != `"λx"` {
		t.Error(got)
	}
	if got := string(Strings.Append([]byte("= "), Atom("a b"))); got != "= 'a b'" {
		t.Error(got)
	}
}

// printErl writes each term in four ways.
const printErl = `
-module(print).
-export([main/1]).
main([In, Out]) ->
    {ok, Data} = file:read_file(In),
    ok = file:write_file(Out, [[text(F, T) || F <- ["~w", "~0p", "~tw", "~0tp"]] || T <- binary_to_term(Data)]),
    halt(0).
text(F, T) -> B = unicode:characters_to_binary(io_lib:format(F, [T])), [<<(byte_size(B)):32>>, B].
`

// formatTerms are what prints in the same way on every node.
func formatTerms() List {
	terms := List{Export{"lists", "map", 2}, Export{"A b", "c", 255}, ImproperList{[]any{Atom("a"), 97}, Atom("b")}, ImproperList{[]any{97}, []byte("x")}, Map{}, Tuple{},
		List{List{97}, List{}}, Map{{1.0, 1}, {1, 2}, {Atom("z"), List{97}}, {[]byte("k"), Map{{Tuple{}, Atom("b")}}}}, List{97, Atom("b")}, List{97, -1}, List{1 << 40}}
	for _, a := range strings.Fields("a aB a1 1a A _a a@b a.b a'b a\"b é aÉ Éa ÷a a× ß ÿ ø α aα \u0080 a\u00a0 😀 a\\b maybe else cond let when if try and band xor receive fun begin end") {
		terms = append(terms, Atom(a))
	}
	terms = append(terms, Atom(""), Atom("a b"), Atom("\n\r\t\v\b\f\x1b\x7f\x00\x1f"))
	for _, s := range []string{"abc", "a'b", `a"b\c`, "\n\r\t\v\b\f\x1b", "\x7f", "\x00", "\x01", "é", "naïve", "α", "aα😀", "\u0080", "\u00a0", "\ufffe", "\uffff", "\ue000", "\u2028", "\xc8\xc9", "\xff",
		"a\xc3", "\xce\xb1", "\xed\xa0\x80"} {
		l := List{}
		for _, r := range s {
			l = append(l, int(r))
		}
		terms = append(terms, []byte(s), l)
	}
	for c := range 0x180 {
		terms = append(terms, List{c}, []byte{byte(c)}, Atom(rune(c)))
	}
	for _, f := range []float64{0, math.Copysign(0, -1), 1, 0.1, 100, 1000, 1e5, 99999, 1e10, 123456789, 1e15, 1 << 53, 1<<53 - 1, -(1<<53 - 1), 1e-4, 1.23e-4, 0.001, 0.00123, 5e-324,
		math.MaxFloat64, 1e21, 1e22, 1e23, -2.5e-7, 123456.789, 9007199254740993, 4.35, 2.0 / 3} {
		terms = append(terms, f)
	}
	terms = append(terms, Bitstring{[]byte{0xE0}, 3}, Bitstring{[]byte{97, 98, 0x80}, 1}, new(big.Int).Lsh(big.NewInt(-3), 200))
	r := rand.New(rand.NewPCG(5, 6))
	for len(terms) < 2500 {
		if v := randomTerm(r, 3); printsEverywhere(v) {
			terms = append(terms, v)
		}
	}
	for range 500 {
		terms = append(terms, math.Ldexp(r.NormFloat64(), r.IntN(140)-70), math.Float64frombits(r.Uint64()>>2))
	}
	return terms
}

// printsEverywhere is false for what has an order or a number that the printing node makes up.
func printsEverywhere(t any) bool {
	all := func(l []any) bool {
		for _, t := range l {
			if !printsEverywhere(t) {
				return false
			}
		}
		return true
	}
	switch t := t.(type) {
	case PID, Reference, Port:
		return false
	case Export: // Erlang prints the UTF-8 bytes of its atoms one by one, and quotes at signs here only
		return !strings.ContainsFunc(string(t.Module+t.Function), func(r rune) bool { return r >= 0x80 || r == '@' })
	case Tuple:
		return all(t)
	case List:
		return all(t)
	case ImproperList:
		return all(t.Elems) && printsEverywhere(t.Tail)
	case Map:
		for _, p := range t {
			if !printsEverywhere(p.Key) || !printsEverywhere(p.Value) {
				return false
			}
		}
		return len(t) <= 32 // larger ones have no order in Erlang
	}
	return true
}

// A real Erlang prints thousands of terms as we do, in each style.
func TestFormatAgainstErlang(t *testing.T) {
	erl := needs.Erlang(t)
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	terms := formatTerms()
	data, err := Marshal(terms)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path("in"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path("print.erl"), []byte(printErl), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(filepath.Join(filepath.Dir(erl), "erlc"), "-o", dir, path("print.erl")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, c := range []struct {
		pc     string
		styles []Style
	}{
		{"latin1", []Style{0, Strings, Unicode, Strings | Unicode}},
		{"unicode", []Style{AllPrintable, Strings | AllPrintable, Unicode | AllPrintable, Strings | Unicode | AllPrintable}},
	} {
		cmd := exec.Command(erl, "-noshell", "-boot", "start_clean", "+pc", c.pc, "-pa", dir, "-run", "print", "main", path("in"), path("out"))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		out, err := os.ReadFile(path("out"))
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range terms {
			for _, style := range c.styles {
				n := binary.BigEndian.Uint32(out)
				want := string(out[4 : 4+n])
				out = out[4+n:]
				if got := style.Format(v); got != want {
					t.Errorf("style %d: %s, Erlang (+pc %s) prints %s", style, got, c.pc, want)
				}
			}
		}
	}
}
