// SPDX-License-Identifier: Apache-2.0

package frame

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrProtocol: the peer sent what no correct peer sends. The connection cannot be kept.
var ErrProtocol = errors.New("dist: protocol violated")

// Bytes that begin a frame.
const (
	PassThrough = 112 // two whole terms; used when no atom cache was agreed
	Version     = 131
	Header      = 68
	FirstPiece  = 69
	NextPiece   = 70
)

// PieceSize is how much payload one fragment carries, as in OTP. Longer messages are cut.
const PieceSize = 64 << 10

// Kind is what a frame is.
type Kind uint8

// The kinds of frame.
const (
	Tick  Kind = iota // nothing but a sign of life
	Plain             // pass-through
	Whole             // header and terms
	First             // header, control term and the first piece of the payload
	Next              // another piece
)

// Parse tells what body, a frame without its length, is, and returns what follows the bytes that say so.
// seq and id are those of a fragment.
func Parse(body []byte) (kind Kind, seq, id uint64, rest []byte, err error) {
	switch {
	case len(body) == 0:
		return Tick, 0, 0, nil, nil
	case body[0] == PassThrough:
		return Plain, 0, 0, body[1:], nil
	case len(body) >= 2 && body[0] == Version:
		switch body[1] {
		case Header:
			return Whole, 0, 0, body[2:], nil
		case FirstPiece, NextPiece:
			if len(body) < 2+16 {
				return 0, 0, 0, nil, fmt.Errorf("%w: a fragment of %d bytes", ErrProtocol, len(body))
			}
			kind = First
			if body[1] == NextPiece {
				kind = Next
			}
			return kind, binary.BigEndian.Uint64(body[2:]), binary.BigEndian.Uint64(body[10:]), body[18:], nil
		}
	}
	return 0, 0, 0, nil, fmt.Errorf("%w: a frame that begins with % x", ErrProtocol, body[:min(len(body), 2)])
}

// AppendPieceHead writes what comes before the header of a first piece, or before the bytes of a later one.
func AppendPieceHead(dst []byte, first bool, seq, id uint64) []byte {
	tag := byte(NextPiece)
	if first {
		tag = FirstPiece
	}
	dst = append(dst, Version, tag)
	dst = binary.BigEndian.AppendUint64(dst, seq)
	return binary.BigEndian.AppendUint64(dst, id)
}
