// SPDX-License-Identifier: Apache-2.0

package box

import (
	"hash/fnv"
	"time"

	"github.com/banyan-go/banyan/db/internal/host"
)

// network carries frames, or does not. Frames are encoded and decoded on the way, as on a wire.
type network struct {
	s    *Sim
	cut  map[[2]uint64]bool // from, to
	loss int                // percent
	copy int                // percent
	slow time.Duration      // up to so much later, which also mixes their order
}

func (w *network) send(f *host.Frame) {
	s := w.s
	if w.cut[[2]uint64{f.From, f.To}] || s.chance(w.loss) {
		return
	}
	b, err := f.Append(nil)
	if err != nil {
		s.violate("frame: %v", err)
		return
	}
	w.carry(f.To, b)
	if s.chance(w.copy) {
		w.carry(f.To, append([]byte(nil), b...))
	}
}

func (w *network) carry(to uint64, b []byte) {
	s := w.s
	d := s.between(200*time.Microsecond, 2*time.Millisecond)
	if w.slow > 0 && s.chance(30) {
		d += s.between(0, w.slow)
	}
	n := s.nodes[to-1]
	n.in(d, func() {
		f, err := host.Decode(b)
		if err != nil {
			s.violate("frame: %v", err)
			return
		}
		if w.cut[[2]uint64{f.From, f.To}] {
			return
		}
		for _, m := range f.Messages {
			if m.Kind == host.KindChunkOK && m.Last {
				s.stats.Snapshots++
			}
		}
		if len(f.Messages) > 0 {
			h := fnv.New32a()
			h.Write(b)
			s.note("%d -> %d: %d messages %x", f.From, f.To, len(f.Messages), h.Sum32())
		}
		n.do(func() { n.core.Receive(f) })
	})
}

// heal repairs the network.
func (w *network) heal() {
	w.loss, w.copy, w.slow = 0, 0, 0
	clear(w.cut)
}
