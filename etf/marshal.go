// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"io"
	"sync"
)

var (
	encoders = sync.Pool{New: func() any { return new(Encoder) }}
	decoders = sync.Pool{New: func() any { return new(Decoder) }}
)

// Marshal returns v as a stand-alone term: what term_to_binary(V, [{minor_version, 2}]) gives.
func Marshal(v any) ([]byte, error) { return Append(nil, v) }

// Append is Marshal onto dst. After an error dst is returned as it was.
func Append(dst []byte, v any) ([]byte, error) {
	e := encoders.Get().(*Encoder)
	e.Reset(dst, nil)
	e.Version()
	err := e.Term(v)
	out := e.buf
	e.Reset(nil, nil)
	encoders.Put(e)
	if err != nil {
		return dst, err
	}
	return out, nil
}

// Unmarshal reads a stand-alone term, compressed or not, into the value that into points to, within [DefaultLimits].
// All of data must be used. On an error the value may be partly written.
func Unmarshal(data []byte, into any) error {
	_, err := standAlone(data, DefaultLimits(), func(d *Decoder) error {
		if err := d.Into(into); err != nil {
			return err
		}
		return d.end()
	}, true)
	return err
}

// DecodeTerm reads the stand-alone term, compressed or not, that data begins with, and says how many bytes it took.
func DecodeTerm(data []byte, lim Limits) (t any, n int, err error) {
	n, err = standAlone(data, lim, func(d *Decoder) error {
		t, err = d.Term()
		return err
	}, false)
	if err != nil {
		return nil, 0, err
	}
	return t, n, nil
}

// standAlone runs read on the term behind 131, or on what 131, 80 inflates to, and returns how much of data was used.
func standAlone(data []byte, lim Limits, read func(*Decoder) error, whole bool) (n int, err error) {
	d := decoders.Get().(*Decoder)
	defer func() {
		d.Reset(nil, nil, Limits{}) // holds no input while it waits in the pool
		decoders.Put(d)
	}()
	d.Reset(data, nil, lim)
	if err := d.Version(); err != nil {
		return 0, err
	}
	if rest := d.Rest(); len(rest) == 0 || rest[0] != tagCompressed {
		err := read(d)
		return d.pos, err
	}
	inflated, used, err := d.inflate()
	if err != nil {
		return 0, err
	}
	n = d.pos + used
	if whole && n != len(data) {
		return 0, d.fail(n, "%d bytes follow the term", len(data)-n)
	}
	d.Reset(inflated, nil, lim)
	if err := read(d); err != nil {
		return 0, err
	}
	return n, d.end()
}

// end is an error unless all input was read.
func (d *Decoder) end() error {
	if d.Len() > 0 {
		return d.fail(d.pos, "%d bytes follow the term", d.Len())
	}
	return nil
}

// inflate reads 80, Size:32 and the zlib stream behind it, and returns what it holds and how long the stream was.
// The result grows with the bytes that come out and not with what Size promises.
func (d *Decoder) inflate() (inflated []byte, used int, err error) {
	start := d.pos
	head, err := d.take(5)
	if err != nil {
		return nil, 0, err
	}
	size := int(binary.BigEndian.Uint32(head[1:]))
	if size > d.lim.MaxBytes {
		return nil, 0, d.fail(start, "a compressed term of %d bytes, more than the allowed %d", size, d.lim.MaxBytes)
	}
	in := bytes.NewReader(d.Rest()) // a ByteReader, so that flate does not read beyond the stream
	broken := func(err error) error {
		return &Error{Offset: start, Reason: "a compressed term that does not inflate", Err: err}
	}
	z, err := zlib.NewReader(in)
	if err != nil {
		return nil, 0, broken(err)
	}
	var out bytes.Buffer
	got, err := io.Copy(&out, io.LimitReader(z, int64(size)+1))
	if err != nil {
		return nil, 0, broken(err)
	}
	if got != int64(size) {
		return nil, 0, d.fail(start, "a compressed term that says %d bytes and has another size", size)
	}
	return out.Bytes(), int(in.Size()) - in.Len(), nil
}
