// SPDX-License-Identifier: Apache-2.0

package typereg

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
)

type (
	take       struct{ N int }
	address    struct{ Street string }
	other      struct{}
	box[T any] struct{ V T }
)

func TestRegister(t *testing.T) {
	tt := reflect.TypeFor[take]()
	if _, _, ok := Name(tt); ok {
		t.Fatal("known before it was registered")
	}
	for range 2 { // the second time changes nothing
		if err := Register(tt, "take"); err != nil {
			t.Fatal(err)
		}
	}
	if name, form, ok := Name(tt); name != "take" || form != Record || !ok {
		t.Fatal(name, form, ok)
	}
	for _, name := range []string{"grab", ""} {
		err := Register(tt, name)
		if err == nil || !strings.Contains(err.Error(), "take") || !strings.Contains(err.Error(), "typereg.take") {
			t.Fatalf("%q: %v", name, err)
		}
	}
	// Two types may share a tuple tag.
	if err := Register(reflect.TypeFor[other](), "take"); err != nil {
		t.Fatal(err)
	}
}

func TestStructNames(t *testing.T) {
	at := reflect.TypeFor[address]()
	if err := Register(at, ""); err != nil {
		t.Fatal(err)
	}
	if name, form, ok := Name(at); name != "typereg.address" || form != Struct || !ok {
		t.Fatal(name, form, ok)
	}
	if got, ok := StructType("typereg.address"); !ok || got != at {
		t.Fatal(got, ok)
	}
	if _, ok := StructType("typereg.nobody"); ok {
		t.Fatal("found a type nobody registered")
	}
	if err := Register(reflect.TypeFor[box[int]](), ""); err != nil {
		t.Fatal(err)
	}
	{ // a second type of the same name in another scope has the same '__struct__'
		type address struct{ Zip int }
		err := Register(reflect.TypeFor[address](), "")
		if err == nil || !strings.Contains(err.Error(), "both") {
			t.Fatal(err)
		}
	}
}

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name, wire string
		form       Form
	}{
		{"take", "take", Record}, {"", "typereg.take", Struct}, {"%Shop.Take", "Elixir.Shop.Take", Struct}, {"%Elixir.Shop.Take", "Elixir.Shop.Take", Struct},
		{"%shop_take", "shop_take", Struct}, {"%Équipe", "Elixir.Équipe", Struct}, {"{}", "", Tuple}, {"#{}", "", Map}, {"%{}", "", Map}, {"[]", "", Keyword},
	} {
		if wire, form := Parse(reflect.TypeFor[take](), c.name); wire != c.wire || form != c.form {
			t.Errorf("%q: %q, form %d", c.name, wire, form)
		}
	}
	type elixir struct{ A int }
	type rival struct{ A int }
	if err := Register(reflect.TypeFor[elixir](), "%My.Thing"); err != nil {
		t.Fatal(err)
	}
	if got, ok := StructType("Elixir.My.Thing"); !ok || got != reflect.TypeFor[elixir]() {
		t.Error(got, ok)
	}
	if err := Register(reflect.TypeFor[rival](), "%My.Thing"); err == nil || !strings.Contains(err.Error(), "both") {
		t.Error(err)
	}
	for name, want := range map[string]string{"{}": "a tuple without", "#{}": "a map without", "[]": "a keyword list", "x": "{x, ...}", "": "'typereg.elixir'"} {
		if err := Register(reflect.TypeFor[elixir](), name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestErrorForm(t *testing.T) {
	before, had := Errors()
	SetErrors(ErrorForm{Term: func(err error) any { return err.Error() }, Error: func(r any) error { return fmt.Errorf("%v", r) }})
	if f, ok := Errors(); !ok || f.Term(fmt.Errorf("x")) != "x" || f.Error("y").Error() != "y" {
		t.Error(f, ok)
	}
	if had {
		SetErrors(before)
	}
}

func TestRefusesOtherTypes(t *testing.T) {
	for _, bad := range []reflect.Type{nil, reflect.TypeFor[int](), reflect.TypeFor[*take](), reflect.TypeFor[struct{ A int }]()} {
		if err := Register(bad, "x"); err == nil {
			t.Errorf("%v was taken", bad)
		}
	}
}

func TestIsVersion(t *testing.T) {
	for s, want := range map[string]bool{"v2": true, "v10": true, "v": false, "vx": false, "shop": false, "": false} {
		if isVersion(s) != want {
			t.Errorf("%q: want %v", s, want)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			at := reflect.ArrayOf(i+1, reflect.TypeFor[int]()) // not a struct: refused, yet the lookups run beside it
			for range 200 {
				_ = Register(at, "")
				_ = Register(reflect.TypeFor[take](), "take")
				Name(reflect.TypeFor[take]())
				StructType(fmt.Sprint("typereg.", i))
			}
		})
	}
	wg.Wait()
}
