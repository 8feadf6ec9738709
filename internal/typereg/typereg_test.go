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
	if name, tuple, ok := Name(tt); name != "take" || !tuple || !ok {
		t.Fatal(name, tuple, ok)
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
	if name, tuple, ok := Name(at); name != "typereg.address" || tuple || !ok {
		t.Fatal(name, tuple, ok)
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
