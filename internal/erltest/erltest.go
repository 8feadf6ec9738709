// SPDX-License-Identifier: Apache-2.0

package erltest

import (
	"bufio"
	_ "embed"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/banyan-go/banyan/internal/needs"
)

// loop is an Erlang program that evaluates the lines of its standard input.
//
//go:embed testdata/erltest_loop.erl
var loop []byte

// Node is a running Erlang node.
type Node struct {
	// Name is its full name.
	Name  string
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines chan string
	errs  *Output
	epmd  string // its port
}

// Start starts the node alive@127.0.0.1, with an epmd at epmdPort (one that runs there, or its own), and further arguments
// for erl. It ends with the test.
func Start(t testing.TB, alive string, epmdPort int, cookie string, args ...string) *Node {
	t.Helper()
	erl := needs.Erlang(t)
	home := t.TempDir()
	src := filepath.Join(home, "erltest_loop.erl")
	if err := os.WriteFile(src, loop, 0o600); err != nil {
		t.Fatal(err)
	}
	e := &Node{Name: alive + "@127.0.0.1", lines: make(chan string, 100), errs: new(Output), epmd: strconv.Itoa(epmdPort)}
	e.cmd = exec.Command(erl, append([]string{"-noshell", "-name", e.Name, "-setcookie", cookie, "-kernel", "logger_level", "error",
		"-kernel", "inet_dist_use_interface", "{127,0,0,1}",
		"-eval", fmt.Sprintf(`{ok, M, B} = compile:file("%s", [binary]), code:load_binary(M, "erltest_loop", B), erltest_loop:main().`, src)}, args...)...)
	e.cmd.Env = append(os.Environ(), "HOME="+home, "ERL_EPMD_PORT="+strconv.Itoa(epmdPort), "ERL_EPMD_ADDRESS=127.0.0.1", "ERL_CRASH_DUMP_SECONDS=0")
	e.cmd.Stderr = e.errs
	out, err := e.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if e.in, err = e.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := e.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { // ends with the node
		defer close(e.lines)
		s := bufio.NewScanner(out)
		s.Buffer(nil, 1<<20)
		for s.Scan() {
			e.lines <- s.Text()
		}
	}()
	t.Cleanup(e.stop)
	if got := e.Eval(t, "1 + 1"); got != "2" {
		t.Fatalf("the node says %q", got)
	}
	return e
}

// stop ends the node: it halts at the end of its input, and is killed if it does not.
func (e *Node) stop() {
	e.in.Close()
	timer := time.AfterFunc(5*time.Second, func() { _ = e.cmd.Process.Kill() })
	for range e.lines { // what it still says
	}
	_ = e.cmd.Wait() // how a killed node ended is no matter
	timer.Stop()
	// The node may have started an epmd, which would outlive the test. One that still has nodes refuses, and so does ours.
	_ = exec.Command("epmd", "-port", e.epmd, "-kill").Run()
}

// Kill ends the node at once, as kill -9 does.
func (e *Node) Kill(t testing.TB) {
	t.Helper()
	if err := e.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
}

// OS is the node's operating system process.
func (e *Node) OS() *os.Process { return e.cmd.Process }

// Tell starts an evaluation; the expression ends without a dot. Answer waits for its result.
func (e *Node) Tell(t testing.TB, expr string) {
	t.Helper()
	if strings.Contains(expr, "\n") {
		expr = strings.Join(strings.Fields(expr), " ")
	}
	if _, err := io.WriteString(e.in, expr+".\n"); err != nil {
		t.Fatal(err, e.errs)
	}
}

// Answer waits for the result of Tell, printed by ~0p. Other lines that the node prints are logged.
func (e *Node) Answer(t testing.TB) string {
	t.Helper()
	late := time.After(40 * time.Second)
	for {
		select {
		case line, ok := <-e.lines:
			if !ok {
				t.Fatal("the node has ended: ", e.errs)
			}
			if r, ok := strings.CutPrefix(line, "=> "); ok {
				return r
			}
			t.Log("erlang:", line)
		case <-late:
			t.Fatal("no answer: ", e.errs)
		}
	}
}

// Eval evaluates an expression in a process that lives as long as the node, and gives its result as ~0p prints it; an
// exception is {Class, Reason}. Variables do not last; register processes, or use put and get.
func (e *Node) Eval(t testing.TB, expr string) string {
	t.Helper()
	e.Tell(t, expr)
	return e.Answer(t)
}

// Until evaluates again, for some seconds, until the result is want.
func (e *Node) Until(t testing.TB, expr, want string) {
	t.Helper()
	var got string
	for range 300 {
		if got = e.Eval(t, expr); got == want {
			return
		}
		e.Eval(t, "timer:sleep(20)")
	}
	t.Fatalf("%s stays %s, want %s", expr, got, want)
}
