// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/banyan-go/banyan/internal/typereg"
)

// The types of the tests of tags and forms.
type (
	profile struct {
		Name    string            `etf:",charlist"`
		Role    string            `etf:",atom"`
		Roles   []string          `etf:",atom"`
		ByName  map[string]string `etf:",charlist"`
		Boss    *string           `etf:",charlist"`
		Addr    netip.Addr        `etf:",text"`
		Origin  place             `etf:",map"`
		Corner  place             `etf:",tuple"`
		Rec     place             `etf:",record=place"`
		Opts    place             `etf:",keyword"`
		Flags   map[string]int    `etf:",keyword"`
		Pair    [2]int            `etf:",tuple"`
		Route   []place           `etf:",record=stop"`
		Inline  struct{ X int }   `etf:",map"`
		Wait    time.Duration     `etf:",ms"`
		At      time.Time
		Erl     time.Time `etf:",datetime"`
		Unix    time.Time `etf:",unix"`
		UnixMS  time.Time `etf:",unix_ms"`
		UnixUS  time.Time `etf:",unix_us"`
		UnixNS  time.Time `etf:",unix_ns"`
		Failure error
	}
	place struct {
		X, Y int
		_    [0]func()
	}
	optional struct {
		Plain  int
		Omit   string         `etf:"omit,omitempty"`
		Nil    int            `etf:",nil"`
		Undef  *int           `etf:",undefined"`
		List   []int          `etf:",omitempty"`
		Map    map[string]int `etf:",nil"`
		Time   time.Time      `etf:",undefined"`
		Need   string         `etf:",required"`
		Struct place          `etf:",omitempty,map"`
	}
	settings struct {
		Debug   bool
		Level   int    `etf:",omitempty"`
		Name    string `etf:"user_name,required"`
		Numbers []int
	}
	erlRecord struct {
		Name string  `etf:",undefined"`
		Age  *int    `etf:",undefined"`
		Text *string // an Elixir nil
	}
	point  struct{ X, Y int }
	opened struct{ A, B int }
	user   struct {
		Name  string
		Email *string
		Score float64
	}
	// node refers to itself under an option.
	chain struct {
		V    int
		Next *chain `etf:",map"`
	}
	shape  interface{ Area() float64 }
	square struct{ Side float64 }
	circle struct{ R float64 }
	holder struct {
		S    shape
		Errs []error
		Text fmt.Stringer
	}
	coldError struct{ Degrees int }
	namedErr  string
)

func (s square) Area() float64    { return s.Side * s.Side }
func (c *circle) Area() float64   { return c.R * c.R * math.Pi }
func (e coldError) Error() string { return fmt.Sprint("cold: ", e.Degrees) }
func (e namedErr) Error() string  { return string(e) }

func init() {
	register[profile]("")
	register[optional]("")
	register[settings]("[]")
	register[erlRecord]("erl_record")
	register[point]("{}")
	register[opened]("#{}")
	register[user]("%My.User")
	register[chain]("")
	register[square]("")
	register[circle]("%Circle")
	register[holder]("holder")
	register[coldError]("")
}

var noon = time.Date(2024, 2, 29, 12, 30, 45, 123456789, time.UTC)

