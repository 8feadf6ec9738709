// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/banyan-go/banyan"
)

// What an encoder writes does not depend on what it wrote before: signals of a few kinds in random order, each against a
// new encoder.
func TestEncodersForget(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	pids := []banyan.PID{{Node: "a@h", ID: 1, Creation: 7}, {Node: "a@h", ID: 2, Creation: 7}, {Node: "b@h", ID: 1, Creation: 9}, {}}
	used := new(encoder)
	for i := range 20000 {
		s := &banyan.Signal{From: pids[rnd.IntN(4)], To: pids[rnd.IntN(3)]}
		switch rnd.IntN(4) {
		case 0:
			s.Op, s.Name = banyan.OpSendName, []banyan.Atom{"x", "y"}[rnd.IntN(2)]
		case 1:
			s.Op = banyan.OpLink
		default:
			s.Op = banyan.OpSend
		}
		s.Body.Value = banyan.Atom([]string{"x", "y", "longer"}[rnd.IntN(3)])
		if rnd.IntN(2) == 0 {
			s.Body.Kind = banyan.BodyCast
		}
		plain := rnd.IntN(4) == 0
		fresh := new(encoder)
		want, err := fresh.signal(pids[0], s, plain)
		if err != nil {
			t.Fatal(err)
		}
		got, err := used.signal(pids[0], s, plain)
		if err != nil || got != want || !bytes.Equal(used.enc.Bytes(), fresh.enc.Bytes()) || !plain && !slices.Equal(used.table.Atoms(), fresh.table.Atoms()) {
			t.Fatalf("signal %d, %+v: %v\n got %d %v %q\nwant %d %v %q", i, s, err, got, used.enc.Bytes(), used.table.Atoms(),
				want, fresh.enc.Bytes(), fresh.table.Atoms())
		}
		used.buf = used.enc.Bytes()
	}
}
