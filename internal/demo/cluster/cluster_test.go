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
	"strings"
	"testing"
	"time"

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
	case <-time.After(10 * time.Second):
		t.Fatalf("%s does not stop", n.name)
	}
}

// await reads reports until one is as wanted.
func (n *testNode) await(t *testing.T, what string, want func(Report) bool) Report {
	t.Helper()
	limit := time.After(20 * time.Second)
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
	return Config{Expect: 2, Meet: t.TempDir(), Cookie: "secret", EPMDPort: port, Dir: dir,
		Out: filepath.Join(t.TempDir(), "out"), Shards: 5, Workers: 2, Readers: 2, Least: least}
}

func (c Config) as(i int) Config {
	c.Name = Name(i)
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

// Two nodes share the work; the one with the coordinator goes in the middle, and the other ends the job alone. Then a fresh
// node joins and gets all copies.
func TestTakeOver(t *testing.T) {
	c := testConfig(t, 2*time.Second)
	a, b := startNode(t, c.as(0)), startNode(t, c.as(1))
	half := func(r Report) bool { return r.Job != nil && r.Job.Counted > r.Job.Pieces/3 && len(r.Job.Members) == 2 }
	leader, other := a, b
	for leader = nil; leader == nil; {
		r := a.await(t, "leader", func(r Report) bool { return r.Leader != "" })
		if leader, other = a, b; r.Leader == b.name {
			leader, other = b, a
		}
	}
	r := leader.await(t, "a third of the work", half)
	if r.Tree == nil || len(r.Tree.Children) != 7 {
		t.Errorf("the tree is %+v", r.Tree)
	}
	leader.end(t)
	r = other.await(t, "end of the job", isDone)
	if r.Copies != r.Job.Pieces || r.Term < 2 || len(r.Shards) != c.Shards {
		t.Errorf("%d copies of %d pieces, term %d, shards %v", r.Copies, r.Job.Pieces, r.Term, r.Shards)
	}
	right(t, c)
	back := startNode(t, c.as(map[string]int{Name(0): 0, Name(1): 1}[leader.name]))
	got := back.await(t, "all copies", func(x Report) bool { return x.Copies == r.Job.Pieces })
	if got.Leader != other.name {
		t.Errorf("it follows %q", got.Leader)
	}
	back.end(t)
	other.end(t)
}

// A node alone waits a moment for the others, and then does all.
func TestAlone(t *testing.T) {
	c := testConfig(t, 0)
	n := startNode(t, c.as(1))
	r := n.await(t, "end of the job", isDone)
	if r.Job.Again != 0 || r.Job.Summary.Files != 100 {
		t.Errorf("%+v", r.Job)
	}
	right(t, c)
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
	for _, want := range []string{"0 nodes", "place to meet", "cookie", "directory", "output", "2000 workers", "0 shards"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q: %v", want, err)
		}
	}
}