func TestTagsRoundTrip(t *testing.T) {
	boss := "Bóss"
	p := profile{Name: "Jürgen λ", Role: "admin", Roles: []string{"a", "b c"}, ByName: map[string]string{"k": "v"}, Boss: &boss,
		Addr: netip.MustParseAddr("10.0.0.1"), Origin: place{X: 1, Y: 2}, Corner: place{X: 3}, Rec: place{X: 4}, Opts: place{Y: 5},
		Flags: map[string]int{"b": 2, "a": 1}, Pair: [2]int{6, 7}, Route: []place{{X: 1}, {Y: 2}}, Inline: struct{ X int }{8}, Wait: 1500 * time.Millisecond,
		At: noon, Erl: noon.Truncate(time.Second), Unix: noon.Truncate(time.Second), UnixMS: noon.Truncate(time.Millisecond), UnixUS: noon.Truncate(time.Microsecond),
		UnixNS: noon, Failure: &reasonError{Tuple{Atom("enoent"), []byte("x")}}}
	same(t, p)
	same(t, profile{})
	same(t, settings{Debug: true, Level: 3, Name: "n", Numbers: []int{1, 300}})
	same(t, point{1, 2})
	same(t, opened{1, 2})
	same(t, chain{1, &chain{2, &chain{3, nil}}})
	age, text := 5, ""
	same(t, erlRecord{"n", &age, &text})
	same(t, erlRecord{})
	same(t, optional{})
	same(t, optional{1, "x", 2, &age, []int{3}, map[string]int{"k": 1}, noon, "y", place{X: 1}})
	same(t, holder{S: square{2}})
	same(t, holder{S: &circle{1}, Errs: []error{nil, &reasonError{Atom("x")}}})
	same(t, user{"n", &text, 1.5})
	for _, at := range []time.Time{noon, noon.Truncate(time.Second), noon.Truncate(time.Microsecond), {}, time.Date(0, 1, 1, 0, 0, 0, 1, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC), time.Unix(0, 0).UTC(), time.Date(1969, 7, 20, 20, 17, 40, 5000, time.UTC)} {
		same(t, at)
	}
	// The moment is what travels, not the place.
	if got := roundTrip(t, noon.In(time.FixedZone("X", 3*3600))); !got.Equal(noon) || got.Location() != time.UTC {
		t.Error(got)
	}
}

func TestTaggedForms(t *testing.T) {
	p := profile{Name: "aλ", Role: "admin", Roles: []string{"a"}, Addr: netip.MustParseAddr("::1"), Wait: 2*time.Millisecond + 999, Origin: place{X: 1, Y: 2},
		Flags: map[string]int{"b": 2, "a": 1}, Route: []place{{X: 1}}, Failure: errors.New("torn"), UnixMS: noon, Erl: noon}
	got := generic(t, p).(Map)
	for key, want := range map[string]string{
		"name": `"aλ"`, "role": "admin", "roles": "[a]", "by_name": "#{}", "boss": "nil", "addr": `<<"::1">>`, "origin": "#{x => 1,y => 2}", "corner": "{0,0}",
		"rec": "{place,0,0}", "opts": "[{x,0},{y,0}]", "flags": "[{a,1},{b,2}]", "pair": "{0,0}", "route": "[{stop,1,0}]", "inline": "#{x => 0}", "wait": "2", "at": "nil",
		"erl": "{{2024,2,29},{12,30,45}}", "unix_ms": "1709209845123", "failure": `{error,{go_error,<<"torn">>}}`,
	} {
		v, ok := got.Get(Atom(key))
		if !ok || Format(v) != want {
			t.Errorf("%s: %s, want %s", key, Format(v), want)
		}
	}
	for _, c := range []struct {
		v    any
		want string
	}{
		{point{1, 2}, "{1,2}"}, {opened{1, 2}, "#{a => 1,b => 2}"}, {settings{Name: "x"}, `[{debug,false},{user_name,<<"x">>},{numbers,[]}]`},
		{erlRecord{}, "{erl_record,undefined,undefined,nil}"},
		{optional{Need: "x"}, `#{'__struct__' => 'etf.optional',map => nil,need => <<"x">>,nil => nil,plain => 0,time => undefined,undef => undefined}`},
		{user{Name: "n"}, `#{'__struct__' => 'Elixir.My.User',email => nil,name => <<"n">>,score => 0.0}`},
		{noon.Truncate(time.Microsecond), `#{'__struct__' => 'Elixir.DateTime',calendar => 'Elixir.Calendar.ISO',day => 29,hour => 12,microsecond => {123456,6},minute => 30,month => 2,second => 45,std_offset => 0,` +
			`time_zone => <<"Etc/UTC">>,utc_offset => 0,year => 2024,zone_abbr => <<"UTC">>}`},
		{errors.New("x"), `{error,{go_error,<<"x">>}}`}, {namedErr("x"), `{error,{go_error,<<"x">>}}`}, {&fs.PathError{Op: "open", Path: "f", Err: fs.ErrExist}, `{error,{go_error,<<"open f: file already exists">>}}`},
		{List{coldError{3}, error(nil), (*fs.PathError)(nil)}, `[#{'__struct__' => 'etf.coldError',degrees => 3},nil,nil]`},
		{[]error{nil, &reasonError{Atom("enoent")}}, `[nil,{error,enoent}]`}, {struct{ E namedErr }{}.E, `{error,{go_error,<<>>}}`},
		{[]namedErr{"x"}, `[<<"x">>]`}, // of a known type it is a string
		{&reasonError{Tuple{math.NaN()}}, `{error,{go_error,<<"{NaN}">>}}`},
	} {
		if got := Format(generic(t, c.v)); got != c.want {
			t.Errorf("%T: %s, want %s", c.v, got, c.want)
		}
	}
}

