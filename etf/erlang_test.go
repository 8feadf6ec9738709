// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// echo.erl reads terms with a length before each, and writes each as OTP encodes it. It then writes the order of the
// distinct terms: the list of their places, sorted.
const echoErl = `
-module(echo).
-export([main/1]).
main([In, Out]) ->
    {ok, Data} = file:read_file(In),
    Terms = read(Data),
    Back = [frame(T) || T <- Terms],
    Sorted = lists:keysort(1, lists:zip(Terms, lists:seq(1, length(Terms)))),
    ok = file:write_file(Out, [Back, frame([N || {_, N} <- Sorted])]),
    halt(0).
read(<<>>) -> [];
read(<<N:32, T:N/binary, Rest/binary>>) -> [binary_to_term(T) | read(Rest)].
frame(T) -> B = term_to_binary(T, [{minor_version, 2}]), [<<(byte_size(B)):32>>, B].
`

// Terms go to a real Erlang and come back the same, and both sort them alike.
func TestAgainstErlang(t *testing.T) {
	erl, err := exec.LookPath("erl")
	erlc, err2 := exec.LookPath("erlc")
	if err != nil || err2 != nil {
		if os.Getenv("BANYAN_REQUIRE") == "all" {
			t.Fatal("BANYAN_REQUIRE=all, and there is no erl or erlc")
		}
		t.Skip("NO ERLANG HERE: erl or erlc is not installed, so the format was only checked against recorded vectors")
	}
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(path("echo.erl"), []byte(echoErl), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(erlc, "-o", dir, path("echo.erl")).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	r := rand.New(rand.NewPCG(3, 4))
	var terms []any
	var in []byte
	for range 500 {
		v := randomTerm(r, 3)
		data, err := Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		in = append(binary.BigEndian.AppendUint32(in, uint32(len(data))), data...)
		terms = append(terms, v)
	}
	if err := os.WriteFile(path("in"), in, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(erl, "-noshell", "-boot", "start_clean", "-pa", dir, "-run", "echo", "main", path("in"), path("out"))
	// echo:main takes a list of strings, which is what -run passes.
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := os.ReadFile(path("out"))
	if err != nil {
		t.Fatal(err)
	}
	next := func() []byte {
		n := binary.BigEndian.Uint32(out)
		b := out[4 : 4+n]
		out = out[4+n:]
		return b
	}
	for _, want := range terms {
		data := next()
		got, _, err := DecodeTerm(data, Limits{})
		if err != nil || !Equal(got, want) {
			t.Fatalf("%v came back as %v (%v)", want, got, err)
		}
		if again, err := Marshal(got); err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%v: %X, Erlang writes %X (%v)", want, again, data, err)
		}
	}
	var order []int
	if err := Unmarshal(next(), &order); err != nil || len(order) != len(terms) {
		t.Fatal(len(order), err)
	}
	for i := 1; i < len(order); i++ {
		if a, b := terms[order[i-1]-1], terms[order[i]-1]; Compare(a, b) > 0 {
			t.Errorf("Erlang has %v before %v", a, b)
		}
	}
}
