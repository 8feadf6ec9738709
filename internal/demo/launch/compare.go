// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/banyan-go/banyan/internal/demo/cluster"
	"github.com/banyan-go/banyan/internal/demo/index"
	"github.com/banyan-go/banyan/internal/demo/page"
)

// ErrDifferent says that the index of the nodes is not the one of the plain program.
var ErrDifferent = errors.New("the index that the nodes made is NOT the one that a plain program computes")

// ErrCounts says that the nodes' counts do not add up to what was to be counted.
var ErrCounts = errors.New("the counts of the nodes do NOT add up: pieces were lost or counted twice")

// ErrTooFast says that a script could not kill all that it wanted to.
var ErrTooFast = errors.New("the job was over before every node had been killed: give it more time with --least")

// compare has the plain program compute the index, and compares.
func (r *run) compare(ctx context.Context, job cluster.Progress, took time.Duration) error {
	r.stopNodes() // they have done their part, and are not to slow the other down
	v := r.board.view()
	r.screen.say("%s", r.board.note("the nodes are done after %s; now the same with one goroutine", page.Clock(took)))
	out := filepath.Join(r.dir, "plain.index")
	p, err := r.nursery.plain(ctx, plainJob{r.o.Dir, out})
	switch {
	case ctx.Err() != nil:
		return ErrInterrupted
	case err != nil:
		return err
	}
	equal, where, err := index.Equal(r.config.Out, out)
	if err != nil {
		return err
	}
	held := ""
	if r.o.Least > 0 {
		held = fmt.Sprintf(" (workers took their time, to last %v: --least 0 is full speed)", r.o.Least)
	}
	r.screen.say("")
	r.screen.say("%d nodes       %s", len(v.Nodes), describe(*job.Summary))
	r.screen.say("              %s, %d killed, %s pieces handed out again%s", page.Clock(took), v.Kills, v.Repeated(), held)
	work, sum := r.board.work()
	r.screen.say("              counted by %s: %d of %d pieces, %d words", work, sum.Pieces, job.Pieces, sum.Words)
	for _, t := range job.Summary.Trouble {
		r.screen.say("              unreadable: %s", t)
	}
	r.screen.say("one goroutine %s", describe(p.Summary))
	r.screen.say("              %s", page.Clock(p.Took))
	if r.o.Index != "" {
		if err := copyFile(r.o.Index, r.config.Out); err != nil {
			return err
		}
		r.screen.say("index         %s", r.o.Index)
	}
	if !equal {
		r.board.finish(false, ErrDifferent.Error()+"\n"+where)
		return fmt.Errorf("%w: %s", ErrDifferent, where)
	}
	if sum.Pieces != job.Pieces || sum.Words != int64(job.Summary.Words) {
		r.board.finish(false, ErrCounts.Error())
		return fmt.Errorf("%w: %d pieces of %d, %d words of %d", ErrCounts, sum.Pieces, job.Pieces, sum.Words, job.Summary.Words)
	}
	r.screen.say("equal, byte for byte")
	if r.script != nil && r.script.left() > 0 {
		r.board.finish(false, ErrTooFast.Error())
		return fmt.Errorf("%w (%d kills were left)", ErrTooFast, r.script.left())
	}
	r.board.finish(true, "equal, byte for byte, to what one goroutine computes")
	return nil
}

// describe is a summary in a line.
func describe(s index.Summary) string {
	more := ""
	if s.Skipped > 0 {
		more += fmt.Sprintf(", %d of them binary or too large", s.Skipped)
	}
	if s.Unreadable > 0 {
		more += fmt.Sprintf(", %d of them UNREADABLE", s.Unreadable)
	}
	if s.Problems > 0 {
		more += fmt.Sprintf(", %d directories UNREADABLE", s.Problems)
	}
	return fmt.Sprintf("%d files%s; %d words, %d different; index of %s, sha256 %.16s",
		s.Files, more, s.Words, s.Distinct, page.Size(s.Bytes), s.Digest)
}

func copyFile(to, from string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o644)
}