func TestTaggedDecoding(t *testing.T) {
	// What stands for nothing.
	decodes(t, Map{{Atom("need"), "x"}, {Atom("omit"), Atom("undefined")}, {Atom("nil"), Atom("undefined")}, {Atom("list"), Atom("nil")}, {Atom("time"), Atom("nil")}}, optional{Need: "x"})
	// Keyword lists in any order, proplists with bare atoms, doubled and unknown keys.
	decodes(t, List{Tuple{Atom("user_name"), "x"}, Atom("debug"), Tuple{Atom("new"), List{1}}, Tuple{Atom("user_name"), "y"}, Atom("newer")}, settings{Debug: true, Name: "x"})
	type keywords struct {
		M map[Atom]any `etf:",keyword"`
	}
	if err := typeregister[keywords]("kw"); err != nil {
		t.Fatal(err)
	}
	decodes(t, Tuple{Atom("kw"), List{Atom("a"), Tuple{Atom("b"), List{1}}, Tuple{Atom("a"), 2}}}, keywords{map[Atom]any{"a": Atom("true"), "b": List{1}}})
	decodes(t, Tuple{Atom("kw"), List{}}, keywords{})
	// Strings in each other's form.
	type names struct {
		A string `etf:",atom"`
		C string `etf:",charlist"`
	}
	if err := typeregister[names]("names"); err != nil {
		t.Fatal(err)
	}
	decodes(t, Tuple{Atom("names"), "bin", "bin"}, names{"bin", "bin"})
	decodes(t, Tuple{Atom("names"), Atom("true"), List{955}}, names{"true", "λ"})
	// Times.
	decodes(t, Tuple{Tuple{2024, 2, 29}, Tuple{12, 30, 45}}, noon.Truncate(time.Second))
	east := Map{{Atom("__struct__"), Atom("Elixir.DateTime")}, {Atom("year"), 2024}, {Atom("month"), 2}, {Atom("day"), 29}, {Atom("hour"), 14}, {Atom("minute"), 30}, {Atom("second"), 45},
		{Atom("microsecond"), Tuple{0, 0}}, {Atom("utc_offset"), 3600}, {Atom("std_offset"), 3600}, {Atom("time_zone"), "Europe/Somewhere"}, {7, 8}, {Atom("calendar"), Atom("Elixir.Calendar.ISO")}}
	decodes(t, east, noon.Truncate(time.Second))
	naive := Map{{Atom("__struct__"), Atom("Elixir.NaiveDateTime")}, {Atom("year"), 2024}, {Atom("month"), 2}, {Atom("day"), 29}, {Atom("hour"), 12}, {Atom("minute"), 30}, {Atom("second"), 45}}
	decodes(t, naive, noon.Truncate(time.Second))
	// Errors.
	for _, none := range []Atom{"ok", "nil", "undefined"} {
		decodes[error](t, none, nil)
	}
	var err error
	if e := FromTerm(Tuple{Atom("error"), Atom("enoent")}, &err, nil); e != nil || err == nil || err.Error() != "enoent" {
		t.Error(err, e)
	}
	if e := FromTerm(Atom("error"), &err, nil); e != nil || err == nil || err.Error() != "error" {
		t.Error(err, e)
	}
	// A struct that is an error of its own comes back as itself, in an any.
	decodes[any](t, generic(t, coldError{3}), coldError{3})
	// Fields that came with a newer version of a struct are ignored, missing ones are zero.
	decodes(t, Map{{Atom("__struct__"), Atom("Elixir.My.User")}, {Atom("name"), "n"}, {Atom("phone"), List{1}}}, user{Name: "n"})
	decodes(t, Map{{Atom("__struct__"), Atom("some.other")}, {Atom("a"), 1}}, opened{A: 1})
}

