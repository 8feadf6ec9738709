// SPDX-License-Identifier: Apache-2.0

package index

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// MaxFile is the size in bytes of the largest file that is read.
const MaxFile = 32 << 20

// binaryProbe is how much of a file is looked at for a NUL byte.
const binaryProbe = 8000

// Status says what became of a file.
type Status uint8

// What can become of a file.
const (
	Indexed    Status = iota // its words are in the index
	Binary                   // a NUL byte among its first 8,000 bytes
	TooLarge                 // over MaxFile bytes
	Unreadable               // see the reason
)

// String is the word that stands in the index.
func (s Status) String() string {
	switch s {
	case Indexed:
		return "text"
	case Binary:
		return "binary"
	case TooLarge:
		return "too large"
	case Unreadable:
		return "unreadable"
	}
	return "unknown"
}

// Text is the content of one file, or why there is none.
type Text struct {
	Status Status
	Data   []byte // nil unless Indexed
	Why    string // for Unreadable
}

// Immutable marks a Text as safe to share between processes: nobody writes to Data.
func (Text) Immutable() {}

// Read reads one file of the tree at dir.
func Read(dir, path string) Text {
	f, err := os.Open(filepath.Join(dir, filepath.FromSlash(path)))
	if err != nil {
		return unreadable(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return unreadable(err)
	}
	if info.Size() > MaxFile {
		return Text{Status: TooLarge}
	}
	data := make([]byte, info.Size()+1) // one more, to meet the end in the same read
	n, err := io.ReadFull(f, data)
	switch {
	case err == nil:
		return Text{Status: Unreadable, Why: "it grew while it was read"}
	case err != io.EOF && err != io.ErrUnexpectedEOF:
		return unreadable(err)
	}
	data = data[:n]
	if bytes.IndexByte(data[:min(n, binaryProbe)], 0) >= 0 {
		return Text{Status: Binary}
	}
	return Text{Data: data}
}

// unreadable keeps the cause only: the path is known, and differs between runs if it is not relative.
func unreadable(err error) Text {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return Text{Status: Unreadable, Why: err.Error()}
}
