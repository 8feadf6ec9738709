// SPDX-License-Identifier: Apache-2.0

package db

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
)

// keyCodec writes keys so that their bytes have the order of the keys.
type keyCodec struct {
	sig    string // what is written down of the type
	append func(b []byte, v reflect.Value) []byte
	cut    func(b []byte, v reflect.Value) ([]byte, error)
}

var errKey = errors.New("a stored key is damaged")

// keyCodecOf compiles the codec of a type, or says which part of it cannot be a key.
func keyCodecOf(t reflect.Type) (keyCodec, error) {
	switch t.Kind() {
	case reflect.String:
		return keyCodec{"string", func(b []byte, v reflect.Value) []byte { return appendString(b, v.String()) },
			func(b []byte, v reflect.Value) ([]byte, error) {
				s, rest, err := cutString(b)
				v.SetString(s)
				return rest, err
			}}, nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return fixed("int", 8, func(v reflect.Value) uint64 { return uint64(v.Int()) ^ 1<<63 },
			func(v reflect.Value, n uint64) { v.SetInt(int64(n ^ 1<<63)) }), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return fixed("uint", 8, reflect.Value.Uint, reflect.Value.SetUint), nil
	case reflect.Float32, reflect.Float64:
		return fixed("float", 8, func(v reflect.Value) uint64 { return orderFloat(v.Float()) },
			func(v reflect.Value, n uint64) { v.SetFloat(unorderFloat(n)) }), nil
	case reflect.Bool:
		return keyCodec{"bool", func(b []byte, v reflect.Value) []byte {
			if v.Bool() {
				return append(b, 1)
			}
			return append(b, 0)
		}, func(b []byte, v reflect.Value) ([]byte, error) {
			if len(b) < 1 {
				return nil, errKey
			}
			v.SetBool(b[0] == 1)
			return b[1:], nil
		}}, nil
	case reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return byteArray(t.Len()), nil
		}
	case reflect.Struct:
		return structCodec(t)
	}
	return keyCodec{}, fmt.Errorf("%v cannot be a key: use strings, numbers, bools, arrays of bytes, or a struct of these", t)
}

// plainKey is what the codec of the commonest types appends, without reflection.
func plainKey[K any](b []byte, k *K) (_ []byte, ok bool) {
	switch k := any(k).(type) {
	case *string:
		return appendString(b, *k), true
	case *int:
		return binary.BigEndian.AppendUint64(b, uint64(*k)^1<<63), true
	case *int64:
		return binary.BigEndian.AppendUint64(b, uint64(*k)^1<<63), true
	case *uint64:
		return binary.BigEndian.AppendUint64(b, *k), true
	}
	return b, false
}

func fixed(sig string, size int, get func(reflect.Value) uint64, set func(reflect.Value, uint64)) keyCodec {
	return keyCodec{sig, func(b []byte, v reflect.Value) []byte { return binary.BigEndian.AppendUint64(b, get(v)) },
		func(b []byte, v reflect.Value) ([]byte, error) {
			if len(b) < size {
				return nil, errKey
			}
			set(v, binary.BigEndian.Uint64(b))
			return b[size:], nil
		}}
}

// orderFloat turns a number into bits that have its order. The two zeros are one key, and so are all that are not a number.
func orderFloat(f float64) uint64 {
	if f == 0 {
		f = 0
	}
	if f != f {
		f = math.NaN()
	}
	n := math.Float64bits(f)
	if n>>63 == 1 {
		return ^n
	}
	return n | 1<<63
}

func unorderFloat(n uint64) float64 {
	if n>>63 == 1 {
		return math.Float64frombits(n &^ (1 << 63))
	}
	return math.Float64frombits(^n)
}

func byteArray(size int) keyCodec {
	return keyCodec{fmt.Sprintf("[%d]byte", size), func(b []byte, v reflect.Value) []byte {
		for i := range size {
			b = append(b, byte(v.Index(i).Uint()))
		}
		return b
	}, func(b []byte, v reflect.Value) ([]byte, error) {
		if len(b) < size {
			return nil, errKey
		}
		reflect.Copy(v, reflect.ValueOf(b[:size]))
		return b[size:], nil
	}}
}

func structCodec(t reflect.Type) (keyCodec, error) {
	var fields []keyCodec
	var sigs []string
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			return keyCodec{}, fmt.Errorf("%v cannot be a key: its field %s is not exported", t, f.Name)
		}
		c, err := keyCodecOf(f.Type)
		if err != nil {
			return keyCodec{}, fmt.Errorf("field %s: %w", f.Name, err)
		}
		fields, sigs = append(fields, c), append(sigs, c.sig)
	}
	if len(fields) == 0 {
		return keyCodec{}, fmt.Errorf("%v cannot be a key: it has no fields", t)
	}
	return keyCodec{"{" + strings.Join(sigs, " ") + "}", func(b []byte, v reflect.Value) []byte {
		for i, c := range fields {
			b = c.append(b, v.Field(i))
		}
		return b
	}, func(b []byte, v reflect.Value) (_ []byte, err error) {
		for i, c := range fields {
			if b, err = c.cut(b, v.Field(i)); err != nil {
				return nil, err
			}
		}
		return b, nil
	}}, nil
}

// appendString writes a string with an end that sorts before everything that could follow in a longer one.
func appendString(b []byte, s string) []byte {
	for {
		i := strings.IndexByte(s, 0)
		if i < 0 {
			return append(append(b, s...), 0, 1)
		}
		b = append(append(b, s[:i]...), 0, 0xff)
		s = s[i+1:]
	}
}

func cutString(b []byte) (s string, rest []byte, err error) {
	var out []byte
	for {
		i := bytes.IndexByte(b, 0)
		if i < 0 || i+1 >= len(b) {
			return "", nil, errKey
		}
		out = append(out, b[:i]...)
		end := b[i+1]
		b = b[i+2:]
		switch end {
		case 1:
			return string(out), b, nil
		case 0xff:
			out = append(out, 0)
		default:
			return "", nil, errKey
		}
	}
}
