// SPDX-License-Identifier: Apache-2.0

package banyan

import (
	"sync"
	"unsafe"
)

// envelope is one queued message, held by value in the mailbox.
type envelope struct {
	rec  *record        // nil: taken back (a flushed Down), skip it
	ptr  unsafe.Pointer // the *call of a call, the value of an info (see infoEnvelope), the boxed message of a cast; nil if it rides in word
	word [2]uint64      // a message without pointers of up to 16 bytes
	gen  uint32         // of the call
	size uint32         // bytes charged to the mailbox
}

// buffer holds envelopes in order. The mailbox swaps whole buffers, so that its lock is taken once a batch.
type buffer struct {
	env []envelope
	pos int // the next to be handled
}

// bufferPool keeps buffers of idle processes: at rest a mailbox holds none.
var bufferPool = sync.Pool{New: func() any { return &buffer{env: make([]envelope, 0, 16)} }}

const keepEnvelopes = 8192 // larger buffers go to the garbage collector

func newBuffer() *buffer { return bufferPool.Get().(*buffer) }

// recycle gives a buffer back; its envelopes must be zero already, so that no message is kept alive.
func (b *buffer) recycle() {
	if cap(b.env) > keepEnvelopes {
		return
	}
	b.env, b.pos = b.env[:0], 0
	bufferPool.Put(b)
}

// putMessage stores a message for e: inside, boxed, or copied if somebody could still change it. p may be nil.
func putMessage[M any](e *envelope, pl *payload, m M) error {
	if pl.inline {
		*(*M)(unsafe.Pointer(&e.word)) = m
		return nil
	}
	box := new(M)
	*box = m
	if !pl.flat {
		if err := pl.plan.Copy(unsafe.Pointer(box), unsafe.Pointer(box)); err != nil {
			return err
		}
	}
	e.size = uint32(pl.size)
	if pl.refers {
		e.size = uint32(min(pl.plan.Size(unsafe.Pointer(box)), 1<<31))
	}
	e.ptr = unsafe.Pointer(box)
	return nil
}
