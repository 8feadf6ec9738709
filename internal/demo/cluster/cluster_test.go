// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/cluster"
	"github.com/banyan-go/banyan/dist"
	"github.com/banyan-go/banyan/internal/demo/index"
)

// testNode is a node that runs in the test's own process, over real links.
type testNode struct {
	name    string
	stop    context.CancelFunc
	reports chan Report
	ended   chan error
}

func startNode(t *testing.T, c Config) *testNode {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	n := &testNode{c.Name, cancel, make(chan Report, 1000), make(chan error, 1)}
	go func() {
		err := Run(ctx, c, w, slog.New(slog.NewTextHandler(t.Output(), nil)).With("at", c.Name))
		w.Close()
		n.ended <- err
	}()
	go func() {
		defer close(n.reports)
		for lines := bufio.NewScanner(r); lines.Scan(); {
			var rep Report
			if err := json.Unmarshal(lines.Bytes(), &rep); err != nil {
				t.Errorf("%s: %v", c.Name, err)
				continue
			}
			select {
			case n.reports <- rep:
			default: // nobody looks
			}
		}
	}()
	return n
}

// end stops the node and waits for it.
func (n *testNode) end(t *testing.T) {
	t.Helper()
	n.stop()
	select {
	case err := <-n.ended:
		if err != nil {
			t.Errorf("%s: %v", n.name, err)
		}
	case <-time.After(30 * time.Second):
		t.Fatalf("%s does not stop", n.name)
	}
}

// await reads reports until one is as wanted.
func (n *testNode) await(t *testing.T, what string, want func(Report) bool) Report {
	t.Helper()
	limit := time.After(time.Minute)
	var last Report
	for {
		select {
		case r, ok := <-n.reports:
			if last = r; !ok {
				t.Fatalf("%s ended before %s", n.name, what)
			}
			if want(r) {
				return r
			}
		case <-limit:
			t.Fatalf("%s: no %s; the last report is %+v, job %+v", n.name, what, last, last.Job)
		}
	}
}

