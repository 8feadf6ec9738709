// SPDX-License-Identifier: Apache-2.0

package shop

import (
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// The types of the page. Their fields have no tags but those that the page shows.
type (
	Take struct {
		SKU string
		N   int
	}
	Stop    struct{}
	Address struct {
		Street  string
		ZipCode int
	}
	Item struct {
		Name  string
		Price *int
	}
	Point   struct{ X, Y int }
	Limits  struct{ Max int }
	Options struct {
		Debug bool
		Level int
	}
	Plain struct{ X int } // not registered
)

var ErrOut = errors.New("out of stock")

func register() {
	banyan.RegisterType[Take]("take")
	banyan.RegisterType[Stop]("stop")
	banyan.RegisterType[Address]()
	banyan.RegisterType[Item]("%Shop.Item")
	banyan.RegisterType[Point]("{}")
	banyan.RegisterType[Limits]("#{}")
	banyan.RegisterType[Options]("[]")
	banyan.RegisterError("shop.out", ErrOut)
}

var (
	noon  = time.Date(2024, 2, 29, 12, 30, 45, 123456000, time.UTC)
	whole = noon.Truncate(time.Second)
	milli = noon.Truncate(time.Millisecond)
	price = 5
	text  = "tea"
)

func atom(a string) any { return etf.Atom(a) }

// section is a part of the page.
type section struct {
	title string
	rows  []row
}

// table is the page.
var table = []section{
	{"Numbers, atoms, binaries", []row{
		typed("bool", true, "true", "true", ""),
		typed("int, int8 ... uint64", 42, "42", "42", "the range is checked"),
		typed("*big.Int", new(big.Int).Lsh(big.NewInt(1), 70), "1180591620717411303424", "1180591620717411303424", ""),
		typed("float32, float64", 2.0, "2.0", "2.0", "NaN and infinities are errors", 2),
		typed("string", "tea", `<<"tea">>`, `"tea"`, "bytes go as they are; UTF-8 by custom", etf.List{116, 101, 97}),
		typed("string", "θ", `<<"θ"/utf8>>`, `"θ"`, "", etf.List{952}),
		tagged("string", "charlist", struct {
			F string `etf:",charlist"`
		}{"tea"}, `"tea"`, `'tea'`, "what Erlang calls a string", "tea"),
		tagged("string", "atom", struct {
			F string `etf:",atom"`
		}{"tea"}, "tea", ":tea", "", "tea"),
		typed("etf.Atom", etf.Atom("Big tea"), "'Big tea'", `:"Big tea"`, "nil, true and false are atoms"),
		typed("[]byte, [2]byte", []byte{1, 2}, "<<1,2>>", "<<1, 2>>", ""),
		typed("etf.Bitstring", etf.Bitstring{Bytes: []byte{0xA0}, Bits: 3}, "<<5:3>>", "<<5::size(3)>>", ""),
		tagged("netip.Addr, UUIDs ...", "text", struct {
			F netip.Addr `etf:",text"`
		}{netip.MustParseAddr("10.0.0.1")}, `<<"10.0.0.1">>`, `"10.0.0.1"`, "any encoding.TextMarshaler"),
	}},
	{"Lists, tuples, maps", []row{
		typed("[]T, [2]T", []int{1, 2, 3}, "[1,2,3]", "[1, 2, 3]", "nil is []"),
		tagged("[2]T", "tuple", struct {
			F [2]int `etf:",tuple"`
		}{[2]int{1, 2}}, "{1,2}", "{1, 2}", ""),
		typed("map[K]V", map[string]int{"a": 1}, `#{<<"a">> => 1}`, `%{"a" => 1}`, "nil is an empty map"),
		typed("map[etf.Atom]V", map[etf.Atom]int{"a": 1}, "#{a => 1}", "%{a: 1}", ""),
		typed("map[[2]int]V", map[[2]int]bool{{1, 1000}: true}, "#{[1,1000] => true}", "%{[1, 1000] => true}", "keys of any type that Go can compare"),
		tagged("map[string]V", "keyword", struct {
			F map[string]int `etf:",keyword"`
		}{map[string]int{"a": 1, "b": 2}}, "[{a,1},{b,2}]", "[a: 1, b: 2]", "the first of equal keys counts", etf.List{etf.Tuple{atom("a"), 1}, etf.Tuple{atom("b"), 2}, etf.Tuple{atom("a"), 3}}),
		typed("etf.List, []any", etf.List{1, atom("a"), []byte("b")}, `[1,a,<<"b">>]`, `[1, :a, "b"]`, "any terms"),
		typed("etf.ImproperList", etf.ImproperList{Elems: []any{atom("a"), atom("b")}, Tail: atom("c")}, "[a,b|c]", "[:a, :b | :c]", ""),
		typed("etf.Tuple", etf.Tuple{atom("ok"), 1}, "{ok,1}", "{:ok, 1}", ""),
		typed("etf.Map", etf.Map{{Key: etf.Tuple{1, 2}, Value: etf.List{}}}, "#{{1,2} => []}", "%{{1, 2} => []}", "keys that Go cannot compare"),
		typed[any]("any", etf.List{[]byte("tea"), 7, nilAtom}, `[<<"tea">>,7,nil]`, `["tea", 7, nil]`, "holds terms: a string comes back as []byte"),
	}},
	{"What may be missing", []row{
		typed("*T", (*string)(nil), "nil", "nil", "", atom("undefined")),
		typed("*T", &text, `<<"tea">>`, `"tea"`, ""),
		tagged("*T", "undefined", struct {
			F *string `etf:",undefined"`
		}{}, "undefined", ":undefined", "as in records", nilAtom),
		tagged("T", "nil", struct {
			F string `etf:",nil"`
		}{}, "nil", "nil", "for the zero value", atom("undefined")),
		tagged("struct{ A, B int }", "omitempty on B, map", struct {
			F struct {
				A int
				B int `etf:",omitempty"`
			} `etf:",map"`
		}{}, "#{a => 0}", "%{a: 0}", "the key is left out", etf.Map{{Key: atom("b"), Value: atom("nil")}}, etf.Map{}),
	}},
	{"Structs by their registered name", []row{
		typed(`"take": Take{"tea", 2}`, Take{"tea", 2}, `{take,<<"tea">>,2}`, `{:take, "tea", 2}`, "a record"),
		typed(`"stop": Stop{}`, Stop{}, "stop", ":stop", "no fields"),
		typed(`no name: Address{"Quay", 7}`, Address{"Quay", 7}, `#{'__struct__' => 'shop.Address',street => <<"Quay">>,zip_code => 7}`,
			`%{__struct__: :"shop.Address", street: "Quay", zip_code: 7}`, "fields may be added in a rolling upgrade",
			etf.Map{{Key: atom("zip_code"), Value: 7}, {Key: atom("new"), Value: 1}, {Key: atom("street"), Value: "Quay"}}),
		typed(`"%Shop.Item": Item{"tea", nil}`, Item{"tea", nil}, `#{'__struct__' => 'Elixir.Shop.Item',name => <<"tea">>,price => nil}`,
			`%Shop.Item{name: "tea", price: nil}`, "Elixir's struct"),
		typed[any]("any, holding that", Item{"tea", &price}, `#{'__struct__' => 'Elixir.Shop.Item',name => <<"tea">>,price => 5}`,
			`%Shop.Item{name: "tea", price: 5}`, "comes back as the Go type"),
		typed(`"{}": Point{1, 2}`, Point{1, 2}, "{1,2}", "{1, 2}", ""),
		typed(`"#{}": Limits{5}`, Limits{5}, "#{max => 5}", "%{max: 5}", ""),
		typed(`"[]": Options{true, 3}`, Options{true, 3}, "[{debug,true},{level,3}]", "[debug: true, level: 3]", "", etf.List{atom("debug"), etf.Tuple{atom("level"), 3}}),
		tagged("Plain{1}", "record=rec", struct {
			F Plain `etf:",record=rec"`
		}{Plain{1}}, "{rec,1}", "{:rec, 1}", "registered or not; also tuple, map, keyword"),
	}},
	{"Times", []row{
		typed("time.Time", noon, erlangNoon, "~U[2024-02-29 12:30:45.123456Z]", "in UTC; nanoseconds in a key `nanosecond` more",
			etf.Tuple{etf.Tuple{2024, 2, 29}, etf.Tuple{12, 30, 45}}).roughly(whole),
		typed("time.Time", time.Time{}, "nil", "nil", "the zero Time", atom("undefined")),
		tagged("time.Time", "datetime", struct {
			F time.Time `etf:",datetime"`
		}{whole}, "{{2024,2,29},{12,30,45}}", "{{2024, 2, 29}, {12, 30, 45}}", "calendar:datetime(), UTC", whole),
		tagged("time.Time", "unix_ms", struct {
			F time.Time `etf:",unix_ms"`
		}{milli}, "1709209845123", "1709209845123", "erlang:system_time(millisecond); also unix, unix_us, unix_ns", milli),
		typed("time.Duration", 1500*time.Millisecond, "1500000000", "1500000000", "nanoseconds"),
		tagged("time.Duration", "ms", struct {
			F time.Duration `etf:",ms"`
		}{1500 * time.Millisecond}, "1500", "1500", "also s, us"),
	}},
	{"Errors", []row{
		typed[error]("error", nil, "nil", "nil", "", atom("ok"), atom("undefined")),
		typed("error", ErrOut, "{error,'shop.out'}", `{:error, :"shop.out"}`, `RegisterError("shop.out", ErrOut)`),
		typed("error", fmt.Errorf("tea: %w", ErrOut), `{error,{'shop.out',<<"tea: out of stock">>}}`, `{:error, {:"shop.out", "tea: out of stock"}}`, "errors.Is(err, ErrOut) holds").sameError(ErrOut),
		typed("error", errors.New("torn"), `{error,{go_error,<<"torn">>}}`, `{:error, {:go_error, "torn"}}`, "not registered").sameError(nil),
		typed("error", banyan.ErrNoProcess, "{error,noproc}", "{:error, :noproc}", "one of the runtime"),
		typed[error]("error", &banyan.TermError{Term: atom("enoent")}, "{error,enoent}", "{:error, :enoent}", "a reason of Erlang's own"),
	}},
	{"Processes and functions", []row{
		typed("banyan.PID, Ref[S]", banyan.PID{Node: "n@h", ID: 100, Serial: 2, Creation: 3}, "<n@h.100.2/3>", "#PID<9000.100.2>", "Erlang prints `<9000.100.2>`").opaque(),
		typed("banyan.Reference", banyan.Reference{Node: "n@h", Creation: 3, Len: 3, Words: [5]uint32{1, 2, 3}}, "#Ref<n@h/3.1.2.3>", "#Reference<9000.3.2.1>", "").opaque(),
		typed("etf.Port", etf.Port{Node: "n@h", ID: 5, Creation: 3}, "#Port<n@h.5/3>", "#Port<9000.5>", "").opaque(),
		typed("etf.Export", etf.Export{Module: "lists", Function: "map", Arity: 2}, "fun lists:map/2", "&:lists.map/2", ""),
		typed("etf.Fun", etf.Fun{Module: "shop", Arity: 1, OldIndex: 4, OldUniq: 77, Creator: banyan.PID{Node: "n@h", ID: 100, Serial: 2, Creation: 3}, Free: []any{1}}, "#Fun<shop.4.77>", "#Function<4.77 in shop>",
			"Go cannot call it, but sends it back as it came").opaque(),
	}},
}

var nilAtom = atom("nil")

const erlangNoon = `#{'__struct__' => 'Elixir.DateTime',calendar => 'Elixir.Calendar.ISO',day => 29,hour => 12,microsecond => {123456,6},minute => 30,month => 2,second => 45,` +
	`std_offset => 0,time_zone => <<"Etc/UTC">>,utc_offset => 0,year => 2024,zone_abbr => <<"UTC">>}`
