// SPDX-License-Identifier: Apache-2.0

package typereg

import (
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Form is the kind of term that a struct travels as.
type Form uint8

// The forms.
const (
	Record  Form = iota + 1 // {name, F1, F2...}; the bare atom name without fields
	Struct                  // #{'__struct__' => name, key => F1...}
	Tuple                   // {F1, F2...}
	Map                     // #{key => F1...}
	Keyword                 // [{key, F1}, ...]
)

// Parse tells what a type is registered as by name:
//
//	take         the tuple {take, F1, F2...}, or the atom take
//	(nothing)    a map with '__struct__' => [StructName] of t
//	%Shop.Take   a map with '__struct__' => 'Elixir.Shop.Take', Elixir's %Shop.Take{}
//	%shop_take   a map with '__struct__' => shop_take
//	{}           the tuple {F1, F2...}
//	#{}, %{}     a map of its fields
//	[]           a keyword list
func Parse(t reflect.Type, name string) (wire string, form Form) {
	switch name {
	case "":
		return StructName(t), Struct
	case "{}":
		return "", Tuple
	case "#{}", "%{}":
		return "", Map
	case "[]":
		return "", Keyword
	}
	module, ok := strings.CutPrefix(name, "%")
	if !ok {
		return name, Record
	}
	if first, _ := utf8.DecodeRuneInString(module); unicode.IsUpper(first) && !strings.HasPrefix(module, "Elixir.") {
		module = "Elixir." + module
	}
	return module, Struct
}

// show is a form for error messages.
func (f Form) show(name string) string {
	switch f {
	case Record:
		return "the tuple {" + name + ", ...}"
	case Struct:
		return "a map with '__struct__' => '" + name + "'"
	case Tuple:
		return "a tuple without a name"
	case Map:
		return "a map without a name"
	}
	return "a keyword list"
}

// Travels reports whether a field of a struct is part of what travels: not when its tag is "-", nor a blank one.
func Travels(f reflect.StructField) bool { return f.Tag.Get("etf") != "-" && f.Name != "_" }

// Fields is how many fields of the struct type t travel.
func Fields(t reflect.Type) (n int) {
	for i := range t.NumField() {
		if Travels(t.Field(i)) {
			n++
		}
	}
	return n
}
