// SPDX-License-Identifier: Apache-2.0

//go:build unix

package cluster_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/cluster"
)

// What a node in a program of its own is told to do, one line each:
//
//	await NAME REACH       waits until it sees that, and answers with the time of it, Unix nanoseconds
//	call NAME N            calls the till there N times, and answers with how many were answered and the longest time
//	busy N SECONDS         starts N processes that compute all the time
//	seen                   answers how often a member became Suspect, Unreachable and Indirect
func serve(node *banyan.Node, c *cluster.Cluster, in io.Reader, out io.Writer) {
	ctx := node.Context(context.Background())
	var seen counts
	seen.watch(c)
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		number := func(i int) int {
			n, err := strconv.Atoi(f[i])
			if err != nil {
				panic(err)
			}
			return n
		}
		switch f[0] {
		case "await":
			go func() { fmt.Fprintln(out, f[1], f[2], awaitReach(c, f[1], f[2])) }()
		case "call":
			good, longest := 0, time.Duration(0)
			for i := range number(2) {
				start := time.Now()
				if _, err := banyan.Call(ctx, banyan.At[*till]("till", banyan.Atom(f[1])), ring{i}); err == nil {
					good++
				}
				longest = max(longest, time.Since(start))
			}
			fmt.Fprintln(out, good, longest)
		case "busy":
			until := time.Now().Add(time.Duration(number(2)) * time.Second)
			for range number(1) {
				burn(node, until)
			}
			fmt.Fprintln(out, "busy")
		case "seen":
			fmt.Fprintln(out, seen.String())
		default:
			fmt.Fprintln(out, "what?")
		}
	}
}

// burner is a server that keeps a processor busy, a turn of some milliseconds after the other.
type burner struct {
	name  banyan.Atom
	until time.Time
	sum   uint64
}

type burnOn struct{}

func (burnOn) Cast(b *burner, self *banyan.Self) error {
	for range 5_000_000 {
		b.sum = b.sum*6364136223846793005 + 1442695040888963407
	}
	if time.Now().Before(b.until) {
		return banyan.Cast(self, banyan.At[*burner](b.name, ""), burnOn{})
	}
	return nil
}

var burners int

func burn(node *banyan.Node, until time.Time) {
	burners++
	name := banyan.Atom(fmt.Sprint("burner", burners))
	if _, err := banyan.Spawn(node, func(context.Context, *banyan.Self) (*burner, error) { return &burner{name: name, until: until}, nil }, banyan.Name(name)); err != nil {
		panic(err)
	}
	if err := banyan.Cast(node.Context(context.Background()), banyan.At[*burner](name, ""), burnOn{}); err != nil {
		panic(err)
	}
}

// counts is what a node has seen of others since its start.
type counts struct{ suspect, unreachable, indirect atomic.Int64 }

func (n *counts) watch(c *cluster.Cluster) {
	go func() {
		for e := range c.Events(context.Background()) {
			if e.Kind != cluster.ReachChanged {
				continue
			}
			switch e.Member.Reach {
			case cluster.Suspect:
				n.suspect.Add(1)
			case cluster.Unreachable:
				n.unreachable.Add(1)
			case cluster.Indirect:
				n.indirect.Add(1)
			}
		}
	}()
}

func (n *counts) String() string {
	return fmt.Sprintf("suspect %d unreachable %d indirect %d", n.suspect.Load(), n.unreachable.Load(), n.indirect.Load())
}

// awaitReach waits until a member is seen so; the answer is when, or "never" after a minute.
func awaitReach(c *cluster.Cluster, name, reach string) string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for range c.Events(ctx) {
		m, ok := c.Member(banyan.Atom(name))
		if ok && (m.Reach.String() == reach || (reach == "suspect" && m.Reach == cluster.Unreachable)) { // it may be both before we look
			return strconv.FormatInt(time.Now().UnixNano(), 10)
		}
	}
	return "never"
}

// ask tells a node something and gives its answer.
func (p *process) ask(t testing.TB, line string) string {
	t.Helper()
	p.tell(t, line)
	return p.answer(t)
}

func (p *process) tell(t testing.TB, line string) {
	t.Helper()
	if _, err := fmt.Fprintln(p.in, line); err != nil {
		t.Fatal(err)
	}
}

func (p *process) answer(t testing.TB) string {
	t.Helper()
	s, err := p.out.ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	return strings.TrimSpace(s)
}
