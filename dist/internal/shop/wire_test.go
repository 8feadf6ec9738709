// SPDX-License-Identifier: Apache-2.0

package shop

import (
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	_ "github.com/banyan-go/banyan/dist" // knows how errors travel
	"github.com/banyan-go/banyan/etf"
	"github.com/banyan-go/banyan/internal/needs"
)

var update = flag.Bool("update", false, "write docs/wire.md anew")

const page = "../../../docs/wire.md"

// row is one value, and how it looks elsewhere.
type row struct {
	goType, tag    string
	erlang, elixir string
	note           string
	also           []any // terms that decode to the same
	unprintable    bool  // an Erlang prints it in a way of its own
	term           func() (any, error)
	decode         func(term any) (any, error)
	want           any
	wantAlso       any // if another than want
	same           func(got, want any) bool
}

// typed is a row for a value of type T.
func typed[T any](goType string, v T, erlang, elixir, note string, also ...any) row {
	return row{goType: goType, erlang: erlang, elixir: elixir, note: note, also: also, want: v, wantAlso: v, same: reflect.DeepEqual,
		term: func() (any, error) { return etf.TermOf(&v) },
		decode: func(term any) (any, error) {
			var got T
			err := etf.FromTerm(term, &got, nil)
			return got, err
		}}
}

// holder holds a struct with one field, F, and adds nothing to it.
type holder[T any] struct {
	Row T `etf:",tuple"`
}

// tagged is a row for the field F of v, which has a tag.
func tagged[T any](goType, tag string, v T, erlang, elixir, note string, also ...any) row {
	inner := func(t any, err error) (any, error) {
		if err != nil {
			return nil, err
		}
		return t.(etf.Tuple)[0].(etf.Tuple)[0], nil
	}
	banyan.RegisterType[holder[T]]("{}")
	return row{goType: goType, tag: tag, erlang: erlang, elixir: elixir, note: note, also: also, want: v, wantAlso: v, same: reflect.DeepEqual,
		term: func() (any, error) { return inner(etf.TermOf(holder[T]{v})) },
		decode: func(term any) (any, error) {
			var got holder[T]
			err := etf.FromTerm(etf.Tuple{etf.Tuple{term}}, &got, nil)
			return got.Row, err
		}}
}

// roughly says that what the row takes besides stands for another value.
func (r row) roughly(v any) row { r.wantAlso = v; return r }

// opaque says that every node prints it in its own way.
func (r row) opaque() row { r.unprintable = true; return r }

// sameError compares texts, and asks whether the error is another as well.
func (r row) sameError(is error) row {
	r.same = func(got, want any) bool {
		g, ok := got.(error)
		return ok && g.Error() == want.(error).Error() && (is == nil || errors.Is(g, is))
	}
	return r
}

func (r row) name() string { return r.goType + " " + r.tag }

// decodes decodes a term and wants the row's value.
func (r row) decodes(t *testing.T, term, want any, from string) {
	t.Helper()
	if got, err := r.decode(term); err != nil || !r.same(got, want) {
		t.Errorf("%s: %s of %s became %+v, want %+v (%v)", r.name(), etf.Format(term), from, got, want, err)
	}
}

func TestMain(m *testing.M) {
	register()
	os.Exit(m.Run())
}

// Every row encodes to the term that it shows, and that decodes to the value.
func TestWireTable(t *testing.T) {
	for _, s := range table {
		for _, r := range s.rows {
			term, err := r.term()
			if err != nil {
				t.Errorf("%s: %v", r.name(), err)
				continue
			}
			if got := etf.Format(term); got != r.erlang {
				t.Errorf("%s is %s, not %s", r.name(), got, r.erlang)
			}
			r.decodes(t, term, r.want, "Go")
			for _, also := range r.also {
				r.decodes(t, also, r.wantAlso, "the table")
			}
		}
	}
}

