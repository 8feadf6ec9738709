// SPDX-License-Identifier: Apache-2.0

package index

import (
	"reflect"
	"strings"
	"testing"
)

func words(text string) []string {
	var list []string
	Words([]byte(text), func(w []byte) { list = append(list, string(w)) })
	return list
}

func TestWords(t *testing.T) {
	long := strings.Repeat("x", MaxWord)
	for text, want := range map[string][]string{
		"":                             nil,
		"  ;; 12 \n":                   nil,
		"Go":                           {"go"},
		"func (n *Node) Call(x int64)": {"func", "n", "node", "call", "x", "int64"},
		"0x1F 12ab _a1 __":             {"_a1", "__"}, // what starts with a digit is a number
		"don't a.b a-b":                {"don", "t", "a", "b", "a", "b"},
		"Zürich ÄÖ naïve":              {"zürich", "äö", "naïve"},
		"日本語 текст":                    {"日本語", "текст"},
		"a\xffb \xc3(":                 {"a", "b"},  // bytes that are no UTF-8 part words
		"\u0301x e\u0301":              {"e\u0301"}, // a mark goes on with a word, and cannot start one
		long + " " + long + "x y":      {long, "y"}, // too long: no word
		strings.Repeat("é", MaxWord):   nil,         // counted in bytes
		"a\x00b":                       {"a", "b"},
	} {
		if got := words(text); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// FuzzWords checks what every word must be, and that cutting at a gap changes nothing.
func FuzzWords(f *testing.F) {
	f.Add("func main() {}", "日本 x")
	f.Add("\xff\xc3", strings.Repeat("é", 70))
	f.Fuzz(func(t *testing.T, a, b string) {
		whole := words(a + " " + b)
		if parts := append(words(a), words(b)...); !reflect.DeepEqual(whole, parts) {
			t.Errorf("cut in two: %q, whole: %q", parts, whole)
		}
		for _, w := range whole {
			if len(w) == 0 || len(w) > MaxWord || strings.ContainsAny(w, "\t\n ") {
				t.Errorf("not a word: %q", w)
			}
			if again := words(w); len(again) != 1 {
				t.Errorf("the word %q is not one word: %q", w, again)
			}
		}
	})
}

func BenchmarkWords(b *testing.B) {
	text := []byte(strings.Repeat("func (n *Node) Context(ctx context.Context) context.Context { return &nodeCtx{ctx, n} }\n", 1000))
	b.SetBytes(int64(len(text)))
	n := 0
	for b.Loop() {
		Words(text, func([]byte) { n++ })
	}
	if n%13000 != 0 {
		b.Fatalf("%d words, want a multiple of 13000", n)
	}
}
