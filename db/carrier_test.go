// SPDX-License-Identifier: Apache-2.0

package db

import (
	"testing"

	"github.com/banyan-go/banyan/db/internal/host"
)

// TestJoined: frames that wait for one node become one, in their order, up to a length; what is for others, of another host, or no frame, is left alone.
func TestJoined(t *testing.T) {
	frame := func(to, first uint64, sizes ...int) *host.Frame {
		f := &host.Frame{From: 1, To: to}
		for i, n := range sizes {
			f.Messages = append(f.Messages, host.Message{Kind: host.KindChunk, Seq: first + uint64(i), Data: make([]byte, n)})
		}
		return f
	}
	list := joined([]parcel{
		{to: 2, kind: isFrame, frame: frame(2, 1, 10, 10)},
		{to: 3, kind: isFrame, frame: frame(3, 1, 10)},
		{to: 2, kind: isWhisper, whisper: []byte("x")},
		{to: 2, kind: isRAMFrame, frame: frame(2, 9, 10)},
		{to: 2, kind: isFrame, frame: frame(2, 3)},
		{to: 2, kind: isFrame, frame: frame(2, 3, joinBytes/2)},
		{to: 2, kind: isFrame, frame: frame(2, 4, joinBytes/2)},
		{to: 2, kind: isFrame, frame: frame(2, 5, 10)},
	})
	var next uint64 = 1
	shape := ""
	for _, p := range list {
		switch {
		case p.kind == isWhisper:
			shape += "w"
		case p.to == 3:
			shape += "o"
		case p.kind == isRAMFrame:
			shape += "r"
		default:
			shape += "f"
			for _, m := range p.frame.Messages {
				if m.Seq != next {
					t.Errorf("message %d comes where %d should", m.Seq, next)
				}
				next++
			}
		}
	}
	if shape != "fowrf" || next != 6 {
		t.Errorf("parcels %q with messages up to %d", shape, next-1)
	}
}
