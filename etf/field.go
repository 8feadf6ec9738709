// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"reflect"
	"strings"
	"time"
	"unsafe"

	"github.com/banyan-go/banyan/internal/typereg"
)

// fieldTag is what the tag of a field says, `etf:"key,option,..."`. The options are in the package comment.
type fieldTag struct {
	key      Atom   // in the forms that have keys
	as       string // how the value is represented, "" for the usual way; see represent
	empty    string // what stands for the zero value: "", omitempty, nil or undefined
	required bool   // a missing key is an error
}

// representations are the options of which a field may have one. record= is followed by a name.
var representations = map[string]bool{"charlist": true, "atom": true, "text": true, "tuple": true, "map": true, "keyword": true,
	"datetime": true, "unix": true, "unix_ms": true, "unix_us": true, "unix_ns": true, "s": true, "ms": true, "us": true}

const recordOption = "record="

func parseTag(f reflect.StructField, path string) (t fieldTag, err error) {
	key, options, _ := strings.Cut(f.Tag.Get("etf"), ",")
	if t.key = Atom(key); key == "" {
		t.key = Atom(snake(f.Name))
	}
	if !validAtom(string(t.key)) {
		return t, planError(path, "%.80q is no atom", string(t.key))
	}
	if options == "" {
		return t, nil
	}
	for option := range strings.SplitSeq(options, ",") {
		switch {
		case representations[option], strings.HasPrefix(option, recordOption):
			if t.as != "" {
				return t, planError(path, "the options %s and %s exclude each other", t.as, option)
			}
			t.as = option
		case option == "omitempty", option == "nil", option == "undefined":
			if t.empty != "" {
				return t, planError(path, "the options %s and %s exclude each other", t.empty, option)
			}
			t.empty = option
		case option == "required":
			t.required = true
		default:
			return t, planError(path, "the tag has an unknown option %q", option)
		}
	}
	if t.required && t.empty == "omitempty" {
		return t, planError(path, "the options required and omitempty exclude each other")
	}
	return t, nil
}

// fieldPlan is one field that travels.
type fieldPlan struct {
	name     string // in Go
	key      Atom   // in the forms that have keys
	offset   uintptr
	plan     *plan
	omit     func(reflect.Value) bool // whether to leave a value out; nil for never
	required bool
}

// fields makes the plans of the fields of t that travel, for a struct of this form.
func (c *compiler) fields(t reflect.Type, path string, form typereg.Form) ([]fieldPlan, error) {
	keyed := form != typereg.Record && form != typereg.Tuple
	keys := map[Atom]string{structKey: structKey}
	var fields []fieldPlan
	for i := range t.NumField() {
		f := t.Field(i)
		if !typereg.Travels(f) {
			continue
		}
		fp := path + "." + f.Name
		if !f.IsExported() {
			return nil, planError(fp, "an unexported field cannot travel: export it or tag it `etf:\"-\"`")
		}
		tag, err := parseTag(f, fp)
		if err != nil {
			return nil, err
		}
		if other, taken := keys[tag.key]; taken && keyed {
			return nil, planError(fp, "the key %s is that of %s already", tag.key, other)
		}
		keys[tag.key] = f.Name
		elem, err := c.plan(f.Type, tag.as, fp)
		if err != nil {
			return nil, err
		}
		field := fieldPlan{name: f.Name, key: tag.key, offset: f.Offset, plan: elem, required: tag.required}
		switch {
		case tag.empty == "":
		case tag.empty != "omitempty":
			field.plan = withEmpty(elem, Atom(tag.empty))
		case !keyed:
			return nil, planError(fp, "a tuple cannot leave out an element: use the option undefined or nil")
		default:
			field.plan, field.omit = withEmpty(elem, ""), isEmpty(f.Type)
		}
		fields = append(fields, field)
	}
	return fields, nil
}

// withEmpty is elem with an atom for the zero value, unless it is ""; nil and undefined are read as the zero value.
func withEmpty(elem *plan, atom Atom) *plan {
	p := &plan{typ: elem.typ, enc: elem.enc}
	if atom != "" {
		empty := isEmpty(elem.typ)
		p.enc = func(e *Encoder, p unsafe.Pointer) error {
			if empty(reflect.NewAt(elem.typ, p).Elem()) {
				return e.atom(atom)
			}
			return elem.enc(e, p)
		}
	} else {
		p.enc = func(e *Encoder, p unsafe.Pointer) error { return elem.enc(e, p) } // elem may be unfinished now
	}
	p.dec = func(d *Decoder, p unsafe.Pointer) error {
		if d.skipNil() {
			reflect.NewAt(elem.typ, p).Elem().SetZero()
			return nil
		}
		return elem.dec(d, p)
	}
	return p
}

// isEmpty returns what tells an empty value of t: as for encoding/json, but that structs count as well.
func isEmpty(t reflect.Type) func(reflect.Value) bool {
	switch t.Kind() {
	case reflect.Slice, reflect.Map:
		return func(v reflect.Value) bool { return v.Len() == 0 }
	}
	if t == timeType {
		return func(v reflect.Value) bool { return (*time.Time)(v.Addr().UnsafePointer()).IsZero() }
	}
	return reflect.Value.IsZero
}

// omitted reports whether the field of the struct at p is to be left out.
func (f *fieldPlan) omitted(p unsafe.Pointer) bool {
	return f.omit != nil && f.omit(reflect.NewAt(f.plan.typ, unsafe.Add(p, f.offset)).Elem())
}

// missing is what happens to a field of the struct at p whose key did not come in the container that began at start.
func (f *fieldPlan) missing(d *Decoder, start int, p unsafe.Pointer) error {
	if f.required {
		return at("."+f.name, d.fail(start, "the key %s is missing", f.key))
	}
	reflect.NewAt(f.plan.typ, unsafe.Add(p, f.offset)).Elem().SetZero()
	return nil
}

// present counts the fields of the struct at p that are not left out.
func present(fields []fieldPlan, p unsafe.Pointer) (n int) {
	for i := range fields {
		if !fields[i].omitted(p) {
			n++
		}
	}
	return n
}

// findKey returns the field with this key, or -1. expect is the likely one.
func findKey(fields []fieldPlan, key string, expect int) int {
	if expect < len(fields) && string(fields[expect].key) == key {
		return expect
	}
	for i := range fields {
		if string(fields[i].key) == key {
			return i
		}
	}
	return -1
}
