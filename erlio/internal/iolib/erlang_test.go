// SPDX-License-Identifier: Apache-2.0

package iolib

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

	"github.com/banyan-go/banyan/etf"
	"github.com/banyan-go/banyan/internal/needs"
)

// evalErl evaluates pairs of a format and arguments.
const evalErl = `
-module(evalfmt).
-export([main/1]).
main([In, Out]) ->
    {ok, Data} = file:read_file(In),
    ok = file:write_file(Out, [text(F, As) || {F, As} <- binary_to_term(Data)]),
    halt(0).
text(F, As) ->
    try unicode:characters_to_binary(io_lib:format(F, As)) of
        B when is_binary(B) -> [<<(byte_size(B)):32>>, B];
        _ -> <<16#FFFFFFFF:32>>
    catch error:_ -> <<16#FFFFFFFF:32>>
    end.
`

type question struct {
	format any
	args   etf.List
}

// against asks a real Erlang and us, and compares: what is an error there is one here.
func against(t *testing.T, qs []question) {
	t.Helper()
	erl := needs.Erlang(t)
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	terms := etf.List{}
	for _, q := range qs {
		terms = append(terms, etf.Tuple{q.format, q.args})
	}
	data, err := etf.Marshal(terms)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path("in"), data, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path("evalfmt.erl"), []byte(evalErl), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(filepath.Join(filepath.Dir(erl), "erlc"), "-o", dir, path("evalfmt.erl")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, pc := range []string{"latin1", "unicode"} {
		cmd := exec.Command(erl, "-noshell", "-boot", "start_clean", "+pc", pc, "-pa", dir, "-run", "evalfmt", "main", path("in"), path("out"))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		out, err := os.ReadFile(path("out"))
		if err != nil {
			t.Fatal(err)
		}
		bad := 0
		for _, q := range qs {
			want, failed := "", true
			n := binary.BigEndian.Uint32(out)
			out = out[4:]
			if n != math.MaxUint32 {
				want, failed = string(out[:n]), false
				out = out[n:]
			}
			got, err := Format(q.format, q.args, Options{Latin1: pc == "latin1"})
			if failed != (err != nil) || got != want {
				if bad++; bad < 20 {
					t.Errorf("+pc %s: io_lib:format(%s, %s)\n%s\n%v\nwant (error: %v)\n%s", pc, etf.Format(q.format), etf.Format(q.args), got, err, failed, want)
				}
			}
		}
		if bad > 0 {
			t.Errorf("%d of %d differ", bad, len(qs))
		}
	}
}

func text(s string) etf.List {
	l := etf.List{}
	for _, r := range s {
		l = append(l, int(r))
	}
	return l
}

// Every directive with every kind of argument, width, precision, padding and modifier.
func TestDirectivesAgainstErlang(t *testing.T) {
	huge := new(big.Int).Lsh(big.NewInt(-1), 100)
	args := etf.List{0, 1, -1, 65, 255, 256, 0x3B1, 1 << 40, huge, 0.0, math.Copysign(0, -1), 1.0, -1.5, 0.1, 0.05, 0.0999999, 99999.5, 9.9999999, 1e10, 1e-10, 123456.789, 1e300, 5e-324,
		2.5, 0.125, 1234.5, 9999.5, 10000.0, -0.00012345,
		etf.Atom("abc"), etf.Atom("a b"), etf.Atom("αβ"), etf.Atom("é"), text("hello"), text("héllo"), text("αβγ"), text("e\u0301a\u0301x"), []byte("bytes"), []byte("αβ"), []byte{0xFF, 0xC3}, []byte{},
		etf.List{}, etf.List{etf.List{104, []byte("ey")}, etf.List{}, 33}, etf.ImproperList{Elems: []any{104}, Tail: []byte("i")}, etf.ImproperList{Elems: []any{104}, Tail: etf.Atom("x")},
		etf.List{etf.Atom("no"), 1}, etf.List{-1}, etf.List{0x110000}, etf.List{0xD800}, etf.Tuple{etf.Atom("ok"), 1}, etf.Map{{Key: 1, Value: etf.List{97}}}, etf.Bitstring{Bytes: []byte{0xE0}, Bits: 3}}
	r := rand.New(rand.NewPCG(3, 4))
	var qs []question
	for _, letter := range strings.Split("c s w p b B + # e f g i", " ") {
		for _, mod := range []string{"", "t", "l", "tl"} {
			for _, field := range []string{"", "0", "3", "10", "-10", "2", "1", "10.3", "-10.3", "5.5", "3.10", ".3", ".0", ".1", "10.3.*x", "8..0", "-8..x", "8.2._", "16", ".16", "12.16", ".36", ".37", "30.20", "100", ".2"} {
				for _, a := range args {
					q := question{text("<~" + strings.Replace(field, "*x", "*", 1) + mod + letter + ">"), etf.List{a}}
					if strings.Contains(field, "*x") {
						q.args = etf.List{int('+'), a}
					}
					if field == "" || r.IntN(10) == 0 {
						qs = append(qs, q)
					}
				}
			}
		}
	}
	against(t, qs)
}

func TestFormatsAgainstErlang(t *testing.T) {
	one := etf.List{1}
	var qs []question
	for _, c := range []question{
		{text("plain"), etf.List{}}, {etf.Atom("atom"), etf.List{}}, {[]byte("binary \xe9 ~p"), one}, {text("ünï ~p"), one}, {text("αβ ~p"), one}, {etf.List{text("deep"), 32, []byte("x")}, etf.List{}},
		{text("~~ ~3~ ~5.2~ ~n~2n~0n."), etf.List{}}, {text("~-2n"), etf.List{}}, {text("~"), etf.List{}}, {text("~10"), etf.List{}}, {text("~q"), one}, {text("~p"), etf.List{}}, {text("~p"), etf.List{1, 2}},
		{text(""), one}, {text("~i~p"), etf.List{1, 2}}, {text("~*p|~*.*s|~-*s"), etf.List{10, 1, 10, 3, text("hello"), 8, text("ab")}}, {text("~*s"), etf.List{-8, text("ab")}}, {text("~*s"), etf.List{etf.Atom("x"), text("ab")}},
		{text("~-s"), one}, {text("~-p"), one}, {text("~-10p"), one}, {text("~.16.0b|~8.16.0b|~8.2.0b"), etf.List{255, 255, 5}}, {text("~x ~X"), etf.List{31, text("0x"), -31, text("16#")}},
		{text("~10.16x"), etf.List{255, etf.Atom("h")}}, {text("~x"), etf.List{31, 1}}, {text("~x"), etf.List{31, []byte("0x")}}, {text("~10.16+|~.16#"), etf.List{255, -255}}, {text("~P ~W"), etf.List{etf.List{1, 2, 3}, 2, etf.List{1, 2, 3}, 2}},
		{text("~P"), etf.List{1, etf.Atom("x")}}, {text("~20p|~40.5p"), etf.List{text("abc"), etf.Tuple{etf.Atom("tag"), text("long enough to be broken"), 1, 2, 3}}},
		{text("~3w~3.2w~-8w|~8w|~8.4w"), etf.List{12345, 12345, 12345, 12345, 12345}}, {text("head:\t~p\n~p"), etf.List{longTuple(), longTuple()}}, {text("αβγ ~tp"), etf.List{longTuple()}},
		{text("~c~tc~5c~-5.2c|~5.2.*c"), etf.List{65, 0x3B1, 66, 67, int('.'), 68}}, {text("~c"), etf.List{-1}}, {text("~tc"), etf.List{-1}}, {text("~tc"), etf.List{0xD800}}, {text("~c"), etf.List{0x141}},
		{text("~s ~ts"), etf.List{[]byte("é"), []byte("é")}}, {text("~ts"), etf.List{etf.List{0x1F600, []byte("α")}}}, {text("~s"), etf.List{etf.List{0x3B1}}}, {text("~5ts|~-5ts|~.2ts"), etf.List{[]byte("αβ"), []byte("αβ"), []byte("αβγ")}},
		{text("~tlp ~lp ~ltp"), etf.List{text("abc"), text("abc"), text("abc")}}, {[]byte("~p\xff~p"), etf.List{1, 2}}, {1, etf.List{}}, {etf.Tuple{}, etf.List{}},
	} {
		qs = append(qs, c)
	}
	against(t, qs)
}

func longTuple() any {
	l := etf.Tuple{etf.Atom("a_tag")}
	for i := range 30 {
		l = append(l, i*1000)
	}
	return l
}

// Random terms, made to be broken over lines, printed with random widths, columns and depths.
func TestLayoutAgainstErlang(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 7))
	var qs []question
	for i := range 3000 {
		v := randomTerm(r, 1+r.IntN(6))
		switch i % 6 {
		case 0, 1, 2:
			qs = append(qs, question{text("~p"), etf.List{v}})
		case 3:
			qs = append(qs, question{text(strings.Repeat("x", r.IntN(100)) + "~tp ~p"), etf.List{v, v}})
		case 4:
			qs = append(qs, question{text("~*.*p"), etf.List{r.IntN(120), 1 + r.IntN(60), v}})
		default:
			d := r.IntN(20)
			qs = append(qs, question{text("~P|~tP|~W"), etf.List{v, d, v, d, v, d}})
		}
	}
	against(t, qs)
}

