// SPDX-License-Identifier: Apache-2.0

package db

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/banyan-go/banyan/etf"
)

// Tools know neither the types of keys nor those of values: keys are read by what is written down of their type, values as the terms that they are. As JSON
// a key of several fields is an array, one of bytes their hexadecimal digits.

// keyType makes a Go type of what is written down of a key's.
func keyType(sig string) (reflect.Type, error) {
	t, rest, err := cutType(sig)
	if err == nil && rest != "" {
		err = errSig
	}
	if err != nil {
		return nil, fmt.Errorf("db: keys %q: %w", sig, err)
	}
	return t, nil
}

var errSig = errors.New("the type is written down by a newer version")

func cutType(s string) (t reflect.Type, rest string, err error) {
	for name, t := range map[string]reflect.Type{"string": reflect.TypeFor[string](), "int": reflect.TypeFor[int64](), "uint": reflect.TypeFor[uint64](),
		"float": reflect.TypeFor[float64](), "bool": reflect.TypeFor[bool]()} {
		if rest, ok := strings.CutPrefix(s, name); ok {
			return t, rest, nil
		}
	}
	if inner, ok := strings.CutPrefix(s, "["); ok {
		size, rest, ok := strings.Cut(inner, "]byte")
		n, err := strconv.Atoi(size)
		if !ok || err != nil || n < 0 || n > 1<<16 {
			return nil, "", errSig
		}
		return reflect.ArrayOf(n, reflect.TypeFor[byte]()), rest, nil
	}
	if !strings.HasPrefix(s, "{") {
		return nil, "", errSig
	}
	var fields []reflect.StructField
	for rest = s; !strings.HasPrefix(rest, "}"); {
		if t, rest, err = cutType(rest[1:]); err != nil || rest == "" {
			return nil, "", errSig
		}
		fields = append(fields, reflect.StructField{Name: fmt.Sprint("F", len(fields)), Type: t})
	}
	return reflect.StructOf(fields), rest[1:], nil
}

// keyText is a key as JSON.
func keyText(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Struct:
		list := []any{}
		for i := range v.NumField() {
			list = append(list, keyText(v.Field(i)))
		}
		return list
	case reflect.Array:
		b := make([]byte, v.Len())
		reflect.Copy(reflect.ValueOf(b), v)
		return hex.EncodeToString(b)
	case reflect.String:
		return v.String()
	}
	return v.Interface()
}

// ErrKeyText: what was given is not a key of the table, as JSON.
var ErrKeyText = errors.New("not a key of the table")

// setKey reads what keyText has made. A string need not stand in quotes.
func setKey(v reflect.Value, text string) error {
	if v.Kind() == reflect.String || v.Kind() == reflect.Array {
		if !strings.HasPrefix(text, `"`) {
			text = string(must(json.Marshal(text)))
		}
	}
	bad := func() error { return fmt.Errorf("%w: %s, where one of type %v is wanted", ErrKeyText, text, v.Kind()) }
	switch v.Kind() {
	case reflect.Struct:
		var list []json.RawMessage
		if json.Unmarshal([]byte(text), &list) != nil || len(list) != v.NumField() {
			return bad()
		}
		for i, m := range list {
			if err := setKey(v.Field(i), string(m)); err != nil {
				return err
			}
		}
		return nil
	case reflect.Array:
		var s string
		if json.Unmarshal([]byte(text), &s) != nil {
			return bad()
		}
		b, err := hex.DecodeString(s)
		if err != nil || len(b) != v.Len() {
			return bad()
		}
		reflect.Copy(v, reflect.ValueOf(b))
		return nil
	}
	d := json.NewDecoder(strings.NewReader(text))
	if d.Decode(v.Addr().Interface()) != nil || d.More() {
		return bad()
	}
	return nil
}

// must is for JSON of strings and of what jsonOf has made, which cannot fail.
func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

// valueText is a stored value as JSON. What is no JSON is a string of what Erlang would print.
func valueText(stored []byte) string {
	var t any
	if err := etf.Unmarshal(stored, &t); err != nil {
		return string(must(json.Marshal(fmt.Sprintf("%x: %v", stored, err))))
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(jsonOf(t)); err != nil { // numbers that JSON has not
		return string(must(json.Marshal(etf.Format(t))))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// jsonOf makes of a term what JSON has.
func jsonOf(t any) any {
	switch t := t.(type) {
	case etf.Atom:
		switch t {
		case "true":
			return true
		case "false":
			return false
		case "nil":
			return nil
		}
		return string(t)
	case []byte:
		if utf8.Valid(t) {
			return string(t)
		}
		return hex.EncodeToString(t)
	case int, float64:
		return t
	case etf.List:
		return jsonList(t)
	case etf.Tuple:
		return jsonList(t)
	case etf.Map:
		m := map[string]any{}
		for _, p := range t {
			m[jsonKey(p.Key)] = jsonOf(p.Value)
		}
		return m
	}
	return etf.Format(t)
}

func jsonKey(t any) string {
	if s, ok := jsonOf(t).(string); ok {
		return s
	}
	return etf.Format(t)
}

func jsonList(list []any) []any {
	all := make([]any, len(list))
	for i, t := range list {
		all[i] = jsonOf(t)
	}
	return all
}
