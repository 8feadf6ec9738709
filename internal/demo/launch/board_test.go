// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"testing"
	"time"

	"github.com/banyan-go/banyan/internal/demo/cluster"
)

func job(term, counted, given, again int) cluster.Report {
	return cluster.Report{Term: term, Leader: cluster.Name(0), Job: &cluster.Progress{Phase: cluster.PhaseIndex, Pieces: 10,
		Bytes: 1000, Counted: counted, CountedBytes: int64(100 * counted), Given: given, Again: again}}
}

// What is shown goes with the newest coordinator, also when all nodes were down: what counts stays.
func TestBoardFollowsCoordinator(t *testing.T) {
	b := &board{nodes: make([]nodeState, 2)}
	now := time.Now()
	for i := range b.nodes {
		b.up(i, &child{node: i})
	}
	b.report(0, job(3, 4, 2, 1), now)
	b.report(1, job(2, 9, 0, 0), now) // an old one
	if v := b.view(); v.Pieces.Counted != 4 || v.Repeated() != "1" {
		t.Errorf("counted %d, again %s", v.Pieces.Counted, v.Repeated())
	}
	b.report(1, job(4, 5, 1, 0), now)
	if v := b.view(); v.Pieces.Counted != 5 || v.Repeated() != "~3" || !v.Nodes[1].Leader {
		t.Errorf("counted %d, again %s", v.Pieces.Counted, v.Repeated())
	}
	b.down(0, now)
	if v := b.view(); v.Pieces.Counted != 5 || v.Nodes[0].Up {
		t.Errorf("one is down: %+v", v)
	}
	b.down(1, now)
	b.up(0, &child{})
	b.report(0, job(5, 5, 1, 0), now)
	if v := b.view(); v.Pieces.Counted != 5 || v.Repeated() != "~4" {
		t.Errorf("all were down: counted %d, again %s", v.Pieces.Counted, v.Repeated())
	}
	if _, _, ok := b.done(now); ok {
		t.Error("done")
	}
}

func TestBoardRate(t *testing.T) {
	b := &board{nodes: make([]nodeState, 1)}
	now := time.Now()
	b.up(0, &child{})
	for i := range 50 {
		b.report(0, cluster.Report{Done: int64(i) << 20}, now.Add(time.Duration(i)*time.Second/2))
	}
	if r := b.view().Rate / (1 << 20); r < 1.9 || r > 2.1 {
		t.Errorf("%.2f MB/s, want 2", r)
	}
}