func typeregister[T any](name string) error { return typereg.Register(reflect.TypeFor[T](), name) }

func TestMappingErrors(t *testing.T) {
	decodeFails[optional](t, Map{{Atom("plain"), 1}}, "etf: etf.optional.Need: the key need is missing")
	decodeFails[settings](t, List{}, "etf: etf.settings.Name: the key user_name is missing")
	decodeFails[settings](t, List{Tuple{Atom("user_name"), "x"}, 7}, "etf: etf.settings[1]: want a pair {Key, Value} with an atom as key, got integer 7")
	decodeFails[settings](t, List{Tuple{Atom("user_name"), 1}}, "etf: etf.settings.Name: want binary or string, got integer 1")
	decodeFails[settings](t, Map{}, "etf: etf.settings: want a keyword list, got map")
	decodeFails[settings](t, List{1, 2}, "etf: etf.settings: want a keyword list, got a string of 2 bytes")
	decodeFails[point](t, Tuple{1, 2, 3}, "etf: etf.point: want {X, Y}, got a tuple of 3")
	decodeFails[profile](t, Map{{Atom("route"), List{Tuple{Atom("stop"), 1, 2}, Tuple{Atom("stop"), Atom("far"), 2}}}}, "etf: etf.profile.Route[1].X: want integer, got atom far")
	decodeFails[profile](t, Map{{Atom("route"), List{Tuple{Atom("place"), 1, 2}}}}, "etf: etf.profile.Route[0]: want {stop, X, Y}, got one that begins with atom place")
	decodeFails[profile](t, Map{{Atom("pair"), Tuple{1}}}, "etf: etf.profile.Pair: want a tuple of 2, got 1")
	decodeFails[profile](t, Map{{Atom("pair"), List{1, 2}}}, "etf: etf.profile.Pair: want tuple, got a string of 2 bytes")
	decodeFails[profile](t, Map{{Atom("flags"), List{Tuple{Atom("a"), "x"}}}}, "etf: etf.profile.Flags[a]: want integer, got a binary of 1 bytes")
	decodeFails[profile](t, Map{{Atom("roles"), List{Atom("a"), 5}}}, "etf: etf.profile.Roles[1]: want atom, got integer 5")
	decodeFails[profile](t, Map{{Atom("addr"), "nowhere"}}, `etf: etf.profile.Addr: UnmarshalText: ParseAddr("nowhere"): unable to parse IP`)
	decodeFails[profile](t, Map{{Atom("wait"), math.MaxInt64}}, "etf: etf.profile.Wait: 9223372036854775807ms is out of range for a time.Duration")
	decodeFails[profile](t, Map{{Atom("at"), 5}}, "etf: etf.profile.At: want a DateTime or {{Year,Month,Day},{Hour,Minute,Second}}, got integer 5: the tag must name its unit, as `etf:\",unix_ms\"`")
	decodeFails[profile](t, Map{{Atom("unix"), math.MaxInt64}}, "etf: etf.profile.Unix: the time 9223372036854775807 is out of range")
	decodeFails[profile](t, Map{{Atom("erl"), Tuple{Tuple{2023, 2, 29}, Tuple{0, 0, 0}}}}, "etf: etf.profile.Erl: 2023-02-29 00:00:00 is no date and time")
	decodeFails[profile](t, Map{{Atom("erl"), Tuple{Tuple{2023, 2, 29}, 5}}}, "etf: etf.profile.Erl: want {Hour,Minute,Second}, got integer 5")
	decodeFails[time.Time](t, Map{{Atom("__struct__"), Atom("Elixir.Date")}}, "etf: time.Time[__struct__]: want a DateTime, got atom Elixir.Date")
	decodeFails[time.Time](t, Map{{Atom("year"), 1 << 40}}, "etf: time.Time[year]: 1099511627776 is out of range")
	decodeFails[time.Time](t, Map{{Atom("year"), 2024}}, "etf: time.Time: a map that is no valid DateTime")
	decodeFails[profile](t, Map{{Atom("failure"), Tuple{Atom("error"), 1, 2}}}, "etf: etf.profile.Failure: want {error, Reason}, ok or nil, got a tuple of 3")
	decodeFails[error](t, Tuple{Atom("ok"), 1}, "etf: want {error, Reason}, ok or nil, got a tuple of 2 at byte 1")
	decodeFails[error](t, Atom("maybe"), "etf: want {error, Reason}, ok or nil, got atom maybe at byte 1")
	decodeFails[holder](t, Tuple{Atom("holder"), generic(t, small{}), List{}, Atom("nil")}, "etf: etf.holder.S: want a registered struct that is a etf.shape, got map")

	for _, c := range []struct {
		v    any
		want string
	}{
		{struct {
			A int `etf:",nonsense"`
		}{}, `A: the tag has an unknown option "nonsense"`},
		{struct {
			A int `etf:",charlist"`
		}{}, "A: the option charlist does not fit the type int"},
		{struct {
			A []Atom `etf:",charlist"`
		}{}, "A[]: the option charlist does not fit the type term.Atom"},
		{struct {
			A celsius `etf:",tuple"`
		}{}, "A: the option tuple does not fit the type etf.celsius"},
		{struct {
			A string `etf:",atom,charlist"`
		}{}, "A: the options atom and charlist exclude each other"},
		{struct {
			A string `etf:",nil,omitempty"`
		}{}, "A: the options nil and omitempty exclude each other"},
		{struct {
			A string `etf:",required,omitempty"`
		}{}, "A: the options required and omitempty exclude each other"},
		{struct {
			A map[int]int `etf:",keyword"`
		}{}, "A: the keys of a keyword list are atoms: want a map of strings or Atoms, not map[int]int"},
		{struct {
			A place `etf:",record=\xff"`
		}{}, `A: "\xff" is no atom`},
	} {
		outer := reflect.StructOf([]reflect.StructField{{Name: "F", Type: reflect.TypeOf(c.v), Tag: `etf:",map"`}})
		comp := compiler{seen: map[planKey]*plan{}}
		_, err := comp.plan(outer.Field(0).Type, "map", "F")
		fails(t, err, "etf: F."+c.want)
	}
	comp := compiler{seen: map[planKey]*plan{}}
	_, err := comp.plan(reflect.TypeOf(struct {
		A int `etf:",omitempty"`
	}{}), "tuple", "F")
	fails(t, err, "etf: F.A: a tuple cannot leave out an element: use the option undefined or nil")

	_, err = Marshal(profile{Name: "\xff"})
	fails(t, err, `etf: etf.profile.Name: "\xff" is not UTF-8, so that it has no list of code points`)
	_, err = Marshal(profile{UnixNS: time.Date(5000, 1, 1, 0, 0, 0, 0, time.UTC)})
	fails(t, err, "etf: etf.profile.UnixNS: the year 5000 is out of range: nanoseconds since 1970 must fit 64 bits")
	_, err = Marshal(profile{Role: strings.Repeat("x", 256)})
	if err == nil || !strings.Contains(err.Error(), "etf.profile.Role: ") {
		t.Error(err)
	}
}

// Errors go through what the distribution says of them, if it is there.
func TestErrorForm(t *testing.T) {
	known := errors.New("known")
	typereg.SetErrors(typereg.ErrorForm{
		Term: func(err error) any {
			if err == known {
				return Atom("known")
			}
			return make(chan int) // cannot travel
		},
		Error: func(r any) error {
			if r == any(Atom("known")) {
				return known
			}
			return fmt.Errorf("reason %s", Format(r))
		}})
	defer typereg.SetErrors(plainErrors)
	if got := roundTrip[error](t, known); got != known {
		t.Error(got)
	}
	if got := roundTrip(t, errors.New("other")); got == nil || got.Error() != `reason {go_error,<<"other">>}` {
		t.Error(got)
	}
}
