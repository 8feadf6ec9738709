// SPDX-License-Identifier: Apache-2.0

package ets

import (
	"encoding/json"
	"fmt"
	"reflect"
)

// textReader reads a table of any types, row by row.
type textReader interface {
	next() (r RowText, more bool, err error)
}

// rowsOfText reads the table of a core. It fetches the rows of one block and prints them one by one: none is printed that
// nobody asks for.
type rowsOfText[K comparable, V any] struct {
	from   Reader[K, V]
	page   page[K, V]
	left   Bounds[K]
	cursor cursor[K]
	i, of  int // the next row of page, and of a bag's row the next value
	bytes  int
	done   bool // there is no further block
}

// text begins to read.
func (k *keptCore[K, V]) text(from, before string, bytes int) (textReader, error) {
	t := &rowsOfText[K, V]{from: readerOf(k.core, k.info), bytes: bytes}
	_, ordered := k.core.dir.(*treeDir[K, V])
	if !ordered && from+before != "" {
		return nil, fmt.Errorf("%w: a %s has no order", ErrBounds, k.info.kind)
	}
	if from != "" {
		key, err := keyOfText[K](from)
		if err != nil {
			return nil, err
		}
		t.left = t.left.From(key)
	}
	if before != "" {
		key, err := keyOfText[K](before)
		if err != nil {
			return nil, err
		}
		t.left = t.left.Before(key)
	}
	return t, nil
}

// keyOfText reads a key as JSON, or as it is if keys are strings.
func keyOfText[K any](text string) (k K, err error) {
	if err = json.Unmarshal([]byte(text), &k); err == nil {
		return k, nil
	}
	if v := reflect.ValueOf(&k).Elem(); v.Kind() == reflect.String {
		v.SetString(text)
		return k, nil
	}
	return k, fmt.Errorf("%w: %.100q is no %v in JSON", ErrBounds, text, reflect.TypeFor[K]())
}

func (t *rowsOfText[K, V]) next() (r RowText, more bool, err error) {
	for {
		if !t.from.pass.ok() {
			return r, false, ErrNoTable
		}
		if t.i < len(t.page.rows) {
			x := t.page.rows[t.i]
			list, bag := any(x.v).(sized)
			if !bag {
				t.i++
				return textOf(x.k, x.v, t.bytes), true, nil
			}
			if t.of < list.size() {
				t.of++
				return textOf(x.k, list.at(t.of-1), t.bytes), true, nil
			}
			t.i, t.of = t.i+1, 0
			continue
		}
		if t.done {
			return r, false, nil
		}
		t.fetch()
	}
}

func (t *rowsOfText[K, V]) fetch() {
	c := t.from.core
	if d, ordered := c.dir.(*treeDir[K, V]); ordered {
		t.left, t.done = Scans[K, V]{t.from}.up(d, t.left, &t.page)
		t.done = !t.done
	} else {
		t.cursor = c.page(t.cursor, &t.page)
		t.done = t.cursor.end
	}
	t.i, t.of = 0, 0
}

func textOf(k, v any, most int) (r RowText) {
	var cut [2]bool
	r.Key, cut[0] = jsonOf(k, most)
	r.Value, cut[1] = jsonOf(v, most)
	r.Cut = cut[0] || cut[1]
	return r
}

// jsonOf is a value as JSON, or a JSON string of what fmt prints.
func jsonOf(v any, most int) (text string, cut bool) {
	b, err := json.Marshal(v)
	if err != nil || string(b) == "{}" && hides(v) {
		b = quoted(fmt.Sprintf("%+v", v))
	}
	if len(b) <= most {
		return string(b), false
	}
	return string(quoted(string(b[:most]) + "...")), true
}

// hides reports whether v has fields that JSON does not show.
func hides(v any) bool {
	t := reflect.TypeOf(v)
	return t.Kind() == reflect.Struct && t.NumField() > 0
}

func quoted(s string) []byte {
	b, _ := json.Marshal(s) // a string always can be
	return b
}
