// SPDX-License-Identifier: Apache-2.0

package control

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// What is decoded does not depend on what came before: messages of a few kinds in random order, each against Decode.
func TestAgain(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	pids := []banyan.PID{{Node: "a@h", ID: 1, Creation: 7}, {Node: "a@h", ID: 2, Creation: 7}, {Node: "b@h", ID: 1, Creation: 9}}
	ends := Ends{Local: "b@h", Peer: "a@h"}
	var again Again
	var table etf.AtomTable
	var enc etf.Encoder
	var dec etf.Decoder
	hits := 0
	for range 20000 {
		s := banyan.Signal{From: pids[rnd.IntN(2)], To: pids[1+rnd.IntN(2)]}
		switch rnd.IntN(4) {
		case 0:
			s.Op, s.Name = banyan.OpSendName, []banyan.Atom{"x", "y"}[rnd.IntN(2)]
		case 1:
			s.Op, s.To = banyan.OpLink, pids[2]
		default:
			s.Op = banyan.OpSend
		}
		table.Reset()
		if rnd.IntN(2) == 0 {
			table.Index("other") // so that a term of the same bytes means other atoms
		}
		enc.Reset(nil, &table)
		if _, err := Encode(&enc, pids[0], &s); err != nil {
			t.Fatal(err)
		}
		enc.Atom("body")
		atoms, data := table.Atoms(), enc.Bytes()
		if rnd.IntN(3) == 0 { // the same references, to other names
			atoms = append([]etf.Atom(nil), atoms...)
			for i, a := range atoms {
				if a == "x" {
					atoms[i] = "z"
				}
			}
		}
		before := again.op == s.Op && again.from == s.From && again.to == s.To
		var want, got Message
		dec.Reset(data, atoms, etf.Limits{})
		if err := Decode(&dec, ends, &want); err != nil {
			t.Fatal(err)
		}
		rest := dec.Len()
		dec.Reset(data, atoms, etf.Limits{})
		if err := again.Decode(&dec, ends, atoms, &got); err != nil || dec.Len() != rest || !reflect.DeepEqual(got, want) {
			t.Fatalf("%v, %d bytes left instead of %d\n got %+v\nwant %+v", err, dec.Len(), rest, got, want)
		}
		if before {
			hits++
		}
	}
	if hits == 0 {
		t.Error("nothing ever came again")
	}
}

func TestAgainDoesNotAllocate(t *testing.T) {
	var again Again
	var table etf.AtomTable
	var enc etf.Encoder
	var dec etf.Decoder
	var m Message
	enc.Reset(nil, &table)
	s := banyan.Signal{Op: banyan.OpSend, From: banyan.PID{Node: "a@h", ID: 1}, To: banyan.PID{Node: "b@h", ID: 2}}
	if _, err := Encode(&enc, s.From, &s); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() {
		dec.Reset(enc.Bytes(), table.Atoms(), etf.Limits{})
		if err := again.Decode(&dec, Ends{"b@h", "a@h"}, table.Atoms(), &m); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
