// SPDX-License-Identifier: Apache-2.0

package host

import (
	"reflect"
	"testing"

	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

func sample() *Frame {
	return &Frame{From: 1, To: 2, Store: 1 << 63, Boot: 3, Messages: []Message{
		{Kind: KindRaft, Group: 7, From: 1, To: 2, ToStore: 9, Raft: &pb.Message{Type: pb.MsgApp.Enum(), To: new(uint64(2)), Entries: []*pb.Entry{{Index: new(uint64(5)), Data: []byte("x")}}}},
		{Kind: KindChunk, Group: 7, Stream: 4, Seq: 5, Last: true, Data: []byte("rows")},
		{Kind: KindChunkOK, Refused: true},
	}}
}

func TestFrame(t *testing.T) {
	f := sample()
	b, err := f.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	g, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(f.Messages[0].Raft, g.Messages[0].Raft) {
		t.Errorf("%v became %v", f.Messages[0].Raft, g.Messages[0].Raft)
	}
	f.Messages[0].Raft, g.Messages[0].Raft = nil, nil
	if !reflect.DeepEqual(f, g) {
		t.Errorf("%+v became %+v", f, g)
	}
	for n := range b {
		if _, err := Decode(b[:n]); err == nil {
			t.Errorf("the first %d of %d bytes are taken for a frame", n, len(b))
		}
	}
}

func FuzzFrame(f *testing.F) {
	b, err := sample().Append(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if g, err := Decode(b); err == nil {
			if _, err := g.Append(nil); err != nil {
				t.Error(err)
			}
		}
	})
}