func testConfig(t *testing.T, least time.Duration) Config {
	t.Helper()
	if testing.Short() {
		t.Skip("runs nodes for seconds")
	}
	t.Parallel() // most of that is waiting
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for i := range 100 {
		text := strings.Repeat(fmt.Sprintf("some words of file%d ", i), 50+i)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return Config{Expect: 3, Data: t.TempDir(), Meet: t.TempDir(), Cookie: "secret", EPMDPort: port, Dir: dir,
		Out: filepath.Join(t.TempDir(), "out"), Shards: 5, Workers: 2, Readers: 2, Least: least}
}

func (c Config) as(i int) Config {
	c.Name, c.Data = Name(i), filepath.Join(c.Data, Name(i))
	return c
}

// right checks that the index is the one of the plain program.
func right(t *testing.T, c Config) {
	t.Helper()
	f, err := os.Create(c.Out + ".plain")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := index.Plain(t.Context(), c.Dir, f); err != nil {
		t.Fatal(err)
	}
	if equal, where, err := index.Equal(c.Out, c.Out+".plain"); !equal || err != nil {
		t.Errorf("the index is wrong: %s %v", where, err)
	}
}

func isDone(r Report) bool { return r.Job != nil && r.Job.Phase == PhaseDone }

// Three nodes share the work; the one with the coordinator goes in the middle, and the others end the job. Then it comes back, finds itself in the
// database, and takes part again.
func TestTakeOver(t *testing.T) {
	c := testConfig(t, 3*time.Second)
	var nodes []*testNode
	for i := range 3 {
		nodes = append(nodes, startNode(t, c.as(i)))
	}
	r := nodes[0].await(t, "leader", func(r Report) bool { return r.Leader != "" })
	led := slices.IndexFunc(nodes, func(n *testNode) bool { return n.name == r.Leader })
	leader := nodes[led]
	r = leader.await(t, "a third of the work", func(r Report) bool {
		return r.Job != nil && r.Job.Counted > r.Job.Pieces/3 && len(r.Job.Members) == 3
	})
	if r.Tree == nil || len(r.Tree.Children) != 7 {
		t.Errorf("the tree is %+v", r.Tree)
	}
	term, counted := r.Term, r.Job.Counted
	leader.end(t)
	rest := slices.Delete(slices.Clone(nodes), led, led+1)
	r = rest[0].await(t, "another leader", func(r Report) bool { return r.Leader != "" && r.Leader != leader.name })
	next := rest[slices.IndexFunc(rest, func(n *testNode) bool { return n.name == r.Leader })]
	r = next.await(t, "end of the job", isDone)
	if r.Term <= term || r.Job.Counted < counted {
		t.Errorf("term %d after %d, %d counted after %d", r.Term, term, r.Job.Counted, counted)
	}
	right(t, c)
	once(t, r, 3)
	back := startNode(t, c.as(led))
	back.await(t, "its place in the database, and the coordinator", func(x Report) bool { return x.Replicas > 0 && x.Leader == next.name })
	for _, n := range append(rest, back) {
		n.end(t)
	}
}

// A node that drains hands the coordinator over; it stays, and gets no work.
func TestDrain(t *testing.T) {
	c := testConfig(t, 3*time.Second)
	var nodes []*testNode
	for i := range 3 {
		nodes = append(nodes, startNode(t, c.as(i)))
	}
	n := nodes[0]
	r := n.await(t, "some work", func(r Report) bool { return r.Job != nil && r.Job.Counted > 10 && len(r.Job.Members) == 3 })
	operator, err := banyan.Start("operator@127.0.0.1", banyan.WithTransport(dist.New(dist.Config{Cookie: c.Cookie, Names: &dist.EPMD{Port: c.EPMDPort}})))
	if err != nil {
		t.Fatal(err)
	}
	defer operator.Stop(context.Background())
	drained := make(chan error, 1)
	go func() { drained <- cluster.At(banyan.Atom(n.name)).Drain(operator.Context(t.Context())) }()
	next := nodes[1].await(t, "another leader", func(x Report) bool { return x.Leader != "" && x.Leader != n.name })
	leader := nodes[1]
	if next.Leader == nodes[2].name {
		leader = nodes[2]
	}
	x := leader.await(t, "end of the job", isDone)
	if x.Term <= r.Term || len(x.Job.Members) != 2 {
		t.Errorf("term %d after %d, members %v", x.Term, r.Term, x.Job.Members)
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
	right(t, c)
	once(t, x, 3)
	for _, n := range nodes {
		n.end(t)
	}
}

// once checks that the nodes' counts add up to the index: none is lost, none is doubled.
func once(t *testing.T, r Report, nodes int) {
	t.Helper()
	var sum Counts
	for _, n := range r.Job.Counts {
		sum.Pieces, sum.Bytes, sum.Words = sum.Pieces+n.Pieces, sum.Bytes+n.Bytes, sum.Words+n.Words
	}
	if want := (Counts{r.Job.Pieces, r.Job.Bytes, int64(r.Job.Summary.Words)}); sum != want || len(r.Job.Counts) != nodes {
		t.Errorf("the counts of %d nodes add up to %+v, want %d and %+v", len(r.Job.Counts), sum, nodes, want)
	}
}

// A node alone does all.
func TestAlone(t *testing.T) {
	c := testConfig(t, 0)
	c.Expect = 1
	n := startNode(t, c.as(0))
	r := n.await(t, "end of the job", isDone)
	if r.Job.Again != 0 || r.Job.Summary.Files != 100 {
		t.Errorf("%+v", r.Job)
	}
	right(t, c)
	once(t, r, 1)
	n.end(t)
}

// All nodes end in the middle of the job, and go on where they were.
func TestAllEnd(t *testing.T) {
	c := testConfig(t, 4*time.Second)
	c.Expect = 1
	n := startNode(t, c.as(0))
	r := n.await(t, "a third of the work", func(r Report) bool { return r.Job != nil && r.Job.Counted > r.Job.Pieces/3 })
	n.end(t)
	term, counted := r.Term, r.Job.Counted
	n = startNode(t, c.as(0))
	r = n.await(t, "the second life", func(r Report) bool { return r.Job != nil && r.Job.Pieces > 0 })
	if r.Job.Counted < counted || r.Term <= term {
		t.Errorf("%d counted in term %d, after %d in term %d", r.Job.Counted, r.Term, counted, term)
	}
	r = n.await(t, "end of the job", isDone)
	right(t, c)
	once(t, r, 1)
	n.end(t)
}

func TestLeadOrder(t *testing.T) {
	none, a1, b1, b2 := lead{}, lead{Term: 1, Node: "a"}, lead{Term: 1, Node: "b"}, lead{Term: 2, Node: "b"}
	for _, c := range []struct {
		l, other lead
		before   bool
	}{{none, a1, true}, {a1, none, false}, {b1, a1, true}, {a1, b1, false}, {a1, b2, true}, {b2, a1, false}, {a1, a1, false}} {
		if c.l.before(c.other) != c.before {
			t.Errorf("%v before %v: want %v", c.l, c.other, c.before)
		}
	}
}

func TestConfigValidate(t *testing.T) {
	err := Config{Name: "x", Workers: 2000}.Validate()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"0 nodes", "place to meet", "cookie", "directory", "output", "data", "2000 workers", "0 shards"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q: %v", want, err)
		}
	}
}
