// SPDX-License-Identifier: Apache-2.0

package frame

import (
	"fmt"
	"slices"

	"github.com/banyan-go/banyan/etf"
)

// Limits bound what unfinished messages of one connection may hold.
type Limits struct {
	// MaxMessage is the size of the largest message, MaxTotal of all unfinished ones together.
	MaxMessage, MaxTotal int
	// MaxSequences is how many may be unfinished at a time.
	MaxSequences int
}

// Message is one reassembled message: what the references of its terms mean, and the terms.
type Message struct {
	Atoms []etf.Atom
	Data  []byte
}

// sequence is one unfinished message.
type sequence struct {
	Message
	want uint64 // the id of the next fragment; ids count down to 1
}

// Assembler puts fragments together. Make it with NewAssembler.
type Assembler struct {
	lim   Limits
	open  map[uint64]*sequence
	total int // bytes in open
	ahead int // bytes reserved in open for what has not come yet
	spare []byte
}

// maxSpare is the largest buffer that is kept for the next message.
const maxSpare = 4 << 20

// Recycle takes back the data of a message that is not needed any more, for the next one.
func (a *Assembler) Recycle(m *Message) {
	a.keep(m.Data)
	m.Data = nil
}

// keep keeps the largest buffer that is not too large.
func (a *Assembler) keep(b []byte) {
	if c := cap(b); c <= maxSpare && c > cap(a.spare) {
		a.spare = b[:0]
	}
}

// NewAssembler makes an empty one, for a new connection.
func NewAssembler(lim Limits) *Assembler {
	return &Assembler{lim: lim, open: make(map[uint64]*sequence)}
}

// minPiece is the mean size of fragments below which we call it an attack on the counter.
const minPiece = 256

// aheadOf is how many times what was received may be reserved; freely is how many bytes may be reserved in any case, for all
// unfinished messages together, so that one of common size is not copied while it grows.
const (
	aheadOf = 8
	freely  = 4 << 20
)

// First begins a message of id fragments. atoms and body are copied. The result is not nil if the message is whole.
func (a *Assembler) First(seq, id uint64, atoms []etf.Atom, body []byte) (*Message, error) {
	switch {
	case id == 0 || id > uint64(a.lim.MaxMessage/minPiece)+1:
		return nil, fmt.Errorf("%w: a message of %d fragments", ErrProtocol, id)
	case a.open[seq] != nil:
		return nil, fmt.Errorf("%w: sequence %d begins twice", ErrProtocol, seq)
	case len(a.open) >= a.lim.MaxSequences:
		return nil, fmt.Errorf("%w: more than %d unfinished messages", ErrProtocol, a.lim.MaxSequences)
	}
	s := &sequence{want: id}
	s.Atoms = slices.Clone(atoms)
	if id > 1 {
		s.Data, a.spare = a.spare, nil
		a.ahead += cap(s.Data)
	}
	a.open[seq] = s
	return a.add(seq, s, body)
}

// Next adds a fragment. body is copied. The result is not nil if the message is whole; it is the caller's then.
func (a *Assembler) Next(seq, id uint64, body []byte) (*Message, error) {
	s := a.open[seq]
	if s == nil {
		return nil, fmt.Errorf("%w: a fragment of the unknown sequence %d", ErrProtocol, seq)
	}
	if id != s.want {
		return nil, fmt.Errorf("%w: fragment %d where %d was due", ErrProtocol, id, s.want)
	}
	return a.add(seq, s, body)
}

// add appends the piece that was due.
func (a *Assembler) add(seq uint64, s *sequence, body []byte) (*Message, error) {
	if err := a.reserve(s, len(body)); err != nil {
		return nil, err
	}
	s.Data = append(s.Data, body...)
	a.total += len(body)
	a.ahead -= len(body)
	if s.want--; s.want > 0 {
		return nil, nil
	}
	delete(a.open, seq)
	a.total -= len(s.Data)
	a.ahead -= cap(s.Data) - len(s.Data)
	return &s.Message, nil
}

// reserve makes room for n bytes more.
func (a *Assembler) reserve(s *sequence, n int) error {
	size := len(s.Data) + n
	if size > a.lim.MaxMessage || a.total+n > a.lim.MaxTotal {
		return fmt.Errorf("%w: a message of over %d bytes", ErrProtocol, size)
	}
	if size <= cap(s.Data) {
		return nil
	}
	// All to come will likely be as long as this piece; but reserve little ahead of what was paid for in bytes.
	likely := size + int(s.want-1)*min(n, PieceSize)
	a.ahead -= cap(s.Data) - len(s.Data)
	if a.ahead+likely-len(s.Data) > freely {
		likely = min(likely, aheadOf*size)
	}
	old := s.Data
	s.Data = grown(old, min(likely, a.lim.MaxMessage))
	a.keep(old)
	a.ahead += cap(s.Data) - len(s.Data)
	return nil
}

// grown is b with room for n bytes in all. Go cannot interrupt a copy, hence the pieces.
func grown(b []byte, n int) []byte {
	to := uncleared(n)
	for len(b) > copyPiece {
		to = append(to, b[:copyPiece]...)
		b = b[copyPiece:]
	}
	return append(to, b...)
}

// copyPiece is how much is copied at once.
const copyPiece = 256 << 10

// Pending is how many messages are unfinished, and their bytes.
func (a *Assembler) Pending() (sequences, bytes int) { return len(a.open), a.total }
