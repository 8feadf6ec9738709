// SPDX-License-Identifier: Apache-2.0

package raftlog

import (
	"encoding/binary"
	"fmt"

	pb "go.etcd.io/raft/v3/raftpb"
)

const (
	kindHard     = 'h'
	kindIdentity = 'i'
	kindMarker   = 'm'
	kindStart    = 't'
	kindGrave    = 'x'
	kindEntry    = 'e'
)

var (
	storeKey  = []byte{0x00}
	memberKey = []byte{0x00, 'c'}
)

func groupKey(group uint64, kind byte) []byte {
	k := make([]byte, 0, 18)
	k = binary.BigEndian.AppendUint64(append(k, 0x01), group)
	return append(k, kind)
}

func entryKey(group, index uint64) []byte {
	return binary.BigEndian.AppendUint64(groupKey(group, kindEntry), index)
}

// numbers are values of a fixed count of big-endian numbers.
func numbers(v ...uint64) []byte {
	b := make([]byte, 0, 8*len(v))
	for _, n := range v {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	return b
}

// parse fills numbers; the error names what is damaged.
func parse(b []byte, what string, v ...*uint64) error {
	if len(b) != 8*len(v) {
		return fmt.Errorf("raft log: %s has %d bytes, want %d: the store is damaged, replace the node's replicas", what, len(b), 8*len(v))
	}
	for i, p := range v {
		*p = binary.BigEndian.Uint64(b[8*i:])
	}
	return nil
}

func encodeEntry(e *pb.Entry) []byte {
	b := make([]byte, 0, 9+len(e.GetData()))
	b = binary.BigEndian.AppendUint64(b, e.GetTerm())
	b = append(b, byte(e.GetType()))
	return append(b, e.GetData()...)
}

// decodeEntry copies b.
func decodeEntry(index uint64, b []byte) (*pb.Entry, error) {
	if len(b) < 9 {
		return nil, fmt.Errorf("raft log: entry %d has %d bytes: the store is damaged, replace the node's replicas", index, len(b))
	}
	e := &pb.Entry{Term: new(binary.BigEndian.Uint64(b)), Index: new(index), Type: pb.EntryType(b[8]).Enum()}
	if len(b) > 9 {
		e.Data = append([]byte(nil), b[9:]...)
	}
	return e, nil
}
