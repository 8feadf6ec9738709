// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/banyan-go/banyan/etf"
)

// Large binaries arrive as they were sent, whatever buffers are used again meanwhile at either end, and what a receiver
// has been given never changes.
func TestLargeMessagesKeepTheirBytes(t *testing.T) {
	pa, pb, ab, _ := tcpPair(t, nil, nil)
	source := rand.NewChaCha8([32]byte{1})
	r := rand.New(source)
	var sent, got [][]byte
	for i := range 30 {
		size := 1 << (10 + r.IntN(13)) // up to 4 MiB
		if i%10 == 9 {
			size = 9 << 20
		}
		b := make([]byte, size+r.IntN(100))
		source.Read(b)
		sent = append(sent, bytes.Clone(b))
		push(t, ab, text(pa.pid(uint32(1+i%3)), pb.pid(1), etf.Tuple{i, b}))
		clear(b) // it is the sender's again
		v := pb.next(t, "signal").signal.Body.Value.(etf.Tuple)
		if v[0] != i {
			t.Fatal(v[0])
		}
		got = append(got, v[1].([]byte))
	}
	for i := range sent {
		if !bytes.Equal(sent[i], got[i]) {
			t.Errorf("message %d, of %d bytes, is not what was sent", i, len(sent[i]))
		}
	}
}

// A message that will not be taken is known by its size before it is encoded.
func TestRoughSize(t *testing.T) {
	type inner struct{ Text string }
	type message struct {
		I    int
		Data []byte
		In   *inner
		Any  any
	}
	m := message{Data: make([]byte, 100), In: &inner{"hello"}, Any: []int64{1, 2}}
	if n := roughSize(reflect.ValueOf(&m), 4); n != 100+5+16 {
		t.Errorf("%d", n)
	}
	if n := roughSize(reflect.ValueOf(nil), 3); n != 0 {
		t.Errorf("nil: %d", n)
	}
}

// One huge buffer is used again, and let go of when nobody has used it for a while.
func TestHugeBufferIsUsedAgain(t *testing.T) {
	p := newEncoderPool()
	huge := make([]byte, keepEncoded+1)
	p.recycle(huge[:10])
	p.recycle(make([]byte, 2*keepEncoded)[:0]) // the larger one stays
	e := p.get()
	if cap(e.buf) < 2*keepEncoded || len(e.buf) != 0 {
		t.Fatalf("a buffer of %d", cap(e.buf))
	}
	if other := p.get(); cap(other.buf) > keepEncoded {
		t.Fatal("two have it")
	}
	e.enc.Reset(e.buf, nil)
	p.put(e)
	p.tire()
	if e = p.get(); cap(e.buf) < 2*keepEncoded {
		t.Fatal("it was let go of too soon")
	}
	e.enc.Reset(e.buf, nil)
	p.put(e)
	p.tire()
	p.tire()
	if e := p.get(); cap(e.buf) > keepEncoded {
		t.Fatal("it was not let go of")
	}
}