// The page is what the table gives.
func TestWirePage(t *testing.T) {
	var b strings.Builder
	b.WriteString(`# Go values on the wire

How Go types become Erlang's terms and Elixir's, and come back. This page is made from a table of values that tests encode, give
to a real Erlang and a real Elixir to print, read back from what those make of the text shown, and decode (` + "`dist/internal/shop.TestWireTable`,\n`dist/internal/shop.TestWireErlang`, `dist/internal/shop.TestWireElixir`" + `). The rules in full are in the documentation of package etf.

Tags are options of a field behind its key: ` + "`` F string `etf:\"key,charlist\"` ``" + `, or without a key ` + "`` `etf:\",charlist\"` ``" + `. What decoding takes besides
the form shown stands under "also". An error of decoding or encoding names the field: ` + "`shop.Order.Lines[3].Price: want integer, got atom free`" + `.
`)
	for _, s := range table {
		tags, also, notes := false, false, false
		for _, r := range s.rows {
			tags, also, notes = tags || r.tag != "", also || len(r.also) > 0, notes || r.note != ""
		}
		columns := func(goType, tag, erlang, elixir, others, note string) {
			cells := []string{goType}
			if tags {
				cells = append(cells, tag)
			}
			cells = append(cells, erlang, elixir)
			if also {
				cells = append(cells, others)
			}
			if notes {
				cells = append(cells, note)
			}
			b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
		}
		fmt.Fprintf(&b, "\n## %s\n\n", s.title)
		columns("Go", "tag", "Erlang", "Elixir", "also", "")
		columns("---", "---", "---", "---", "---", "---")
		for _, r := range s.rows {
			var others []string
			for _, v := range r.also {
				others = append(others, code(etf.Format(v)))
			}
			columns(code(r.goType), code(r.tag), code(r.erlang), code(r.elixir), strings.Join(others, " "), r.note)
		}
	}
	if *update {
		if err := os.WriteFile(page, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(page); err != nil || string(got) != b.String() {
		t.Errorf("docs/wire.md is not what the table gives (%v).\n\tMend: go test ./dist/internal/shop -update, and look at the difference.", err)
	}
}

// code is text as it stands, in a cell of a table.
func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + strings.ReplaceAll(s, "|", `\|`) + "`"
}

// exchange gives the terms of all rows to a program, framed, and reads framed answers from the file it writes: for each
// row what it prints, and the term that the text of the table is to it.
func exchange(t *testing.T, run func(in, out string) *exec.Cmd, text func(row) string, check func(r row, printed string, back any)) {
	t.Helper()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	var asked etf.List
	var rows []row
	for _, s := range table {
		for _, r := range s.rows {
			if r.unprintable {
				continue
			}
			term, err := r.term()
			if err != nil {
				t.Fatal(err)
			}
			asked, rows = append(asked, etf.Tuple{term, []byte(text(r))}), append(rows, r)
		}
	}
	data, err := etf.Marshal(asked)
	if err == nil {
		err = os.WriteFile(in, data, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	if said, err := run(in, out).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	if data, err = os.ReadFile(out); err != nil {
		t.Fatal(err)
	}
	next := func() []byte {
		n := binary.BigEndian.Uint32(data)
		b := data[4 : 4+n]
		data = data[4+n:]
		return b
	}
	for _, r := range rows {
		printed := string(next())
		back, _, err := etf.DecodeTerm(next(), etf.DefaultLimits())
		if err != nil {
			t.Fatalf("%s: %v", r.name(), err)
		}
		check(r, printed, back)
	}
	if len(data) != 0 {
		t.Errorf("%d bytes too many", len(data))
	}
}

// Erlang prints each row as the table has it, and what it reads in the table decodes to the value.
func TestWireErlang(t *testing.T) {
	erl := needs.Erlang(t)
	const script = `
		[In, Out] = init:get_plain_arguments(),
		{ok, Data} = file:read_file(In),
		Frame = fun(B) -> [<<(byte_size(B)):32>>, B] end,
		Read = fun(Text) ->
			{ok, Tokens, _} = erl_scan:string(unicode:characters_to_list([Text, $.])),
			{ok, Exprs} = erl_parse:parse_exprs(Tokens),
			{value, V, _} = erl_eval:exprs(Exprs, []),
			V end,
		F = try io_lib:format("~0ktp", [x]), "~0ktp" catch _:_ -> "~0tp" end, % from OTP 26 on maps print in any order but with k
		ok = file:write_file(Out, [[Frame(unicode:characters_to_binary(io_lib:format(F, [T]))), Frame(term_to_binary(Read(Text)))] || {T, Text} <- binary_to_term(Data)]),
		halt(0).`
	run := func(in, out string) *exec.Cmd {
		return exec.Command(erl, "-noshell", "-boot", "start_clean", "+pc", "unicode", "-eval", script, "-extra", in, out)
	}
	exchange(t, run, func(r row) string { return r.erlang }, func(r row, printed string, back any) {
		if printed != r.erlang {
			t.Errorf("%s: Erlang prints %s, not %s", r.name(), printed, r.erlang)
		}
		r.decodes(t, back, r.want, "Erlang")
	})
}

// newCharlist is how Elixir prints charlists from version 1.15 on.
var newCharlist = regexp.MustCompile(`~c"([^"]*)"`)

// The same with Elixir.
func TestWireElixir(t *testing.T) {
	elixir := needs.Elixir(t)
	const script = `
		defmodule Shop.Item do
			defstruct [:name, :price]
		end
		[in_file, out_file] = System.argv()
		frame = fn b -> [<<byte_size(b)::32>>, b] end
		rows = for {t, text} <- :erlang.binary_to_term(File.read!(in_file)) do
			{v, _} = Code.eval_string(text)
			[frame.(inspect(t, limit: :infinity, width: :infinity)), frame.(:erlang.term_to_binary(v))]
		end
		File.write!(out_file, rows)`
	run := func(in, out string) *exec.Cmd {
		cmd := exec.Command(elixir, "-e", script, in, out)
		cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
		return cmd
	}
	exchange(t, run, func(r row) string { return r.elixir }, func(r row, printed string, back any) {
		if printed = newCharlist.ReplaceAllString(printed, "'$1'"); printed != r.elixir {
			t.Errorf("%s: Elixir prints %s, not %s", r.name(), printed, r.elixir)
		}
		r.decodes(t, back, r.want, "Elixir")
	})
}

// A time keeps its nanoseconds on the way through Elixir, which counts microseconds and works with it as with any other.
func TestElixirKeepsNanoseconds(t *testing.T) {
	elixir := needs.Elixir(t)
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	at := time.Date(2024, 2, 29, 12, 30, 45, 123456789, time.UTC)
	data, err := etf.Marshal(at)
	if err == nil {
		err = os.WriteFile(in, data, 0o666)
	}
	if err != nil {
		t.Fatal(err)
	}
	const script = `
		[in_file, out_file] = System.argv()
		t = :erlang.binary_to_term(File.read!(in_file))
		%DateTime{} = t
		"2024-02-29T12:30:45.123456Z" = DateTime.to_iso8601(t)
		"~U[2024-02-29 12:30:45.123456Z]" = inspect(t)
		:eq = DateTime.compare(t, ~U[2024-02-29 12:30:45.123456Z])
		1 = DateTime.diff(t, ~U[2024-02-29 12:30:44.123456Z])
		~D[2024-02-29] = DateTime.to_date(t)
		east = %{~U[2024-02-29 14:30:45Z] | utc_offset: 3600, std_offset: 3600, time_zone: "Europe/Berlin", zone_abbr: "CEST"}
		File.write!(out_file, :erlang.term_to_binary({t, east, ~N[2024-02-29 12:30:45]}))`
	if said, err := exec.Command(elixir, "-e", script, in, out).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	if data, err = os.ReadFile(out); err != nil {
		t.Fatal(err)
	}
	var back [3]time.Time
	term, _, err := etf.DecodeTerm(data, etf.DefaultLimits())
	if err == nil {
		err = etf.FromTerm(etf.List(term.(etf.Tuple)), &back, nil)
	}
	if err != nil || back != [3]time.Time{at, whole, whole} {
		t.Errorf("%v (%v)", back, err)
	}
}
