// SPDX-License-Identifier: Apache-2.0

package ets

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"iter"
	"os"

	"github.com/banyan-go/banyan/internal/wholefile"
)

// A file is a list of frames: length, CRC-32C, content; both numbers are 32 bits, big endian. The first frame's content says
// what the table is, the last is empty and tells a whole file from a cut one. Those between are one gob stream of lists of
// rows.
const (
	fileMagic = "banyan ets 1\n"
	frameMost = 64 << 20 // bytes of a frame that is read
	frameRows = 512
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// pair is a row in a file.
type pair[K, V any] struct {
	K K
	V V
}

// Save writes the table, as it is at one moment, to a file, in place of one that is there: at any time, also after a crash,
// the file is the old one or the new one. Rows are encoded by encoding/gob, which knows exported fields only and does not tell
// a nil slice from an empty one; a type may bring its own GobEncode. What is left of a row's time is not saved.
func (r Reader[K, V]) Save(path string) error {
	s, err := r.Snapshot()
	if err == nil {
		err = save(path, r.info, s.All())
	}
	return fileError("save", r.info, err)
}

// Load inserts the rows of a file that Save wrote, as Insert does. Before the first of them the whole file is read once and
// its checksums are compared; ErrCorrupt, or ErrTableType if it holds other types or another kind of table, leave the table
// as it is. It gives the number of rows. Load only files that you trust: gob is not made for hostile input.
func (t Table[K, V]) Load(path string) (n int, err error) {
	if !t.write.ok() {
		return 0, t.void("load")
	}
	n, err = load(path, t.info, t.Insert)
	return n, fileError("load", t.info, err)
}

// Save writes the bag to a file, see Reader.Save.
func (r BagReader[K, V]) Save(path string) error {
	s, err := r.Snapshot()
	if err == nil {
		err = save(path, r.r.info, s.All())
	}
	return fileError("save", r.r.info, err)
}

// Load inserts the values of a file that Save wrote, see Table.Load.
func (t *Bag[K, V]) Load(path string) (n int, err error) {
	n, err = load(path, t.r.info, func(k K, v V) error { _, err := t.Insert(k, v); return err })
	return n, fileError("load", t.r.info, err)
}

// Load inserts the values of a file that Save wrote, see Table.Load.
func (t *DuplicateBag[K, V]) Load(path string) (n int, err error) {
	n, err = load(path, t.r.info, t.Insert)
	return n, fileError("load", t.r.info, err)
}

func fileError(op string, i *info, err error) error {
	if err == nil {
		return nil
	}
	return opError(op, i.name, err)
}

func save[K, V any](path string, i *info, rows iter.Seq2[K, V]) error {
	return wholefile.Write(path, func(w io.Writer) error { return write(w, i, rows) })
}

func heading(i *info) string { return fileMagic + i.kind + "\n" + i.types }

func write[K, V any](w io.Writer, i *info, rows iter.Seq2[K, V]) error {
	if err := writeFrame(w, []byte(heading(i))); err != nil {
		return err
	}
	var buf bytes.Buffer
	enc := gob.NewEncoder(&buf)
	list := make([]pair[K, V], 0, frameRows)
	flush := func() error {
		if len(list) == 0 {
			return nil
		}
		if err := enc.Encode(list); err != nil {
			return err
		}
		if buf.Len() > frameMost {
			return fmt.Errorf("%d rows take more than %d bytes", len(list), frameMost)
		}
		err := writeFrame(w, buf.Bytes())
		buf.Reset()
		list = list[:0]
		return err
	}
	for k, v := range rows {
		if list = append(list, pair[K, V]{k, v}); len(list) == frameRows {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	return writeFrame(w, nil)
}

func writeFrame(w io.Writer, b []byte) error {
	var head [8]byte
	binary.BigEndian.PutUint32(head[:], uint32(len(b)))
	binary.BigEndian.PutUint32(head[4:], crc32.Checksum(b, castagnoli))
	if _, err := w.Write(head[:]); err != nil {
		return err
	}
	_, err := w.Write(b)
	return err
}

// frames reads the frames of a file; as an io.Reader it is their contents, one after another.
type frames struct {
	r    *bufio.Reader
	rest []byte
	over bool // the last frame was read
}

func (f *frames) next() ([]byte, error) {
	var head [8]byte
	if _, err := io.ReadFull(f.r, head[:]); err != nil {
		return nil, fmt.Errorf("%w: it is cut off", ErrCorrupt)
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > frameMost {
		return nil, fmt.Errorf("%w: a frame of %d bytes", ErrCorrupt, n)
	}
	var buf bytes.Buffer // grows with what is there, not with what is claimed
	if m, err := io.CopyN(&buf, f.r, int64(n)); err != nil {
		return nil, fmt.Errorf("%w: %d bytes of a frame of %d", ErrCorrupt, m, n)
	}
	if crc32.Checksum(buf.Bytes(), castagnoli) != binary.BigEndian.Uint32(head[4:]) {
		return nil, fmt.Errorf("%w: a checksum does not fit", ErrCorrupt)
	}
	f.over = n == 0
	return buf.Bytes(), nil
}

// Read reads contents up to the empty frame.
func (f *frames) Read(p []byte) (int, error) {
	for len(f.rest) == 0 {
		if f.over {
			return 0, io.EOF
		}
		var err error
		if f.rest, err = f.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

func load[K, V any](path string, i *info, insert func(K, V) error) (n int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if err := verify(f, i); err != nil {
		return 0, err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	r := &frames{r: bufio.NewReaderSize(f, 1<<16)}
	if _, err := r.next(); err != nil {
		return 0, err
	}
	for dec := gob.NewDecoder(r); ; {
		var list []pair[K, V]
		if err := dec.Decode(&list); errors.Is(err, io.EOF) {
			return n, nil
		} else if err != nil {
			return n, fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
		for _, p := range list {
			if err := insert(p.K, p.V); err != nil {
				return n, err
			}
			n++
		}
	}
}

// verify reads a whole file without looking at the rows.
func verify(f io.Reader, i *info) error {
	r := &frames{r: bufio.NewReaderSize(f, 1<<16)}
	head, err := r.next()
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(head, []byte(fileMagic)) {
		return fmt.Errorf("%w: it is not a table of this version", ErrCorrupt)
	}
	if string(head) != heading(i) {
		return fmt.Errorf("%w: the file has %q", ErrTableType, head[len(fileMagic):])
	}
	for !r.over {
		if _, err := r.next(); err != nil {
			return err
		}
	}
	if _, err := r.r.ReadByte(); err != io.EOF {
		return fmt.Errorf("%w: something follows its end", ErrCorrupt)
	}
	return nil
}
