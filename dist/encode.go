// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist/internal/control"
	"github.com/banyan-go/banyan/etf"
)

// encoder encodes one signal.
type encoder struct {
	enc   etf.Encoder
	table etf.AtomTable
	buf   []byte
	again again
}

// keepEncoded is the largest buffer that goes back to a pool.
const keepEncoded = 4 << 20

// encoderPool keeps encoders for reuse, and buffers of large messages that have been sent.
type encoderPool struct {
	pool, large sync.Pool
	// huge is one buffer over keepEncoded. Memory that is new can cost many times the copy that is made to it, and a pool would
	// lose it, as such messages make the garbage collector run. Whom it helps uses it often: else tire lets go of it.
	huge atomic.Pointer[[]byte]
	idle atomic.Bool // it has not been used since tire was called last
}

func newEncoderPool() *encoderPool {
	return &encoderPool{pool: sync.Pool{New: func() any { return new(encoder) }}}
}

func (p *encoderPool) get() *encoder {
	e := p.pool.Get().(*encoder)
	if p.huge.Load() != nil { // spares the others a write
		if b := p.huge.Swap(nil); b != nil {
			e.buf = (*b)[:0]
		}
	}
	return e
}

func (p *encoderPool) put(e *encoder) {
	if e.buf = e.enc.Bytes(); cap(e.buf) > keepEncoded {
		p.recycle(e.buf)
		e.buf = nil
	}
	e.enc.Reset(e.buf[:0], nil)
	p.pool.Put(e)
}

// release gives e's bytes away: somebody keeps them, until he gives them back by recycle.
func (p *encoderPool) release(e *encoder) {
	var buf []byte
	if b, ok := p.large.Get().(*[]byte); ok {
		buf = (*b)[:0]
	}
	e.enc.Reset(buf, nil)
}

// recycle takes the bytes of a large message that has been sent.
func (p *encoderPool) recycle(b []byte) {
	switch {
	case cap(b) > keepEncoded:
		p.idle.Store(false)
		if old := p.huge.Swap(&b); old != nil && cap(*old) > cap(b) {
			p.huge.Store(old)
		}
	case cap(b) > 0:
		p.large.Put(&b)
	}
}

// tire is called now and then, and lets go of what was not used since the last time.
func (p *encoderPool) tire() {
	if p.huge.Load() != nil && p.idle.Swap(true) {
		p.huge.Store(nil)
	}
}

// signal encodes s, with nobody as the sender if it has none, and returns the length of the control term. With plain the terms stand alone: no atom references, and
// a version byte each.
func (e *encoder) signal(nobody banyan.PID, s *banyan.Signal, plain bool) (ctl int, err error) {
	table := &e.table
	e.table.Reset()
	if plain {
		table = nil
	}
	e.enc.Reset(e.buf[:0], table)
	if plain {
		e.enc.Version()
	}
	payload := control.Body
	if !plain && e.again.fits(s) {
		e.enc.Reset(append(e.buf[:0], e.again.term...), table)
		for _, a := range e.again.atoms {
			table.Index(a)
		}
		ctl = len(e.again.term)
	} else {
		if payload, err = control.Encode(&e.enc, nobody, s); err != nil {
			return 0, err
		}
		ctl = len(e.enc.Bytes())
		if !plain {
			e.again.note(s, e.enc.Bytes(), table.Atoms())
		}
	}
	if plain && payload != control.NoPayload {
		e.enc.Version()
	}
	switch payload {
	case control.Body:
		err = e.body(s)
	case control.Reason:
		err = e.enc.Term(reasonTerm(s.Reason))
		if err != nil { // a term that cannot travel must not keep the end of a process from being told
			err = e.enc.Term(goError(s.Reason))
		}
	case control.Args:
		err = e.enc.Term(etf.List(s.Spawn.Args))
	}
	if err == nil {
		err = e.enc.Err()
	}
	return ctl, err
}

// body writes the message of a send as its kind wants it.
func (e *encoder) body(s *banyan.Signal) error {
	b, enc := &s.Body, &e.enc
	switch b.Kind {
	case banyan.BodyTerm:
	case banyan.BodyCall, banyan.BodySystem:
		from := b.From
		if from.IsZero() {
			from = s.From
		}
		enc.Tuple(3)
		if b.Kind == banyan.BodySystem {
			enc.Atom(systemAtom)
		} else if b.Asks {
			enc.Atom(loadCall)
		} else {
			enc.Atom(genCall)
		}
		enc.Tuple(2)
		enc.PID(from)
		if err := e.tag(b); err != nil {
			return err
		}
	case banyan.BodyCast:
		enc.Tuple(2)
		enc.Atom(genCast)
	case banyan.BodyReply:
		if b.Load.Known {
			return e.loadedReply(b)
		}
		enc.Tuple(2)
		if err := e.tag(b); err != nil {
			return err
		}
	default:
		return fmt.Errorf("dist: a body of kind %d", b.Kind)
	}
	return e.value(b)
}

// loadedReply is a reply of four elements, to a call that asked for the load.
func (e *encoder) loadedReply(b *banyan.Body) error {
	e.enc.Tuple(4)
	if err := e.tag(b); err != nil {
		return err
	}
	if err := e.value(b); err != nil {
		return err
	}
	e.enc.Int(int64(b.Load.Backlog))
	e.enc.Int(int64(b.Load.Service))
	return e.enc.Err()
}

// value writes the message itself, or the error in place of a reply.
func (e *encoder) value(b *banyan.Body) error {
	enc := &e.enc
	switch {
	case b.Kind == banyan.BodyReply && b.Err != nil:
		enc.Tuple(2)
		enc.Atom("error")
		if err := enc.Term(reasonTerm(b.Err)); err != nil {
			return enc.Term(goError(b.Err))
		}
		return nil
	case b.Typed:
		return enc.Pointer(b.Value)
	}
	return enc.Term(b.Value)
}

// tag writes what tells one call from another: a foreign caller's term unchanged, else [alias | Tag], an improper list.
func (e *encoder) tag(b *banyan.Body) error {
	if b.TagTerm != nil {
		return e.enc.Term(b.TagTerm)
	}
	e.enc.List(1)
	e.enc.Atom(aliasAtom)
	e.enc.Ref(b.Tag)
	return e.enc.Err()
}

// What gen_server and its like put around messages.
const (
	genCall   banyan.Atom = "$gen_call"
	genCast   banyan.Atom = "$gen_cast"
	aliasAtom banyan.Atom = "alias"

	systemAtom banyan.Atom = "system"

	// loadCall is genCall between Banyan nodes, where the reply is to tell the load.
	loadCall banyan.Atom = "$banyan_call"
)
