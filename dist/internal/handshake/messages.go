// SPDX-License-Identifier: Apache-2.0

package handshake

import (
	"encoding/binary"
	"fmt"
	"strings"
)

// MaxMessage is the length of the longest message that either side takes. The longest of OTP is below 600 bytes.
const MaxMessage = 1024

// maxName bounds a node name in bytes, as epmd does.
const maxName = 255

// Status is the acceptor's answer to a name.
type Status string

// What an acceptor can say.
const (
	StatusOK             Status = "ok"
	StatusOKSimultaneous Status = "ok_simultaneous" // the acceptor gave up its own attempt in favour of this one
	StatusNOK            Status = "nok"             // the acceptor's own attempt goes on: wait to be called
	StatusNotAllowed     Status = "not_allowed"
	StatusAlive          Status = "alive" // there is a link already: do you know of it?
)

// Side is what one side says of itself.
type Side struct {
	// Name is the full node name, Creation its incarnation, Flags what it can do.
	Name     string
	Creation uint32
	Flags    Flags
	// Cookie is the shared secret, Challenge a fresh random number for this handshake.
	Cookie    string
	Challenge uint32
}

// Peer is what a machine knows of the other side. Flags are those that both sides have.
type Peer struct {
	Name     string
	Creation uint32
	Flags    Flags
}

// appendName writes send_name: 'N', flags, creation, name.
func appendName(dst []byte, s *Side, name []byte) []byte {
	dst = append(dst, 'N')
	dst = binary.BigEndian.AppendUint64(dst, uint64(s.Flags))
	dst = binary.BigEndian.AppendUint32(dst, s.Creation)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(name)))
	return append(dst, name...)
}

// appendChallenge writes send_challenge: 'N', flags, challenge, creation, name.
func appendChallenge(dst []byte, s *Side, name []byte) []byte {
	dst = append(dst, 'N')
	dst = binary.BigEndian.AppendUint64(dst, uint64(s.Flags))
	dst = binary.BigEndian.AppendUint32(dst, s.Challenge)
	dst = binary.BigEndian.AppendUint32(dst, s.Creation)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(name)))
	return append(dst, name...)
}

// parseName reads send_name. Bytes behind the name are ignored, as OTP does: they are for later versions.
func parseName(msg []byte) (Peer, error) {
	const head = 1 + 8 + 4 + 2
	if len(msg) > 0 && msg[0] == 'n' {
		return Peer{}, fmt.Errorf("%w: the peer speaks version 5 of the handshake only (OTP 22 or older)", ErrProtocol)
	}
	if len(msg) < head || msg[0] != 'N' {
		return Peer{}, fmt.Errorf("%w: not a send_name", ErrProtocol)
	}
	p := Peer{Flags: Flags(binary.BigEndian.Uint64(msg[1:])).Expand(), Creation: binary.BigEndian.Uint32(msg[9:])}
	var err error
	p.Name, err = tailName(msg[13:])
	return p, err
}

// parseChallenge reads send_challenge.
func parseChallenge(msg []byte) (p Peer, challenge uint32, err error) {
	const head = 1 + 8 + 4 + 4 + 2
	if len(msg) < head || msg[0] != 'N' {
		return Peer{}, 0, fmt.Errorf("%w: not a send_challenge", ErrProtocol)
	}
	p = Peer{Flags: Flags(binary.BigEndian.Uint64(msg[1:])).Expand(), Creation: binary.BigEndian.Uint32(msg[13:])}
	p.Name, err = tailName(msg[17:])
	return p, binary.BigEndian.Uint32(msg[9:]), err
}

// tailName reads a length and a name. b holds at least the length.
func tailName(b []byte) (string, error) {
	n := int(binary.BigEndian.Uint16(b))
	if n == 0 || n > maxName || n > len(b)-2 {
		return "", fmt.Errorf("%w: a name of %d bytes", ErrProtocol, n)
	}
	return fromLatin1(b[2 : 2+n]), nil
}

// CheckName reports what keeps name from being a node name: it needs exactly one @ with something on both sides, and
// the handshake carries Latin-1 only.
func CheckName(name string) error {
	user, host, ok := strings.Cut(name, "@")
	switch {
	case !ok || user == "" || host == "" || strings.Contains(host, "@"):
		return fmt.Errorf("%w: %q is not name@host", ErrName, name)
	case strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > 0xFF }):
		return fmt.Errorf("%w: %q has characters that a node name cannot have", ErrName, name)
	case len(toLatin1(name)) > maxName:
		return fmt.Errorf("%w: %q is longer than %d bytes", ErrName, name, maxName)
	}
	return nil
}

// toLatin1 writes a name that CheckName took as one byte a character.
func toLatin1(s string) []byte {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		b = append(b, byte(r))
	}
	return b
}

// fromLatin1 reads one byte a character.
func fromLatin1(b []byte) string {
	var s strings.Builder
	for _, c := range b {
		s.WriteRune(rune(c))
	}
	return s.String()
}