func randomTerm(r *rand.Rand, depth int) any {
	n := r.IntN(5)
	if r.IntN(6) == 0 {
		n = r.IntN(30)
	}
	kind := r.IntN(14)
	if depth <= 0 {
		kind = r.IntN(9)
	}
	atoms := []etf.Atom{"a", "ok", "error", "a_long_tag_to_indent_by", "some_atom", "undefined", "Quoted one", "é", "αβγ", "an_atom_of_quite_a_length_that_needs_room_on_its_line"}
	switch kind {
	case 0:
		return r.IntN(100)
	case 1:
		return int(r.Int64())
	case 2:
		return math.Ldexp(float64(r.IntN(1000)), r.IntN(20)-10)
	case 3, 4:
		return atoms[r.IntN(len(atoms))]
	case 5:
		return text(strings.Repeat("some text ", n))
	case 6:
		b := make([]byte, n*n)
		for i := range b {
			b[i] = byte(r.IntN(256))
		}
		if len(b) > 0 && r.IntN(4) == 0 {
			b[len(b)-1] &= 0xE0
			return etf.Bitstring{Bytes: b, Bits: 3}
		}
		return b
	case 7:
		return []byte(strings.Repeat("binary text ", n) + []string{"", "α", "\x00", "~é"}[r.IntN(4)])
	case 8:
		return text(strings.Repeat("αβ", n))
	case 9, 10:
		l := etf.Tuple{}
		for i := range n {
			if i == 0 && r.IntN(3) > 0 {
				l = append(l, atoms[r.IntN(len(atoms))])
				continue
			}
			l = append(l, randomTerm(r, depth-1))
		}
		return l
	case 11:
		m := etf.Map{}
		seen := map[any]bool{}
		for range n {
			var k any = atoms[r.IntN(len(atoms))]
			if r.IntN(2) == 0 {
				k = r.IntN(1000)
			}
			if !seen[k] {
				seen[k] = true
				m = append(m, etf.Pair{Key: k, Value: randomTerm(r, depth-1)})
			}
		}
		if r.IntN(3) == 0 {
			m = append(m, etf.Pair{Key: etf.Tuple{etf.Atom("key"), randomTerm(r, depth-1)}, Value: 1})
		}
		return m
	}
	l := etf.List{}
	for range n {
		l = append(l, randomTerm(r, depth-1))
	}
	if len(l) > 0 && r.IntN(8) == 0 {
		tail := randomTerm(r, depth-1)
		if _, isList := tail.(etf.List); !isList {
			if _, isList := tail.(etf.ImproperList); !isList {
				return etf.ImproperList{Elems: l, Tail: tail}
			}
		}
	}
	return l
}
