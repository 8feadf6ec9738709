// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"bytes"
	"testing"
)

// A large binary of an input that is given away is lent, not copied; a small one, or one of an input that is used again,
// never is.
func TestOwnedInputIsLent(t *testing.T) {
	for _, c := range []struct {
		name  string
		size  int
		owned bool
		lent  bool
	}{
		{"large", 1 << 20, true, true},
		{"large, not owned", 1 << 20, false, false},
		{"small", 100, true, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := bytes.Repeat([]byte{7}, c.size)
			var e Encoder
			e.Reset(nil, nil)
			e.Tuple(2)
			e.Binary(want)
			e.Binary([]byte("tail"))
			data := e.Bytes()
			var d Decoder
			d.Reset(data, nil, DefaultLimits())
			d.Owned = c.owned
			got, err := d.Term()
			if err != nil || d.Lent != c.lent {
				t.Fatalf("lent %v, %v", d.Lent, err)
			}
			b := got.(Tuple)[0].([]byte)
			if !bytes.Equal(b, want) || cap(b) != len(b) && c.lent {
				t.Error("the binary is not what it was")
			}
			clear(data)
			if bytes.Equal(b, want) == c.lent {
				t.Errorf("refers to the input: %v", !c.lent)
			}
			if string(got.(Tuple)[1].([]byte)) != "tail" {
				t.Error("a small binary refers to the input")
			}
		})
	}
}
