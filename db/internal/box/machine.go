// SPDX-License-Identifier: Apache-2.0

package box

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"

	"github.com/cockroachdb/pebble/v2"

	"github.com/banyan-go/banyan/db/internal/state"
)

// Op is what a client does to a register.
type Op struct {
	Kind     byte // 'r'ead, 'p'ut, 'a'dd, 'c'ompare and set
	Key      byte
	Old, New int64
}

func (o Op) encode() []byte {
	b := []byte{o.Kind, o.Key}
	b = binary.BigEndian.AppendUint64(b, uint64(o.Old))
	return binary.BigEndian.AppendUint64(b, uint64(o.New))
}

// next is what the operation makes of a value, and its answer.
func (o Op) next(v int64) (now, answer int64) {
	switch o.Kind {
	case 'p':
		return o.New, 0
	case 'a':
		return v + o.New, v + o.New
	case 'c':
		if v == o.Old {
			return o.New, 1
		}
		return v, 0
	}
	return v, v
}

// registers is the machine under test: numbers by key, and a digest of everything that was applied, so that an entry
// applied twice, left out or elsewhere is seen.
type registers struct {
	local uint64 // a flaw: the node, which the state must not depend on
}

func rowKey(group uint64, kind, key byte) []byte {
	b := binary.BigEndian.AppendUint64([]byte{0x10}, group)
	return append(b, kind, key)
}

// Spans implements state.Machine.
func (registers) Spans(group uint64) []state.Span {
	return []state.Span{{From: rowKey(group, 0, 0), To: rowKey(group, 0xff, 0)}}
}

func readRow(r pebble.Reader, key []byte) (int64, error) {
	v, closer, err := r.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	n := int64(binary.BigEndian.Uint64(v))
	return n, closer.Close()
}

// Apply implements state.Machine.
func (m registers) Apply(group, index uint64, data []byte, r pebble.Reader, w *pebble.Batch) (any, error) {
	if len(data) != 18 {
		return nil, fmt.Errorf("an operation of %d bytes", len(data))
	}
	op := Op{data[0], data[1], int64(binary.BigEndian.Uint64(data[2:])), int64(binary.BigEndian.Uint64(data[10:]))}
	v, err := readRow(r, rowKey(group, 'k', op.Key))
	if err != nil {
		return nil, err
	}
	now, answer := op.next(v)
	d, err := readRow(r, rowKey(group, 'd', 0))
	if err != nil {
		return nil, err
	}
	h := fnv.New64a()
	var b [32]byte
	binary.BigEndian.PutUint64(b[:], uint64(d))
	binary.BigEndian.PutUint64(b[8:], index)
	binary.BigEndian.PutUint64(b[16:], uint64(now))
	binary.BigEndian.PutUint64(b[24:], m.local)
	h.Write(b[:])
	h.Write(data)
	return answer, errors.Join(
		w.Set(rowKey(group, 'k', op.Key), binary.BigEndian.AppendUint64(nil, uint64(now)), nil),
		w.Set(rowKey(group, 'd', 0), binary.BigEndian.AppendUint64(nil, h.Sum64()), nil))
}
