// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/internal/needs"
)

// roleVar makes TestMain be one node of TestDeadPeer.
const roleVar = "BANYAN_DIST_TEST_NODE"

const (
	namespaceTick = 4 * time.Second
	addrA, addrB  = "10.213.77.1", "10.213.77.2"
)

func TestMain(m *testing.M) {
	if name := os.Getenv(roleVar); name != "" {
		if err := namespaceNode(name); err != nil {
			fmt.Fprintln(os.Stderr, name, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// oneAddr is the Names of nodes that accept at one port of their host.
type oneAddr struct{}

func (oneAddr) Register(context.Context, string, uint16, bool) (uint32, func(), error) {
	return 7, func() {}, nil
}

func (oneAddr) Lookup(_ context.Context, host, _ string) (string, error) {
	return net.JoinHostPort(host, "4001"), nil
}

// namespaceNode is a real node in a process of its own. Each line of its input is a node to connect to; it prints what
// happens with the time, which all processes of a machine share.
func namespaceNode(name string) error {
	_, host, _ := strings.Cut(name, "@")
	tr := New(Config{Cookie: "monster", Listen: host + ":4001", Names: oneAddr{}, TickTime: namespaceTick})
	n, err := banyan.Start(name, banyan.WithTransport(tr))
	if err != nil {
		return err
	}
	say := func(what string) { fmt.Printf("%s %d\n", what, time.Now().UnixNano()) }
	watching := make(chan struct{})
	if _, err := banyan.Go(n, func(self *banyan.Self) error {
		self.MonitorNodes(true)
		close(watching)
		for {
			up, err := banyan.ReceiveOf[banyan.NodeUp](context.Background(), self)
			if err != nil {
				return err
			}
			say("up " + string(up.Node))
			down, err := banyan.ReceiveOf[banyan.NodeDown](context.Background(), self)
			if err != nil {
				return err
			}
			say("down " + string(down.Node))
		}
	}); err != nil {
		return err
	}
	<-watching
	say("ready " + name)
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		if _, err := tr.Peer(context.Background(), banyan.Atom(in.Text())); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return n.Stop(ctx)
}

// nodeProcess is one such process.
type nodeProcess struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines chan string
	errs  strings.Builder
}

// startInNamespace starts a node in a network namespace.
func startInNamespace(t *testing.T, ip, space, name string) *nodeProcess {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &nodeProcess{cmd: exec.Command(ip, "netns", "exec", space, self), lines: make(chan string, 100)}
	p.cmd.Env = append(os.Environ(), roleVar+"="+name)
	p.cmd.Stderr = &p.errs
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for s := bufio.NewScanner(out); s.Scan(); {
			p.lines <- s.Text()
		}
	}()
	t.Cleanup(func() {
		p.stop(read)
		if s := p.errs.String(); !t.Failed() && !strings.Contains(s, "net_tick_timeout") {
			t.Errorf("%s did not lose its link by silence: %s", name, s)
		}
	})
	p.next(t, "ready "+name)
	return p
}

// stop ends the process; what it wrote to its standard error is complete then.
func (p *nodeProcess) stop(read <-chan struct{}) {
	p.in.Close()
	timer := time.AfterFunc(10*time.Second, func() { p.cmd.Process.Kill() })
	defer timer.Stop()
	<-read
	p.cmd.Wait()
}

// next waits for a line, which must be of what, and returns when that was.
func (p *nodeProcess) next(t *testing.T, what string) time.Time {
	t.Helper()
	select {
	case line := <-p.lines:
		var at int64
		rest, ok := strings.CutPrefix(line, what+" ")
		if _, err := fmt.Sscan(rest, &at); !ok || err != nil {
			t.Fatalf("%q, want %q", line, what)
		}
		return time.Unix(0, at)
	case <-time.After(30 * time.Second):
		t.Fatalf("nothing came, want %q", what)
	}
	panic("unreachable")
}

// Two real nodes in two network namespaces; then all packets between them vanish, and no kernel says a word: they go to a
// hardware address that nobody has. Both nodes notice within five quarters of the tick time.
func TestDeadPeerIsNoticed(t *testing.T) {
	if testing.Short() {
		t.Skip("takes more than a tick time of 4 s")
	}
	needs.Root(t)
	ip := needs.Program(t, "root", "ip")
	run := func(args ...string) {
		t.Helper()
		if out, err := exec.Command(ip, args...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
		}
	}
	spaceA, spaceB := fmt.Sprintf("banyan-a-%d", os.Getpid()), fmt.Sprintf("banyan-b-%d", os.Getpid())
	for _, s := range []string{spaceA, spaceB} {
		run("netns", "add", s)
		t.Cleanup(func() { run("netns", "del", s) })
	}
	run("link", "add", "va", "netns", spaceA, "type", "veth", "peer", "name", "vb", "netns", spaceB)
	run("-n", spaceA, "addr", "add", addrA+"/24", "dev", "va")
	run("-n", spaceB, "addr", "add", addrB+"/24", "dev", "vb")
	run("-n", spaceA, "link", "set", "va", "up")
	run("-n", spaceB, "link", "set", "vb", "up")
	nameA, nameB := "a@"+addrA, "b@"+addrB
	b := startInNamespace(t, ip, spaceB, nameB)
	a := startInNamespace(t, ip, spaceA, nameA)
	if _, err := io.WriteString(a.in, nameB+"\n"); err != nil {
		t.Fatal(err)
	}
	a.next(t, "up "+nameB)
	b.next(t, "up "+nameA)

	const nobody = "02:00:00:00:00:01"
	run("-n", spaceA, "neigh", "replace", addrB, "lladdr", nobody, "nud", "permanent", "dev", "va")
	run("-n", spaceB, "neigh", "replace", addrA, "lladdr", nobody, "nud", "permanent", "dev", "vb")
	cut := time.Now()
	const limit = namespaceTick + namespaceTick/4
	for who, down := range map[string]time.Time{"a": a.next(t, "down "+nameB), "b": b.next(t, "down "+nameA)} {
		d := down.Sub(cut)
		t.Logf("%s noticed after %v, %.3f tick times", who, d, float64(d)/float64(namespaceTick))
		if d > limit+500*time.Millisecond { // which a busy machine may take to tell us
			t.Errorf("%s noticed after %v, more than 1.25 times %v", who, d, namespaceTick)
		}
		if d < namespaceTick/2 {
			t.Errorf("%s noticed after %v: that was not the clock", who, d)
		}
	}
}
