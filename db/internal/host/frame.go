// SPDX-License-Identifier: Apache-2.0

package host

import (
	"encoding/binary"
	"errors"
	"fmt"

	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// Frame is what one node sends another in one piece: the messages of all groups, or none, which is a beat.
type Frame struct {
	From, To uint64 // nodes
	Store    uint64 // the sender's store, and the how manieth start of it
	Boot     uint64
	Messages []Message
}

// Kind says what a Message is.
type Kind uint8

// The kinds.
const (
	KindRaft    Kind = iota + 1 // Raft
	KindQuiet                   // the group may stop ticking: Term, Index (commit)
	KindWake                    // the group must tick again
	KindLost                    // the sender is not the replica that was addressed: it lost its log
	KindGone                    // the addressed replica has been removed from its group
	KindChunk                   // part of a snapshot: Stream, Seq, Last, Data, Raft (in the last)
	KindChunkOK                 // Stream, Seq were taken; Last: all of it, or Refused: give it up
)

// Message is what one replica sends another.
type Message struct {
	Kind     Kind
	Group    uint64
	From, To uint64 // replicas
	ToStore  uint64 // the store that To lives in; 0: the sender does not know
	Term     uint64
	Index    uint64
	Stream   uint64
	Seq      uint64
	Last     bool
	Refused  bool
	Data     []byte
	Raft     *pb.Message
}

// ErrFrame is returned for bytes that are no frame.
var ErrFrame = errors.New("not a frame of the raft host")

const frameVersion = 1

// MaxFrameBytes bounds a frame that is decoded.
const MaxFrameBytes = 64 << 20

// Append encodes the frame.
func (f *Frame) Append(b []byte) ([]byte, error) {
	b = append(b, frameVersion)
	for _, n := range []uint64{f.From, f.To, f.Store, f.Boot, uint64(len(f.Messages))} {
		b = binary.AppendUvarint(b, n)
	}
	for i := range f.Messages {
		m := &f.Messages[i]
		var flags byte
		if m.Last {
			flags |= 1
		}
		if m.Refused {
			flags |= 2
		}
		if m.Raft != nil {
			flags |= 4
		}
		b = append(b, byte(m.Kind), flags)
		for _, n := range []uint64{m.Group, m.From, m.To, m.ToStore, m.Term, m.Index, m.Stream, m.Seq, uint64(len(m.Data))} {
			b = binary.AppendUvarint(b, n)
		}
		b = append(b, m.Data...)
		if m.Raft != nil {
			size := proto.Size(m.Raft)
			b = binary.AppendUvarint(b, uint64(size))
			var err error
			if b, err = (proto.MarshalOptions{UseCachedSize: true}).MarshalAppend(b, m.Raft); err != nil {
				return nil, fmt.Errorf("raft host: encode: %w", err)
			}
		}
	}
	return b, nil
}

// Decode reads a frame. It keeps b.
func Decode(b []byte) (*Frame, error) {
	r := reader{b: b}
	if v := r.byte(); v != frameVersion {
		return nil, fmt.Errorf("%w: version %d, want %d", ErrFrame, v, frameVersion)
	}
	f := &Frame{From: r.number(), To: r.number(), Store: r.number(), Boot: r.number()}
	for n := r.number(); n > 0 && !r.bad; n-- {
		var m Message
		m.Kind = Kind(r.byte())
		flags := r.byte()
		m.Last, m.Refused = flags&1 != 0, flags&2 != 0
		for _, p := range []*uint64{&m.Group, &m.From, &m.To, &m.ToStore, &m.Term, &m.Index, &m.Stream, &m.Seq} {
			*p = r.number()
		}
		m.Data = r.bytes()
		if flags&4 != 0 {
			m.Raft = &pb.Message{}
			if raw := r.bytes(); !r.bad {
				if err := proto.Unmarshal(raw, m.Raft); err != nil {
					return nil, fmt.Errorf("%w: %w", ErrFrame, err)
				}
			}
		}
		f.Messages = append(f.Messages, m)
	}
	if r.bad || len(r.b) > 0 {
		return nil, fmt.Errorf("%w: its length is wrong", ErrFrame)
	}
	return f, nil
}

type reader struct {
	b   []byte
	bad bool
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.bad = true
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

func (r *reader) number() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) bytes() []byte {
	n := r.number()
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
	}
	if r.bad || n == 0 {
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}
