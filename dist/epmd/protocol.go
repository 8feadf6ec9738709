// SPDX-License-Identifier: Apache-2.0

package epmd

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// DefaultPort is where the daemon listens unless ERL_EPMD_PORT says otherwise.
const DefaultPort = 4369

// The requests and answers, by OTP's names.
const (
	alive2Req      = 120
	alive2Resp     = 121 // creation of 16 bits
	alive2XResp    = 118 // creation of 32 bits
	portPlease2Req = 122
	port2Resp      = 119
	namesReq       = 110
	dumpReq        = 100
	killReq        = 107
	stopReq        = 115
)

// Node types.
const (
	Normal = 77
	Hidden = 72
)

// distVersion is the only version of the distribution protocol that OTP 25 and later speak.
const distVersion = 6

// maxField bounds a name, and what may follow it.
const maxField = 255

// maxRequest is the length of the longest request.
const maxRequest = 1024

var (
	// ErrNotFound: the daemon knows no node of that name.
	ErrNotFound = errors.New("epmd: no such node")
	// ErrNameTaken: a node of that name is registered.
	ErrNameTaken = errors.New("epmd: name taken")
	// ErrProtocol: the other side does not speak epmd.
	ErrProtocol = errors.New("epmd: protocol violated")
)

// Info is what the daemon knows of a node. Name is the part before the @.
type Info struct {
	Name string
	Port uint16
	// Type is Normal or Hidden; 0 when registering means Normal. Protocol is 0 for TCP.
	Type, Protocol byte
	// Highest and Lowest are versions of the distribution protocol; 0 when registering means 6.
	Highest, Lowest uint16
	Extra           []byte
}

// appendRequest puts the length before a body.
func appendRequest(dst, body []byte) []byte {
	return append(binary.BigEndian.AppendUint16(dst, uint16(len(body))), body...)
}

// appendInfo writes what ALIVE2_REQ and PORT2_RESP have in common.
func appendInfo(dst []byte, i *Info) []byte {
	dst = binary.BigEndian.AppendUint16(dst, i.Port)
	dst = append(dst, i.Type, i.Protocol)
	dst = binary.BigEndian.AppendUint16(dst, i.Highest)
	dst = binary.BigEndian.AppendUint16(dst, i.Lowest)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(i.Name)))
	dst = append(dst, i.Name...)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(i.Extra)))
	return append(dst, i.Extra...)
}

// parseInfo reads it back. Bytes behind it are ignored.
func parseInfo(b []byte) (Info, error) {
	const head = 2 + 1 + 1 + 2 + 2 + 2
	if len(b) < head {
		return Info{}, fmt.Errorf("%w: %d bytes about a node", ErrProtocol, len(b))
	}
	i := Info{Port: binary.BigEndian.Uint16(b), Type: b[2], Protocol: b[3],
		Highest: binary.BigEndian.Uint16(b[4:]), Lowest: binary.BigEndian.Uint16(b[6:])}
	name, b, err := field(b[8:])
	if err != nil {
		return Info{}, err
	}
	extra, _, err := field(b)
	if err != nil {
		return Info{}, err
	}
	i.Name = string(name)
	if len(extra) > 0 {
		i.Extra = append([]byte(nil), extra...)
	}
	return i, nil
}

// field reads a length of 2 bytes and as many bytes.
func field(b []byte) (f, rest []byte, err error) {
	if len(b) < 2 {
		return nil, nil, fmt.Errorf("%w: cut short", ErrProtocol)
	}
	n := int(binary.BigEndian.Uint16(b))
	if n > len(b)-2 || n > maxField {
		return nil, nil, fmt.Errorf("%w: a field of %d bytes", ErrProtocol, n)
	}
	return b[2 : 2+n], b[2+n:], nil
}

// validName reports whether the daemon takes name: it must fit its text answers.
func validName(name string) bool {
	if name == "" || len(name) > maxField {
		return false
	}
	for _, c := range []byte(name) {
		if c <= ' ' || c == '@' || c == 0x7F {
			return false
		}
	}
	return true
}

// defaults fills what is 0 in a registration.
func (i Info) defaults() Info {
	if i.Type == 0 {
		i.Type = Normal
	}
	if i.Highest == 0 {
		i.Highest, i.Lowest = distVersion, distVersion
	}
	return i
}
