// SPDX-License-Identifier: Apache-2.0

//go:build unix

package cluster_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/cluster"
	"github.com/banyan-go/banyan/cluster/discover"
	"github.com/banyan-go/banyan/dist"
	"github.com/banyan-go/banyan/internal/erltest"
)

// childEnv makes the test's own program a node: name, port of epmd, directory of addresses.
const childEnv = "BANYAN_CLUSTER_TEST_NODE"

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

// child is a member until its input ends. It serves the lines of its input, and tells what it sees of others.
func child(args []string) error {
	port, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	node, c, err := startReal(context.Background(), args[0], port, args[2])
	if err != nil {
		return err
	}
	defer node.Stop(context.Background())
	startTillOn(node)
	fmt.Println("up")
	serve(node, c, os.Stdin, os.Stdout)
	return c.Drain(context.Background())
}

func startReal(ctx context.Context, name string, epmd int, dir string) (*banyan.Node, *cluster.Cluster, error) {
	_, host, _ := strings.Cut(name, "@")
	daemon := host
	if host != "127.0.0.1" {
		daemon = "0.0.0.0" // for itself and for others
	}
	node, err := banyan.Start(name, banyan.WithTransport(dist.New(dist.Config{Cookie: "test", Listen: net.JoinHostPort(host, "0"),
		Names: &dist.EPMD{Port: epmd, Listen: daemon}})))
	if err != nil {
		return nil, nil, err
	}
	c, err := cluster.Start(ctx, node, cluster.Config{Secret: "test", Listen: net.JoinHostPort(host, "0"),
		Discovery: []cluster.Discovery{discover.Dir(dir)}, JoinTime: 2 * time.Second})
	if err != nil {
		node.Stop(context.Background())
	}
	return node, c, err
}

// process is a node in a program of its own.
type process struct {
	*exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func startProcess(t testing.TB, name string, epmd int, dir string, in ...string) *process {
	t.Helper()
	cmd, input, out := erltest.Self(t, in, nil, fmt.Sprintf("%s=%s %d %s", childEnv, name, epmd, dir))
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	p := &process{cmd, input, bufio.NewReader(out)}
	if line, err := p.out.ReadString('\n'); line != "up\n" {
		t.Fatalf("%s did not come up: %q, %v", name, line, err)
	}
	return p
}

// Real programs: one is killed, one is stopped, one drains, one is started again. How long it took is logged; that it comes about is tested.
func TestRealProcesses(t *testing.T) {
	epmd := erltest.FreePort(t)
	dir := t.TempDir()
	node, c, err := startReal(t.Context(), "main@127.0.0.1", epmd, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer node.Stop(context.Background())
	w := &world{t: t}
	names := []string{"main@127.0.0.1"}
	ps := map[string]*process{}
	for _, alive := range []string{"killed", "stopped", "drained"} {
		name := alive + "@127.0.0.1"
		ps[alive] = startProcess(t, name, epmd, dir)
		names = append(names, name)
	}
	w.await(c, 30*time.Second, "all members", usable(names...))
	linked := func([]cluster.Member) bool { return len(node.Nodes()) == 3 }
	w.awaitPolling(c, 30*time.Second, "links to all", linked)

	ps["killed"].Process.Kill()
	t.Logf("SIGKILL: suspect after %v", w.await(c, 30*time.Second, "suspect", func(all []cluster.Member) bool {
		return !is("killed@127.0.0.1", cluster.Up, cluster.Reachable)(all)
	}))
	start := time.Now()
	again := startProcess(t, "killed@127.0.0.1", epmd, dir)
	w.await(c, 30*time.Second, "the successor", usable(names...))
	t.Logf("started again: a member after %v", time.Since(start))
	again.in.Close()

	ps["stopped"].Process.Signal(syscall.SIGSTOP)
	t.Logf("SIGSTOP: unreachable after %v", w.await(c, 30*time.Second, "unreachable", is("stopped@127.0.0.1", cluster.Up, cluster.Unreachable)))
	ps["stopped"].Process.Signal(syscall.SIGCONT)
	t.Logf("SIGCONT: back after %v", w.await(c, 30*time.Second, "back", is("stopped@127.0.0.1", cluster.Up, cluster.Reachable)))

	ps["drained"].in.Close()
	w.await(c, 30*time.Second, "left", func(all []cluster.Member) bool {
		for _, m := range all {
			if m.Name == "drained@127.0.0.1" {
				return m.State == cluster.Left
			}
		}
		return false
	})
}

// awaitPolling is await for what no event tells.
func (w *world) awaitPolling(c *cluster.Cluster, max time.Duration, what string, ok func([]cluster.Member) bool) {
	w.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(max)
	for !ok(list(c)) {
		select {
		case <-tick.C:
		case <-deadline:
			w.t.Fatalf("not within %v: %s", max, what)
		}
	}
}
