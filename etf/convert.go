// SPDX-License-Identifier: Apache-2.0

package etf

// TermOf returns the generic term that v travels as: what decoding it without a Go type would give. The result shares
// nothing with v. Its errors are those of [Marshal].
func TermOf(v any) (any, error) {
	e := encoders.Get().(*Encoder)
	e.Reset(nil, nil)
	err := e.Term(v)
	data := e.buf
	e.Reset(nil, nil)
	encoders.Put(e)
	if err != nil {
		return nil, err
	}
	var t any
	err = readOwn(data, nil, func(d *Decoder) error {
		t, err = d.Term()
		return err
	})
	return t, err
}

// FromTerm stores a generic term, or any value that has a mapping, in what into points to: as if t had come over the
// wire, by the same rules and with the same errors, which name the Go field. The result shares nothing with t. env is
// handed to [TermUnmarshaler]s, as the Env of a [Decoder]; it may be nil.
func FromTerm(t any, into any, env any) error {
	e := encoders.Get().(*Encoder)
	e.Reset(nil, nil)
	err := e.Term(t)
	data := e.buf
	e.Reset(nil, nil)
	encoders.Put(e)
	if err != nil {
		return err
	}
	return readOwn(data, env, func(d *Decoder) error { return d.Into(into) })
}

// readOwn reads bytes that were just encoded and that nobody else has. A position in them would tell the caller nothing.
func readOwn(data []byte, env any, read func(*Decoder) error) error {
	d := decoders.Get().(*Decoder)
	d.Owned, d.Env = true, env
	d.Reset(data, nil, Limits{MaxElems: len(data), MaxDepth: maxEncodeDepth})
	err := read(d)
	d.Owned, d.Lent, d.Env = false, false, nil
	d.Reset(nil, nil, Limits{})
	decoders.Put(d)
	if e, ok := err.(*Error); ok {
		e.Offset = -1
	}
	return err
}
