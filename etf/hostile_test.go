// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"runtime"
	"strings"
	"testing"
	"time"
)

// allocated is how many bytes f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func times(n int, b ...byte) []byte { return bytes.Repeat(b, n) }

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// head is a tag with a 32 bit count.
func head(tag byte, n uint32) []byte { return binary.BigEndian.AppendUint32([]byte{tag}, n) }

// nestedClaims is lists in lists, each of which claims as many elements as there are bytes behind it.
func nestedClaims(tag byte, size int) []byte {
	b := []byte{131}
	for len(b) < size {
		n := size - len(b) - 10
		if tag == tagMap {
			n /= 2
		}
		b = append(b, head(tag, uint32(max(n, 0)))...)
		if tag == tagMap {
			b = append(b, tagNil)
		}
	}
	return b
}

// words is a keyword list as a map.
type words struct {
	M map[string]int `etf:",keyword"`
}

func init() { register[words]("{}") }

// options is n different atoms of 5 bytes.
func options(n int) (b []byte) {
	for i := range n {
		b = append(b, tagSmallAtomUTF8, 3, byte('a'+i%26), byte('a'+i/26%26), byte('a'+i/676%26))
	}
	return b
}

func TestHostileInputIsCheap(t *testing.T) {
	const size = 100_000
	many := uint32(size - 10)
	for _, c := range []struct {
		name string
		data []byte
	}{
		{"list of 2^32-1", join([]byte{131}, head(tagList, 1<<32-1), times(size, tagNil))},
		{"tuple of 2^32-1", join([]byte{131}, head(tagLargeTuple, 1<<32-1), times(size, tagNil))},
		{"map of 2^31", join([]byte{131}, head(tagMap, 1<<31), times(size, tagNil))},
		{"nested lists that claim the rest", nestedClaims(tagList, size)},
		{"nested tuples that claim the rest", nestedClaims(tagLargeTuple, size)},
		{"nested maps that claim the rest", nestedClaims(tagMap, size)},
		{"list of empty lists", join([]byte{131}, head(tagList, many), times(size, tagNil))},
		{"list of tuples of one", join([]byte{131}, head(tagList, many/3), times(size/3, tagSmallTuple, 1, tagNil))},
		{"list of lists of one", join([]byte{131}, head(tagList, many/7), times(size/7, tagList, 0, 0, 0, 1, tagNil, tagNil))},
		{"chain of empty lists", join([]byte{131}, times(size/5, tagList, 0, 0, 0, 0), []byte{tagNil})},
		{"chain of lists of one", join([]byte{131}, times(size/6, tagList, 0, 0, 0, 1, tagNil), []byte{tagNil})},
		{"deep tuples", join([]byte{131}, times(size/2, tagSmallTuple, 1), []byte{tagNil})},
		{"deep lists", join([]byte{131}, times(size/5, tagList, 0, 0, 0, 1), []byte{tagNil})},
		{"deep map values", join([]byte{131}, times(size/6, tagMap, 0, 0, 0, 1, tagNil), []byte{tagNil})},
		{"deep map keys", join([]byte{131}, times(size/5, tagMap, 0, 0, 0, 1), []byte{tagNil})},
		{"fun with 2^32-1 variables", join([]byte{131, tagNewFun, 0, 0, 0, 60, 0}, times(20, 0), []byte{255, 255, 255, 255, 119, 1, 'm', 97, 0, 97, 0, 103, 119, 1, 'n'}, times(9, 0), times(99, tagNil))},
		{"map of equal keys", join([]byte{131}, head(tagMap, many/2), times(size, tagNil))},
		{"string", join([]byte{131}, head(tagList, 1), []byte{tagString, 255, 255}, times(65535, 7), []byte{tagNil})},
		{"floats", join([]byte{131}, head(tagList, size/9), times(size/9, tagNewFloat, 1, 2, 3, 4, 5, 6, 7, 8), []byte{tagNil})},
		{"many options", join([]byte{131}, head(tagList, size/5), options(size/5), []byte{tagNil})},
		{"many dates", join([]byte{131}, head(tagList, size/13), times(size/13, tagMap, 0, 0, 0, 2, 97, 1, 97, 1, 97, 2, 97, 2), []byte{tagNil})},
		{"atoms", join([]byte{131}, head(tagList, size/3), times(size/6, 119, 1, 'a', 119, 1, 'b'), []byte{tagNil})},
	} {
		for _, into := range []func() any{
			func() any { return new(any) },
			func() any { return new(tree) },
			func() any { return new([]order) },
			func() any { return new([]tree) },
			func() any { return new([][][][]order) },
			func() any { return new(map[any]order) },
			func() any { return new(string) },
			func() any { return new([]string) },
			func() any { return new(settings) },
			func() any { return new([]settings) },
			func() any { return new(words) },
			func() any { return new([]time.Time) },
		} {
			var err error
			target := into()
			if got := allocated(func() { err = Unmarshal(c.data, target) }); got > 64*uint64(size)+1<<20 {
				t.Errorf("%s into %T: %d bytes allocated for %d (%v)", c.name, target, got, len(c.data), err)
			}
		}
		_, _, err := DecodeTerm(c.data, Limits{MaxDepth: 1000})
		if strings.HasPrefix(c.name, "deep") && (err == nil || !strings.Contains(err.Error(), "deeper")) {
			t.Errorf("%s: %v", c.name, err)
		}
		var d Decoder
		d.Reset(c.data[1:], nil, Limits{})
		if got := allocated(func() { _ = d.Skip() }); got > 10_000 {
			t.Errorf("%s: skipping allocated %d bytes", c.name, got)
		}
	}
}

func TestCompressedBomb(t *testing.T) {
	const size = 100 << 20
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	w.Write(join(head(tagBinary, size-5)))
	zero := make([]byte, 1<<20)
	for range size >> 20 {
		w.Write(zero)
	}
	w.Close()
	for _, claim := range []uint32{size, 1000, 64 << 20, 1<<32 - 1} {
		data := join([]byte{131}, head(tagCompressed, claim), z.Bytes())
		var err error
		if got := allocated(func() { _, _, err = DecodeTerm(data, Limits{MaxBytes: 1 << 20}) }); err == nil || got > 4<<20 {
			t.Errorf("claiming %d: %d bytes allocated, %v", claim, got, err)
		}
	}
}

func TestLimits(t *testing.T) {
	data, err := Marshal(List{List{List{1000}}, Tuple{1, 2}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		lim Limits
		ok  bool
	}{
		{Limits{}, true}, {DefaultLimits(), true}, {Limits{MaxDepth: 3}, true}, {Limits{MaxDepth: 2}, false},
		{Limits{MaxElems: 9}, true}, {Limits{MaxElems: 5}, false},
	} {
		if _, _, err := DecodeTerm(data, c.lim); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c.lim, err)
		}
	}
}

// After an error in the middle a Decoder must not count the abandoned containers.
func TestDecoderRecovers(t *testing.T) {
	bad := []byte{tagSmallTuple, 3, tagSmallTuple, 3, 97, 1, 255, 0, 0, 0, 0}
	var d Decoder
	d.Reset(bad, nil, Limits{MaxDepth: 2})
	for range 10 {
		d.SetPos(0)
		if _, err := d.Term(); err == nil || !strings.Contains(err.Error(), "255") {
			t.Fatal(err)
		}
		d.SetPos(0)
		if err := d.Into(new(any)); err == nil || !strings.Contains(err.Error(), "255") {
			t.Fatal(err)
		}
	}
}
