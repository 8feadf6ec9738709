// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/banyan-go/banyan/internal/demo/cluster"
	"github.com/banyan-go/banyan/internal/demo/page"
)

// board is all that is known of a run. Run's goroutine writes it; the page reads it.
type board struct {
	mu     sync.Mutex
	dir    string
	nodes  []nodeState
	job    cluster.Progress
	jobOf  int       // the node that said it
	jobAt  time.Time // when
	term   int       // of the newest coordinator; the database never gives one twice
	again  int       // under earlier coordinators; what was with workers when one was lost is known from its last report only
	about  bool
	began  time.Time
	ended  time.Time
	kills  int // nodes that a signal ended
	log    []string
	result string
	ok     bool
}

// nodeState is one node as the launcher sees it.
type nodeState struct {
	child  *child // nil while it is down
	ready  bool   // it has reported since it was started
	back   time.Time
	last   cluster.Report
	lastAt time.Time
	rate   float64
	added  time.Time // when it was added to a run that was going on; zero: it was there from the beginning, or has its share
}

const logLines = 14 // kept for the page

func (b *board) note(format string, args ...any) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	line := fmt.Sprintf(format, args...)
	b.noteLocked(line)
	return line
}

// noteLocked is note with mu held.
func (b *board) noteLocked(line string) {
	b.log = append([]string{time.Now().Format("15:04:05.0 ") + line}, b.log...)
	b.log = b.log[:min(len(b.log), logLines)]
}

// report takes a node's report. It gives the news for people, if there is any.
func (b *board) report(i int, r cluster.Report, now time.Time) (news string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := &b.nodes[i]
	if dt := now.Sub(n.lastAt).Seconds(); n.ready && dt > 0 && r.Done >= n.last.Done {
		// Smooth over about a second: pieces come in lumps.
		w := min(dt/1.0, 1)
		n.rate += w * (float64(r.Done-n.last.Done)/dt - n.rate)
	}
	if r.Tree == nil || len(r.Tree.Children) == 0 {
		r.Tree = n.last.Tree // too busy to answer: what was known is better than nothing
	}
	n.last, n.lastAt, n.ready = r, now, true
	news = b.shares(i, now)
	if r.Job == nil || r.Term < b.term { // a coordinator that has not heard yet that there is another
		return news
	}
	if r.Term > b.term {
		if b.term > 0 {
			b.lostLead()
		}
		b.term = r.Term
	}
	if r.Job.Phase == cluster.PhasePlan && b.job.Pieces > 0 { // a new coordinator that knows nothing yet
		return news
	}
	b.job, b.jobOf, b.jobAt = *r.Job, i, now
	if b.began.IsZero() && r.Job.Pieces > 0 {
		b.began = now
	}
	return news
}

// shares notes when a node that was added works as much as the others do: four fifths of their average.
func (b *board) shares(i int, now time.Time) (news string) {
	n, others, count := &b.nodes[i], 0.0, 0
	for j := range b.nodes {
		if o := &b.nodes[j]; j != i && o.ready && o.added.IsZero() {
			others += o.rate
			count++
		}
	}
	if n.added.IsZero() || count == 0 || others == 0 || n.rate < 0.8*others/float64(count) {
		return ""
	}
	news = fmt.Sprintf("node %s has its share of the work, %.1f s after it was added", short(i), now.Sub(n.added).Seconds())
	b.noteLocked(news)
	n.added = time.Time{}
	return news
}

// grow makes room for a node that is added now, and gives its number.
func (b *board) grow(now time.Time) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.nodes = append(b.nodes, nodeState{added: now})
	return len(b.nodes) - 1
}

// up and down follow a node's processes.
func (b *board) up(i int, c *child) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := &b.nodes[i]
	*n = nodeState{child: c, lastAt: time.Now(), added: n.added}
}

func (b *board) down(i int, back time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := &b.nodes[i]
	n.child, n.ready, n.rate, n.back = nil, false, 0, back
}

// lostLead keeps what is known of the work that was given under a coordinator that is no more.
func (b *board) lostLead() {
	b.again, b.about = b.again+b.job.Again+b.job.Given, true
	b.job.Again, b.job.Given = 0, 0
}

// situation is what the script wants to know.
func (b *board) situation(now time.Time) situation {
	b.mu.Lock()
	defer b.mu.Unlock()
	x := situation{now: now, leader: b.jobOf, running: len(b.nodes)}
	if b.job.Bytes > 0 {
		x.share = float64(b.job.CountedBytes) / float64(b.job.Bytes)
	}
	x.whole = b.job.Phase == cluster.PhaseIndex && b.job.Counted < b.job.Pieces && b.job.Given > 0 &&
		now.Sub(b.jobAt) < time.Second && len(b.job.Members) == len(b.nodes)
	for i := range b.nodes {
		n := &b.nodes[i]
		x.whole = x.whole && n.child != nil && n.ready && n.last.Leader == cluster.Name(b.jobOf)
	}
	return x
}

// done tells the end of the job, once it is there.
func (b *board) done(now time.Time) (cluster.Progress, time.Duration, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.job.Phase != cluster.PhaseDone || b.job.Summary == nil {
		return cluster.Progress{}, 0, false
	}
	if b.ended.IsZero() {
		b.ended = now
	}
	return b.job, b.ended.Sub(b.began), true
}

func (b *board) finish(ok bool, result string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ok, b.result = ok, result
}

// work tells how much each node has counted, for the end, and what that adds up to.
func (b *board) work() (text string, sum cluster.Counts) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []string
	for i := range b.nodes {
		n := b.job.Counts[cluster.Name(i)]
		list = append(list, fmt.Sprintf("%s %s", short(i), page.Size(n.Bytes)))
		sum.Pieces, sum.Bytes, sum.Words = sum.Pieces+n.Pieces, sum.Bytes+n.Bytes, sum.Words+n.Words
	}
	return strings.Join(list, ", "), sum
}

// view is what the page and the terminal show.
func (b *board) view() page.View {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	v := page.View{Dir: b.dir, Phase: b.job.Phase, Bytes: b.job.Bytes, Counted: b.job.CountedBytes, Pieces: b.job,
		Again: b.again + b.job.Again, About: b.about, Kills: b.kills, Log: append([]string(nil), b.log...), Result: b.result, OK: b.ok}
	if v.Phase == "" {
		v.Phase = "starting"
	}
	if b.job.Bytes > 0 {
		v.Share = float64(b.job.CountedBytes) / float64(b.job.Bytes)
	}
	if !b.began.IsZero() {
		end := b.ended
		if end.IsZero() {
			end = now
		}
		v.Elapsed = end.Sub(b.began)
	}
	for i := range b.nodes {
		n := &b.nodes[i]
		x := page.Node{Short: short(i), Name: cluster.Name(i), Up: n.ready, Rate: n.rate, Counts: b.job.Counts[cluster.Name(i)], Report: n.last,
			Leader: n.ready && b.job.Pieces > 0 && b.jobOf == i}
		switch {
		case n.child == nil && !n.back.IsZero():
			x.State = fmt.Sprintf("down, back in %.1f s", max(n.back.Sub(now), 0).Seconds())
		case n.child == nil:
			x.State = "down"
		case !n.ready:
			x.State = "starting"
		default:
			x.State = "up"
		}
		if n.child != nil {
			x.PID = n.child.pid
		}
		v.Rate += x.Rate
		v.Nodes = append(v.Nodes, x)
	}
	for i := range v.Nodes {
		if v.Rate > 0 {
			v.Nodes[i].Share = v.Nodes[i].Rate / v.Rate
		}
	}
	return v
}
