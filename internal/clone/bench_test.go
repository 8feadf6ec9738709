// SPDX-License-Identifier: Apache-2.0

package clone

import (
	"reflect"
	"testing"
	"unsafe"
)

func benchmark[T any](b *testing.B, name string, src T) {
	b.Run(name, func(b *testing.B) {
		p, dst := of[T](), *new(T)
		b.ReportAllocs()
		for b.Loop() {
			if err := p.Copy(unsafe.Pointer(&dst), unsafe.Pointer(&src)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkCopy(b *testing.B) {
	benchmark(b, "ints100", make([]int, 100))
	benchmark(b, "point", point{1, 2, "x"})
	benchmark(b, "lines", []line{{"tea", 1, []string{"a", "b"}}, {"cup", 1, []string{"c"}}})
	m := map[string]int{}
	for _, k := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"} {
		m[k] = 1
	}
	benchmark(b, "map10", m)
	benchmark(b, "list2", &list{1, &list{2, nil}})
	benchmark(b, "json", any(map[string]any{"a": 1, "b": []any{"x", 2.5}, "c": map[string]any{"d": true}}))
	benchmark(b, "order", sample())
}

func BenchmarkOf(b *testing.B) {
	t := reflect.TypeFor[order]()
	for b.Loop() {
		if _, err := Of(t); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSize(b *testing.B) {
	p, src := of[order](), sample()
	for b.Loop() {
		p.Size(unsafe.Pointer(&src))
	}
}
