// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"errors"
	"math"
	"math/big"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/banyan-go/banyan/internal/typereg"
)

// roundTrip encodes *v by Pointer and decodes it into a new T.
func roundTrip[T any](t *testing.T, v T) T {
	t.Helper()
	var e Encoder
	e.Version()
	if err := e.Pointer(&v); err != nil {
		t.Fatalf("%+v: %v", v, err)
	}
	var got T
	if err := Unmarshal(e.Bytes(), &got); err != nil {
		t.Fatalf("%+v: %v", v, err)
	}
	if byValue, err := Marshal(v); err != nil || len(byValue) != len(e.Bytes()) {
		t.Fatalf("%+v: %d bytes by value, %d by pointer, %v", v, len(byValue), len(e.Bytes()), err)
	}
	return got
}

func same[T any](t *testing.T, v T) {
	t.Helper()
	if got := roundTrip(t, v); !reflect.DeepEqual(got, v) {
		t.Errorf("got  %+v\nwant %+v", got, v)
	}
}

// generic is the generic form of what v encodes as.
func generic(t *testing.T, v any) any {
	t.Helper()
	data, err := Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := DecodeTerm(data, Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestRoundTripGoTypes(t *testing.T) {
	note := "by hand"
	full := order{
		OrderID: math.MaxUint64, Lines: []line{{"apple", 3}, {"pear", -3}}, Note: &note,
		Tags: map[string]Atom{"a": "x", "b": "y"}, Grid: [2][]float32{{1.5, -2}, nil}, Sum: [4]byte{1, 2, 3, 4},
		Extra: small{7, "seven"}, Renamed: true, Deadline: time.Unix(5, 6).UTC(), Wait: time.Minute,
		Big: new(big.Int).Lsh(big.NewInt(-1), 100), Who: PID{Node: "n@h", ID: 1, Serial: 2, Creation: 3}, Items: List{1, Tuple{Atom("x"), []byte("y")}}, Named: "high",
	}
	same(t, full)
	var zero order
	zero.Extra, zero.Items = Atom("nil"), List{}
	same(t, zero)
	same(t, flat{-1, "é", []byte{0, 255}})
	same(t, refill{})
	same(t, empty{})
	same(t, take{SKU: []byte("x"), N: 2})
	same(t, ints{math.MinInt8, math.MinInt16, math.MinInt32, math.MinInt64, 255, math.MaxUint16, math.MaxUint32, math.MaxUint64,
		math.MaxUint, math.MaxFloat32, math.SmallestNonzeroFloat64, true})
	same(t, tree{1, []tree{{Value: 2}, {Value: 3, Kids: []tree{{Value: 4}}}}, &tree{Value: 5}, map[int]tree{6: {Value: 7, ByKey: map[int]tree{8: {}}}}})
	same(t, []int{1, 2, 255})
	same(t, []int{1, 2, 256})
	same(t, []uint16{0, 255})
	same(t, []int8{-1})
	same(t, [3]int{1, 2, 3})
	same(t, map[[2]int]string{{1, 2}: "x"})
	same(t, map[PID][]Reference{{Node: "n"}: {{Node: "n", Len: 1, Words: [5]uint32{9}}}})
	same(t, Port{Node: "n", ID: 1 << 40, Creation: 1})
	same(t, Export{"m", "f", 3})
	same(t, Bitstring{[]byte{0xE0}, 3})
	same(t, Map{{Atom("k"), 1}})
	same(t, ImproperList{[]any{1}, Atom("x")})
	same(t, Tuple{1, 2})
	same(t, level("low"))
	same(t, [][]byte{{1}, nil})
	same(t, make([]flat, 3000))
}

func TestForms(t *testing.T) {
	for _, c := range []struct{ v, want any }{
		{flat{1, "a", []byte("b")}, Tuple{Atom("flat"), 1, []byte("a"), []byte("b")}},
		{&flat{}, Tuple{Atom("flat"), 0, []byte(""), []byte("")}},
		{refill{}, Atom("refill")},
		{(*flat)(nil), Atom("nil")},
		{nil, Atom("nil")},
		{true, Atom("true")},
		{empty{}, Map{{Atom("__struct__"), Atom("etf.empty")}}},
		{small{1, "x"}, Map{{Atom("__struct__"), Atom("etf.small")}, {Atom("a"), 1}, {Atom("b"), []byte("x")}}},
		{[]string{"a"}, List{[]byte("a")}},
		{[]any{1, nil}, List{1, Atom("nil")}},
		{map[Atom]int{"a": 1}, Map{{Atom("a"), 1}}},
		{map[string]int(nil), Map{}},
		{[2]byte{1, 2}, []byte{1, 2}},
		{time.Time{}, Atom("nil")},
		{time.Second, 1000000000},
		{uint64(math.MaxUint64), new(big.Int).SetUint64(math.MaxUint64)},
		{float32(0.5), 0.5},
		{celsius{215}, Tuple{Atom("celsius"), 215}},
		{&celsius{215}, Tuple{Atom("celsius"), 215}},
		{[]celsius{{1}}, List{Tuple{Atom("celsius"), 1}}},
		{oneWay{}, Atom("one_way")},
		{Bitstring{[]byte{0xFF}, 3}, Bitstring{[]byte{0xE0}, 3}},
		{Bitstring{[]byte{0xFF}, 8}, []byte{0xFF}},
		{ImproperList{nil, Atom("x")}, Atom("x")},
		{ImproperList{[]any{1}, List{2}}, List{1, 2}},
		{*big.NewInt(5), 5},
		{(*big.Int)(nil), Atom("nil")},
	} {
		if got := generic(t, c.v); !Equal(got, c.want) {
			t.Errorf("%T %v: %v, want %v", c.v, c.v, got, c.want)
		}
	}
}

// decode encodes from as a generic term and decodes that into a T.
func decode[T any](t *testing.T, from any) (T, error) {
	t.Helper()
	var v T
	data, err := Marshal(from)
	if err != nil {
		t.Fatal(err)
	}
	return v, Unmarshal(data, &v)
}

// decodes is decode that must work.
func decodes[T any](t *testing.T, from any, want T) {
	t.Helper()
	var got T
	data, err := Marshal(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := Unmarshal(data, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v into %T: %+v, want %+v (%v)", from, want, got, want, err)
	}
}

func TestLenientDecoding(t *testing.T) {
	decodes(t, 3, 3.0)
	decodes(t, new(big.Int).Lsh(big.NewInt(1), 70), math.Ldexp(1, 70))
	decodes(t, List{}, "")
	decodes(t, List{104, 105}, "hi")
	decodes(t, List{233}, "é")
	decodes(t, List{955, 97}, "λa")
	decodes(t, List{104, 105}, level("hi"))
	decodes(t, Atom("undefined"), (*int)(nil))
	decodes(t, Atom("nil"), (*int)(nil))
	decodes(t, Atom("undefined"), time.Time{})
	decodes(t, List{1, 2}, []int64{1, 2})
	decodes(t, List{1, 2}, []any{1, 2})
	decodes(t, List{1, 2}, [2]float64{1, 2})
	// A rolling upgrade: unknown keys are ignored, missing ones zero, plain maps without '__struct__' taken.
	decodes(t, Map{{Atom("__struct__"), Atom("etf.small")}, {Atom("new"), Tuple{1, List{2}}}, {Atom("b"), []byte("x")}, {7, 8}}, small{0, "x"})
	decodes(t, Map{{Atom("b"), []byte("x")}, {Atom("a"), 1}}, small{1, "x"})
	got := small{5, "old"}
	data, _ := Marshal(Map{{Atom("b"), []byte("x")}})
	if err := Unmarshal(data, &got); err != nil || got != (small{0, "x"}) {
		t.Errorf("a missing key left %+v (%v)", got, err)
	}
	// An array of the input must not be seen through the result.
	data, _ = Marshal(flat{1, "name", []byte("data")})
	var f flat
	if err := Unmarshal(data, &f); err != nil {
		t.Fatal(err)
	}
	clear(data)
	if f.Name != "name" || string(f.Data) != "data" {
		t.Errorf("aliases the input: %+v", f)
	}
}

func TestStructsInAny(t *testing.T) {
	inner := generic(t, small{1, "x"})
	deep := List{inner, Tuple{inner, Map{{Atom("k"), inner}, {inner, 5}}}, Map{{Atom("__struct__"), Atom("no.Such")}, {Atom("v"), inner}}}
	want := []any{small{1, "x"}, Tuple{small{1, "x"}, Map{{Atom("k"), small{1, "x"}}, {small{1, "x"}, 5}}},
		Map{{Atom("__struct__"), Atom("no.Such")}, {Atom("v"), small{1, "x"}}}}
	decodes(t, deep, want)
	decodes[any](t, deep, List(want))
	// The key that says so may come last.
	decodes[any](t, Map{{Atom("a"), 3}, {Atom("b"), []byte("y")}, {Atom("__struct__"), Atom("etf.small")}}, small{3, "y"})
	// Registered structs within registered structs within any.
	o := order{Extra: order{Extra: small{1, "z"}, Items: List{}}, Items: List{small{2, "w"}}}
	same(t, o)
	// Term keeps maps.
	if _, ok := generic(t, small{}).(Map); !ok {
		t.Error("Term resolved a struct")
	}
	// Nesting costs no more than its length: a look ahead at every level would take minutes here.
	nested := any(inner)
	for range 20000 {
		nested = Map{{Atom("k"), nested}, {Atom("l"), 1}}
	}
	data, err := Marshal(nested)
	if err != nil {
		t.Fatal(err)
	}
	var got any
	if err := Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	for range 20000 {
		got = got.(Map)[0].Value
	}
	if got != any(small{1, "x"}) {
		t.Errorf("at the bottom: %v", got)
	}
}

// fails wants an error with this text.
func fails(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	var e *Error
	if err != nil && !errors.As(err, &e) {
		t.Errorf("%v is no *Error", err)
	}
}

func decodeFails[T any](t *testing.T, from any, want string) {
	t.Helper()
	_, err := decode[T](t, from)
	var v T
	data, _ := Marshal(from)
	err = Unmarshal(data, &v)
	fails(t, err, want)
}

func TestDecodeErrors(t *testing.T) {
	bad := Map{{Atom("lines"), List{Map{{Atom("qty"), 1}}, Map{{Atom("qty"), Atom("foo")}}}}}
	decodeFails[order](t, bad, "etf: etf.order.Lines[1].Qty: want integer, got atom foo")
	decodeFails[order](t, Map{{Atom("lines"), List{Map{{Atom("qty"), 128}}}}}, "etf: etf.order.Lines[0].Qty: 128 is out of range for int8")
	decodeFails[order](t, Map{{Atom("order_id"), -1}}, "etf: etf.order.OrderID: -1 is out of range for uint64")
	decodeFails[order](t, Map{{Atom("tags"), Map{{[]byte("k"), 1}}}}, `etf: etf.order.Tags["k"]: want atom, got integer 1`)
	decodeFails[order](t, Map{{Atom("extra"), generic(t, Map{{Atom("__struct__"), Atom("etf.small")}, {Atom("a"), Atom("x")}})}},
		"etf: etf.order.Extra(etf.small).A: want integer, got atom x")
	decodeFails[any](t, Map{{Atom("__struct__"), Atom("etf.small")}, {Atom("a"), Atom("x")}}, "etf: etf.small.A: want integer, got atom x")
	decodeFails[flat](t, Tuple{Atom("flat"), 1}, "etf: etf.flat: want {flat, ID, Name, Data}, got a tuple of 2")
	decodeFails[flat](t, Tuple{Atom("round"), 1, 2, 3}, "etf: etf.flat: want {flat, ID, Name, Data}, got one that begins with atom round")
	decodeFails[flat](t, Tuple{1, 1, 2, 3}, "etf: etf.flat: want {flat, ID, Name, Data}, got a tuple of 4")
	decodeFails[refill](t, 5, "etf: etf.refill: want atom refill, got integer 5")
	decodeFails[small](t, Map{{Atom("__struct__"), Atom("etf.large")}}, "etf: etf.small: want a etf.small, got a etf.large")
	decodeFails[small](t, Map{{Atom("a"), 1}, {Atom("a"), 2}}, "etf: etf.small: a map with the key a twice")
	decodeFails[[2]int](t, List{1, 2, 3}, "etf: [2]int: want a list of 2, got a longer one")
	decodeFails[[2]int](t, List{1000}, "etf: [2]int: want a list of 2, got 1")
	decodeFails[[2]byte](t, []byte{1}, "etf: [2]uint8: want 2 bytes, got 1")
	decodeFails[bool](t, Atom("maybe"), "etf: bool: want true or false, got atom maybe")
	decodeFails[string](t, Atom("s"), "etf: string: want binary or string, got atom s")
	decodeFails[string](t, List{0xD800}, "etf: string: 55296 is no code point")
	decodeFails[float32](t, 1e300, "etf: float32: 1e+300 is out of range for float32")
	decodeFails[int](t, new(big.Int).Lsh(big.NewInt(1), 64), "etf: int: the integer does not fit 64 bits")
	decodeFails[[]int](t, ImproperList{[]any{1}, 2}, "etf: []int: want list, got integer 2")
	decodeFails[map[int]int](t, Map{{1, 1}, {1, 2}}, "etf: map[int]int: a map with the same key twice")
	decodeFails[anyKeys](t, Tuple{Atom("any_keys"), Map{{List{1, 300}, 1}}}, "etf: etf.anyKeys.M[key]: want a key that Go can hash, got list")
	decodeFails[time.Time](t, Atom("now"), "etf: time.Time: want a DateTime, {{Year,Month,Day},{Hour,Minute,Second}} or nil, got atom now")
	decodeFails[[]celsius](t, List{7, 300}, "etf: []etf.celsius[0]: UnmarshalTerm: 7 is no temperature")
	decodeFails[oneWay](t, 1, "etf: etf.oneWay: type etf.oneWay is not registered: call banyan.RegisterType[etf.oneWay]()")
	decodeFails[Tuple](t, 1, "etf: term.Tuple: want tuple, got integer 1")

	data, _ := Marshal(1)
	fails(t, Unmarshal(append(data, 0), new(int)), "etf: 1 bytes follow the term at byte 3")
	fails(t, Unmarshal(data, nil), "etf: want a pointer, got nil")
	fails(t, Unmarshal(data, 5), "etf: want a pointer, got int")
	fails(t, Unmarshal(data, (*int)(nil)), "etf: want a pointer, got a nil *int")
	var e *Error
	if err := Unmarshal(data, new(Atom)); !errors.As(err, &e) || e.Offset != 1 || e.Path != "term.Atom" {
		t.Errorf("%#v", e)
	}
}

func TestEncodeErrors(t *testing.T) {
	for _, c := range []struct {
		v    any
		want string
	}{
		{stranger{}, "etf: type etf.stranger is not registered: call banyan.RegisterType[etf.stranger]()"},
		{&stranger{}, "etf: type etf.stranger is not registered: call banyan.RegisterType[etf.stranger]()"},
		{knows{}, "etf: etf.knows.S[]: type etf.stranger is not registered: call banyan.RegisterType[etf.stranger]()"},
		{hidden{}, "etf: etf.hidden.a: an unexported field cannot travel: export it or tag it `etf:\"-\"`"},
		{channels{}, "etf: etf.channels.Deep[][]: values of type chan int cannot travel"},
		{clash{}, "etf: etf.clash.Url: the key url is that of URL already"},
		{func() {}, "etf: func(): values of type func() cannot travel"},
		{complex(1, 1), "etf: complex128: values of type complex128 cannot travel"},
		{math.NaN(), "etf: Erlang has no float NaN"},
		{order{Extra: math.Inf(1)}, "etf: etf.order.Extra: Erlang has no float +Inf"},
		{order{Extra: List{1, ints{F64: math.NaN()}}}, "etf: etf.order.Extra[1](etf.ints).F64: Erlang has no float NaN"},
		{order{Tags: map[string]Atom{"k": "\xff"}}, `etf: etf.order.Tags["k"]: "\xff" is no atom: it must be UTF-8 and have at most 255 characters`},
		{order{Deadline: time.Unix(1<<40, 0)}, "etf: etf.order.Deadline: the year 36812 is out of range: want 0 to 9999"},
		{celsius{-3000}, "etf: etf.celsius: MarshalTerm: colder than possible"},
		{Bitstring{nil, 3}, "etf: a bitstring with 3 bits in its last byte but no bytes"},
		{Bitstring{[]byte{1}, 9}, "etf: a bitstring with 9 bits in its last byte"},
		{Reference{Len: 6}, "etf: a reference of 6 words"},
	} {
		data, err := Append([]byte("kept"), c.v)
		fails(t, err, c.want)
		if string(data) != "kept" {
			t.Errorf("%T: the buffer is %q", c.v, data)
		}
	}
	if _, err := Marshal(celsius{-3000}); !errors.Is(err, errCold) {
		t.Errorf("%v does not wrap the cause", err)
	}
	cyclic := &tree{}
	cyclic.Next = cyclic
	loop := List{nil}
	loop[0] = loop
	for _, v := range []any{cyclic, loop, ouroboros{}} {
		if _, err := Marshal(v); err == nil || !strings.Contains(err.Error(), "cyclic") {
			t.Errorf("%T: %.200v", v, err)
		} else if len(err.Error()) > 2*maxPath {
			t.Errorf("%T: an error of %d bytes", v, len(err.Error()))
		}
	}
}

func TestStickyError(t *testing.T) {
	var e Encoder
	e.Atom(Atom(strings.Repeat("x", 256)))
	e.Int(1)
	if e.Err() == nil || e.Term(1) != e.Err() || e.Pointer(new(int)) != e.Err() {
		t.Error("the error was lost")
	}
	e.Reset(nil, nil)
	if err := e.Term(1); err != nil {
		t.Error(err)
	}
}

func TestRegistrationMayComeLater(t *testing.T) {
	v := asks{&late{4}}
	if _, err := Marshal(v); err == nil || Check(reflect.TypeFor[asks]()) == nil {
		t.Fatal("an unregistered type was taken")
	}
	if err := typereg.Register(reflect.TypeFor[late](), "late"); err != nil {
		t.Fatal(err)
	}
	if err := Check(reflect.TypeFor[asks]()); err != nil {
		t.Fatal(err)
	}
	same(t, v)
}

func TestFailedPlansLeaveNothing(t *testing.T) {
	if got := generic(t, halfHook{}); got != any(1) {
		t.Fatal(got)
	}
	if _, err := Marshal(linked{F: &failing{}}); err == nil || !strings.Contains(err.Error(), "etf.linked.F.C: values of type chan int") {
		t.Fatal(err)
	}
	decodeFails[halfHook](t, 1, "etf: etf.halfHook: values of type chan int cannot travel")
}

// A fun is not ours to look into.
func TestFunsKeepMaps(t *testing.T) {
	fun := Fun{Module: "m", Creator: PID{Node: "n"}, Free: []any{generic(t, small{1, "x"})}}
	decodes[any](t, fun, fun)
	decodes[any](t, List{fun, 1.5}, List{fun, 1.5})
}

func TestEnvReachesHooks(t *testing.T) {
	var e Encoder
	if err := e.Term(celsius{1}); err != nil {
		t.Fatal(err)
	}
	var seen any
	d := Decoder{Env: func(t any) error { seen = t; return nil }}
	d.Reset(e.Bytes(), nil, Limits{})
	if err := d.Into(new(celsius)); err != nil || !Equal(seen, Tuple{Atom("celsius"), 1}) {
		t.Error(seen, err)
	}
}

func TestPlansAreMadeOnceAndConcurrently(t *testing.T) {
	type private struct{ A, B []map[string]*[]int }
	if err := typereg.Register(reflect.TypeFor[private](), "private"); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				same(t, private{A: []map[string]*[]int{{"x": {1, 2}}}})
				if _, err := Marshal(knows{}); err == nil {
					t.Error("taken")
				}
				var o oneWay
				if err := Unmarshal([]byte{131, 97, 1}, &o); err == nil || strings.Count(err.Error(), "etf.oneWay:") != 1 {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestSnake(t *testing.T) {
	for name, want := range map[string]string{"SKU": "sku", "OrderID": "order_id", "HTTPServer": "http_server", "N": "n", "A1B": "a1_b",
		"Already_Snake": "already_snake", "ÉtatCivil": "état_civil"} {
		if got := snake(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
