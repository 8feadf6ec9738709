// SPDX-License-Identifier: Apache-2.0

package db

import (
	"bytes"
	"cmp"
	"math"
	"reflect"
	"testing"
)

type compound struct {
	S string
	I int32
	U uint16
	B bool
	A [3]byte
}

func compare(a, b compound) int {
	bool2int := map[bool]int{true: 1}
	return cmp.Or(cmp.Compare(a.S, b.S), cmp.Compare(a.I, b.I), cmp.Compare(a.U, b.U), cmp.Compare(bool2int[a.B], bool2int[b.B]), bytes.Compare(a.A[:], b.A[:]))
}

// FuzzKeyOrder: the bytes of keys have the order of the keys, and give them back.
func FuzzKeyOrder(f *testing.F) {
	f.Add("a", "a\x00", int32(-1), int32(1), uint16(3), uint16(2), true, byte(0))
	f.Add("", "\x00\x01", int32(0), int32(math.MinInt32), uint16(0), uint16(0), false, byte(255))
	c, err := keyCodecOf(reflect.TypeFor[compound]())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s1, s2 string, i1, i2 int32, u1, u2 uint16, b bool, x byte) {
		k1, k2 := compound{s1, i1, u1, b, [3]byte{x}}, compound{s2, i2, u2, !b, [3]byte{1, x}}
		b1, b2 := c.append(nil, reflect.ValueOf(k1)), c.append(nil, reflect.ValueOf(k2))
		if bytes.Compare(b1, b2) != compare(k1, k2) {
			t.Errorf("%+v and %+v have another order as bytes: %x, %x", k1, k2, b1, b2)
		}
		var back compound
		if rest, err := c.cut(b1, reflect.ValueOf(&back).Elem()); err != nil || len(rest) > 0 || back != k1 {
			t.Errorf("%+v came back as %+v, %v", k1, back, err)
		}
	})
}

func TestFloatOrder(t *testing.T) {
	list := []float64{math.Inf(-1), -math.MaxFloat64, -1, -math.SmallestNonzeroFloat64, 0, math.SmallestNonzeroFloat64, 1, math.Inf(1)}
	for i := range list[1:] {
		if orderFloat(list[i]) >= orderFloat(list[i+1]) {
			t.Errorf("%g does not come before %g", list[i], list[i+1])
		}
		if f := unorderFloat(orderFloat(list[i])); f != list[i] {
			t.Errorf("%g came back as %g", list[i], f)
		}
	}
	if orderFloat(math.Copysign(0, -1)) != orderFloat(0) {
		t.Error("the zeros are two keys")
	}
}

// TestPlainKeys: keys that are written without reflection are the same.
func TestPlainKeys(t *testing.T) {
	plain(t, "a\x00b", "")
	plain(t, 7, -7)
	plain(t, int64(1)<<60, int64(-5))
	plain(t, uint64(1)<<63, uint64(0))
	if _, ok := plainKey(nil, new(bool)); ok {
		t.Error("a bool is one of the commonest keys")
	}
}

func plain[K any](t *testing.T, keys ...K) {
	t.Helper()
	c, err := keyCodecOf(reflect.TypeFor[K]())
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		b, ok := plainKey([]byte("p"), &k)
		if slow := c.append([]byte("p"), reflect.ValueOf(&k).Elem()); !ok || string(b) != string(slow) {
			t.Errorf("%v is %x, and %x by its codec", k, b, slow)
		}
	}
}
