// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/route"
)

// options are what to do.
type options struct {
	rate  int
	quiet time.Duration
	next  string // the program of the other build; "" none
	this  string
	logs  io.Writer
}

func main() {
	var o options
	var p place
	var journal string
	flag.IntVar(&o.rate, "rate", 5000, "calls a second")
	flag.DurationVar(&o.quiet, "quiet", 5*time.Second, "how long to measure before the restarts")
	flag.StringVar(&o.next, "next", "", "the program of the other build, to change to and back")
	flag.StringVar(&p.name, "name", "", "be this node (for the program itself)")
	flag.IntVar(&p.epmd, "epmd", 0, "with -name: the port mapper's port")
	flag.StringVar(&p.dir, "dir", "", "with -name: where nodes leave their addresses")
	flag.StringVar(&journal, "journal", "", "with -name: where to write down what was handled")
	flag.Parse()
	var err error
	if p.name != "" {
		err = serve(context.Background(), p, journal)
	} else if o.this, err = os.Executable(); err == nil {
		o.logs = io.Discard
		err = drive(o, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "rollingrestart:", err)
		os.Exit(1)
	}
}

// drive runs the whole thing.
func drive(o options, out io.Writer) error {
	dir, err := os.MkdirTemp("", "banyan-rolling-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	f := &fleet{o: o, out: out, dir: dir, epmd: l.Addr().(*net.TCPAddr).Port}
	if err := l.Close(); err != nil {
		return err
	}
	defer f.kill()
	if err := os.Mkdir(filepath.Join(dir, "nodes"), 0o700); err != nil {
		return err
	}
	f.node, _, err = f.place("driver@127.0.0.1").join(context.Background())
	if err != nil {
		return err
	}
	defer f.node.Stop(context.Background())
	for _, name := range names {
		if err := f.start(name, o.this); err != nil {
			return err
		}
	}
	return f.restartAll()
}

var names = []string{"a@127.0.0.1", "b@127.0.0.1", "c@127.0.0.1"}

// fleet is the nodes, and the one that calls them.
type fleet struct {
	o        options
	out      io.Writer
	dir      string
	epmd     int
	node     *banyan.Node
	running  []*program
	journals []string
}

// program is one life of a node.
type program struct {
	name string
	cmd  *exec.Cmd
}

func (f *fleet) place(name string) place { return place{name, f.epmd, filepath.Join(f.dir, "nodes")} }

// start starts a node and waits until it can be called.
func (f *fleet) start(name, path string) error {
	p, journal := f.place(name), filepath.Join(f.dir, fmt.Sprintf("journal-%d", len(f.journals)))
	f.journals = append(f.journals, journal)
	cmd := exec.Command(path, "-name", p.name, "-epmd", fmt.Sprint(p.epmd), "-dir", p.dir, "-journal", journal)
	cmd.Stderr = f.o.logs
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	f.running = append(f.running, &program{name, cmd})
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "up\n" {
		return fmt.Errorf("%s does not come up: %q, %w", name, line, err)
	}
	return f.await(name)
}

// await waits until all servers of a node are in the group, as the caller sees it.
func (f *fleet) await(name string) error {
	t := time.NewTicker(5 * time.Millisecond)
	defer t.Stop()
	for late := time.After(20 * time.Second); ; {
		refs, err := group.ResolveAll(f.node.Context(context.Background()))
		if err != nil {
			return err
		}
		n := 0
		for _, r := range refs {
			if string(r.PID().Node) == name {
				n++
			}
		}
		if n == servers {
			return nil
		}
		select {
		case <-t.C:
		case <-late:
			return fmt.Errorf("%d of %d servers of %s are in the group", n, servers, name)
		}
	}
}

// stop has a node drain and end.
func (f *fleet) stop(name string) (took time.Duration, err error) {
	i := slices.IndexFunc(f.running, func(p *program) bool { return p.name == name })
	p, began := f.running[i], time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return 0, err
	}
	f.running = slices.Delete(f.running, i, i+1)
	ended := make(chan error, 1)
	go func() { ended <- p.cmd.Wait() }()
	select {
	case err = <-ended:
	case <-time.After(grace + 10*time.Second):
		err = errors.Join(errors.New("it does not end"), p.cmd.Process.Kill())
	}
	if err != nil {
		return 0, fmt.Errorf("%s after SIGTERM: %w", name, err)
	}
	return time.Since(began), nil
}

// kill ends what is left after a failure.
func (f *fleet) kill() {
	for _, p := range f.running {
		_ = p.cmd.Process.Kill() // it may have ended
		_ = p.cmd.Wait()
	}
}

// restartAll restarts every node under calls, and counts.
func (f *fleet) restartAll() error {
	calls := &load{node: f.node, to: route.New[*server](f.node, group), rate: f.o.rate}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan struct{})
	go func() {
		calls.run(ctx)
		close(ended)
	}()
	<-time.After(f.o.quiet)
	calls.phase.Store(restarting)
	builds := []string{f.o.this}
	if f.o.next != "" {
		builds = []string{f.o.next, f.o.this}
	}
	var err error
	for _, path := range builds {
		for _, name := range names {
			var took time.Duration
			if took, err = f.stop(name); err == nil {
				began := time.Now()
				if err = f.start(name, path); err == nil {
					fmt.Fprintf(f.out, "%s: drained and ended in %v, %s started and called after %v\n", name, took.Round(time.Millisecond),
						filepath.Base(path), time.Since(began).Round(time.Millisecond))
				}
			}
			if err != nil {
				break
			}
		}
	}
	cancel()
	<-ended
	for _, name := range names { // so that they write down what they have handled
		if _, serr := f.stop(name); err == nil {
			err = serr
		}
	}
	return errors.Join(err, f.report(calls))
}

// report says how it went.
func (f *fleet) report(calls *load) error {
	t, err := count(calls.ends, f.journals)
	if err != nil {
		return err
	}
	qs := []float64{0.5, 0.99, 0.999, 1}
	n, before := calls.quantiles(quiet, qs...)
	m, during := calls.quantiles(restarting, qs...)
	for _, l := range []struct {
		what  string
		calls int
		q     []time.Duration
	}{{"before", n, before}, {"restarting", m, during}} {
		fmt.Fprintf(f.out, "%-10s  %7d calls, p50 %v, p99 %v, p999 %v, longest %v\n", l.what, l.calls, l.q[0].Round(time.Microsecond), l.q[1].Round(time.Microsecond), l.q[2].Round(time.Microsecond), l.q[3].Round(time.Microsecond))
	}
	fmt.Fprintf(f.out, "added p99   %v\n", (during[1] - before[1]).Round(time.Microsecond))
	fmt.Fprintf(f.out, "sent %d = answered %d + failed %d; %d handled twice, %d answered and not handled, %d handled that were said not to be\n",
		t.Sent, t.Answered, t.Failed, t.Doubled, t.Lost, t.Untrue)
	for kind, n := range calls.kinds {
		fmt.Fprintf(f.out, "%7d x %s\n", n, kind)
	}
	for _, w := range calls.wrong {
		fmt.Fprintln(f.out, w)
	}
	if !t.right() || len(calls.wrong) > 0 {
		return errors.New("calls were lost, doubled or failed")
	}
	return nil
}
