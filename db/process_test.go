// SPDX-License-Identifier: Apache-2.0

//go:build unix

package db

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/cluster"
	"github.com/banyan-go/banyan/cluster/discover"
	"github.com/banyan-go/banyan/db/internal/txn"
	"github.com/banyan-go/banyan/dist"
	"github.com/banyan-go/banyan/internal/erltest"
)

// childEnv makes the test's own program a node: name, port of epmd, directory.
const childEnv = "BANYAN_DB_TEST_NODE"

var processNames = []banyan.Atom{"db1@127.0.0.1", "db2@127.0.0.1", "db3@127.0.0.1"}

func TestMain(m *testing.M) {
	if text := os.Getenv(childEnv); text != "" {
		if err := child(strings.Split(text, " ")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func realNode(name string, epmd int) (*banyan.Node, error) {
	return banyan.Start(name, banyan.WithTransport(dist.New(dist.Config{Cookie: "test", Listen: "127.0.0.1:0",
		Names: &dist.EPMD{Port: epmd, Listen: "127.0.0.1"}})))
}

// child has a part of a database until its input ends, and does what the lines of it say.
func child(args []string) error {
	epmd, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	ctx := context.Background()
	node, err := realNode(args[0], epmd)
	if err != nil {
		return err
	}
	defer node.Stop(ctx)
	if _, err := cluster.Start(ctx, node, cluster.Config{Secret: "test", Listen: "127.0.0.1:0",
		Discovery: []cluster.Discovery{discover.Dir(args[2])}, JoinTime: 2 * time.Second}); err != nil {
		return err
	}
	d, err := Start(ctx, node, Options{Dir: filepath.Join(args[2], args[0]), Expect: processNames})
	if err != nil {
		return err
	}
	defer d.Close()
	tab, err := NewTable[string, int](ctx, d, "counts", Partitioned())
	if err != nil {
		return err
	}
	fast, err := NewTable[int, int](ctx, d, "fast", Partitioned(), Stored(RAM))
	if err != nil {
		return err
	}
	fmt.Println("up")
	var stop chan struct{}
	var wg sync.WaitGroup
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		switch in.Text() {
		case "leads":
			fmt.Println("leads", len(d.member.watch.leads()))
		case "settled":
			n := 0
			for _, g := range groups() {
				if st, ok := d.host.Status(g); ok && len(st.Conf.Raft.GetVoters()) == 3 && !st.Conf.Joint() {
					n++
				}
			}
			fmt.Println("settled", n)
		case "load": // "ack" for each write that is done
			stop = make(chan struct{})
			for w := range 4 {
				wg.Go(func() {
					for i := 0; ; i++ {
						select {
						case <-stop:
							return
						default:
						}
						if err := add(ctx, d, tab, fmt.Sprint(w, " ", i%8)); err != nil {
							fmt.Println("error", err)
							return
						}
						fmt.Println("ack")
					}
				})
			}
		case "stop":
			close(stop)
			wg.Wait()
			fmt.Println("stopped 0")
		case "fill": // rows that are in memory only
			err := d.Update(ctx, func(tx *Tx) (err error) {
				for k := range 100 {
					err = errors.Join(err, fast.Put(tx, k, k))
				}
				return err
			})
			if err != nil {
				fmt.Println("error", err)
			}
			fmt.Println("filled 100")
		case "rows":
			n := 0
			err := d.View(ctx, func(tx *Tx) error {
				n = 0
				for _, err := range fast.All(tx, Range[int]{}) {
					if n++; err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				n = -1
			}
			fmt.Println("rows", n)
		case "full": // groups in memory that have three voters
			n := 0
			for _, g := range txn.RAM.Groups() {
				if st, ok := d.ram.host.Status(g); ok && len(st.Conf.Raft.GetVoters()) == 3 && !st.Conf.Joint() {
					n++
				}
			}
			fmt.Println("full", n)
		case "sum":
			sum, err := total(ctx, d, tab)
			if err != nil {
				fmt.Println("error", err)
			}
			fmt.Println("sum", sum)
		}
	}
	return nil
}

// process is a node in a program of its own.
type process struct {
	*exec.Cmd
	t   *testing.T
	in  io.WriteCloser
	out chan string // lines, but for acks
	up  chan struct{}

	mu   sync.Mutex
	acks int
	last time.Time
	gap  time.Duration
}

func startProcess(t *testing.T, name banyan.Atom, epmd int, dir string) *process {
	t.Helper()
	cmd, in, out := erltest.Self(t, nil, nil, fmt.Sprintf("%s=%s %d %s", childEnv, name, epmd, dir))
	p := &process{Cmd: cmd, t: t, in: in, out: make(chan string, 10), up: make(chan struct{})}
	t.Cleanup(p.kill)
	go p.read(out)
	return p
}

// read counts acks, and passes on what else the program says.
func (p *process) read(out io.Reader) {
	defer close(p.out)
	for in := bufio.NewScanner(out); in.Scan(); {
		switch in.Text() {
		case "up":
			close(p.up)
		case "ack":
			p.mu.Lock()
			now := time.Now()
			if p.acks++; p.acks > 1 {
				p.gap = max(p.gap, now.Sub(p.last))
			}
			p.last = now
			p.mu.Unlock()
		default:
			p.out <- in.Text()
		}
	}
}

func (p *process) kill() {
	_ = p.Process.Signal(syscall.SIGKILL) // it may have ended
	_ = p.Wait()
}

func (p *process) waitUp() {
	p.t.Helper()
	select {
	case <-p.up:
	case <-time.After(30 * time.Second):
		p.t.Fatal("a program does not come up")
	}
}

func (p *process) tell(what string) {
	p.t.Helper()
	if _, err := fmt.Fprintln(p.in, what); err != nil {
		p.t.Fatal(err)
	}
}

// ask waits for the number that is the answer.
func (p *process) ask(what string) int {
	p.t.Helper()
	p.tell(what)
	timeout := time.After(30 * time.Second)
	for {
		select {
		case line, ok := <-p.out:
			_, text, _ := strings.Cut(line, " ")
			n, err := strconv.Atoi(text)
			if !ok || err != nil {
				p.t.Fatalf("%s: %q", what, line)
			}
			return n
		case <-timeout:
			p.t.Fatalf("%s: no answer", what)
		}
	}
}

func (p *process) acked() (n int, gap time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.acks, p.gap
}

// more waits for further acks.
func (p *process) more(n int) {
	p.t.Helper()
	before, _ := p.acked()
	p.poll("writes go on", func() bool { now, _ := p.acked(); return now >= before+n })
}

func (p *process) poll(what string, f func() bool) {
	p.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	end := time.After(30 * time.Second)
	for !f() {
		select {
		case <-tick.C:
		case <-end:
			p.t.Fatalf("not within 30 s: %s", what)
		}
	}
}

// TestKill: of three programs the one that leads most is killed, and the writes of another one go on; then all are killed at once, and
// everything that was acknowledged is there.
func TestKill(t *testing.T) {
	epmd := erltest.FreePort(t)
	dir := t.TempDir()
	names, err := realNode("names@127.0.0.1", epmd) // keeps the names while others come and go
	if err != nil {
		t.Fatal(err)
	}
	defer names.Stop(context.Background())
	ps := make([]*process, len(processNames))
	all := func(f func(p *process)) {
		for _, p := range ps {
			f(p)
		}
	}
	launch := func() {
		for i, name := range processNames {
			ps[i] = startProcess(t, name, epmd, dir)
		}
		all((*process).waitUp)
	}
	launch()
	ps[0].poll("three voters", func() bool { return ps[0].ask("settled") == len(groups()) })
	ps[0].poll("three voters in memory", func() bool { return ps[0].ask("full") == txn.Groups })
	ps[0].ask("fill")
	kills := 1
	if n, err := strconv.Atoi(os.Getenv("BANYAN_DB_KILLS")); err == nil {
		kills = n
	}
	total := 0
	for range kills {
		leader := 0
		for i, p := range ps {
			if p.ask("leads") > ps[leader].ask("leads") {
				leader = i
			}
		}
		client := ps[(leader+1)%len(ps)]
		client.mu.Lock()
		client.acks, client.gap = 0, 0
		client.mu.Unlock()
		client.tell("load")
		client.more(100)
		leads := ps[leader].ask("leads")
		ps[leader].kill()
		client.more(100)
		ps[leader] = startProcess(t, processNames[leader], epmd, dir)
		ps[leader].waitUp()
		client.more(100)
		client.ask("stop")
		n, gap := client.acked()
		t.Logf("the leader of %d groups was killed: the longest gap between two of %d writes is %v", leads, n, gap)
		if gap > 2*time.Second {
			t.Errorf("writes stopped for %v", gap)
		}
		total += n
		ps[0].poll("three voters in memory again", func() bool { return ps[0].ask("full") == txn.Groups })
		all(func(p *process) {
			if n := p.ask("rows"); n != 100 {
				t.Errorf("after one was killed, %d of 100 rows in memory are there", n)
			}
			if sum := p.ask("sum"); sum != total {
				t.Errorf("the rows count %d, %d writes were acknowledged", sum, total)
			}
		})
	}
	all(func(p *process) { p.mu.Lock(); p.acks = 0; p.mu.Unlock(); p.tell("load") })
	all(func(p *process) { p.more(50) })
	all((*process).kill)
	acked := total
	all(func(p *process) {
		for range p.out { // until all of its output is read
			continue
		}
		n, _ := p.acked()
		acked += n
	})
	launch()
	all(func(p *process) {
		p.poll("the table in memory serves again", func() bool { return p.ask("rows") >= 0 })
		if n := p.ask("rows"); n != 0 {
			t.Errorf("after all were killed, %d rows in memory are there", n)
		}
		// Of each of the twelve writers one write may have been carried out whose acknowledgement was not seen.
		if sum := p.ask("sum"); sum < acked || sum > acked+12 {
			t.Errorf("after all were killed the rows count %d, %d writes were acknowledged", sum, acked)
		}
	})
}
