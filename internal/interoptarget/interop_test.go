// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/banyan-go/banyan/internal/erltest"
	"github.com/banyan-go/banyan/internal/needs"
)

// TestMain runs the target itself when a test starts this binary for that.
func TestMain(m *testing.M) {
	if os.Getenv("BANYAN_INTEROPTARGET") != "" {
		os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// target is the program, running.
type target struct {
	name   string
	cmd    *exec.Cmd
	killed bool
	out    printed
}

// printed is what a target has printed.
type printed struct {
	mu   sync.Mutex
	text strings.Builder
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// kill ends it as kill -9 does.
func (tg *target) kill(t *testing.T) {
	t.Helper()
	tg.killed = true
	if err := tg.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
}

// startTarget starts it as a process of its own, which ends with the test.
func startTarget(t *testing.T, alive string, epmdPort int, args ...string) *target {
	t.Helper()
	name := alive + "@127.0.0.1"
	cmd, in, out := erltest.Self(t, nil, append([]string{"--name", name, "--cookie", "monster", "--stdin"}, args...),
		"BANYAN_INTEROPTARGET=1", fmt.Sprintf("ERL_EPMD_PORT=%d", epmdPort))
	tg := &target{name: name, cmd: cmd}
	t.Cleanup(func() {
		in.Close()
		timer := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
		defer timer.Stop()
		if err := cmd.Wait(); err != nil && !tg.killed {
			t.Errorf("the target ended with %v", err)
		}
	})
	lines := bufio.NewReader(out)
	if line, err := lines.ReadString('\n'); err != nil || line != "ready "+name+"\n" {
		t.Fatalf("the target says %q, %v", line, err)
	}
	go func() { _, _ = io.Copy(&tg.out, lines) }() // ends with the target
	return tg
}

// peer starts an Erlang node that has module interop.
func peer(t *testing.T, alive string, epmdPort int, args ...string) *erltest.Node {
	t.Helper()
	e := erltest.Start(t, alive, epmdPort, "monster", args...)
	src, err := filepath.Abs("testdata/interop.erl")
	if err != nil {
		t.Fatal(err)
	}
	if got := e.Eval(t, fmt.Sprintf(`{ok, M, B} = compile:file("%s", [binary]), {module, M} = code:load_binary(M, "interop", B), interop:start()`, src)); got != "ok" {
		t.Fatal(got)
	}
	return e
}

var (
	nodeNames = regexp.MustCompile(`\b(T|OTHER)\b`)
	helpers   = strings.NewReplacer("wait(", "interop:wait(", "leader(", "interop:leader(", "dead_there(", "interop:dead_there(",
		"crypto_free(", "interop:crypto_free(")
)

// expand puts the names of the nodes into an expression.
func expand(expr, target, other string) string {
	expr = nodeNames.ReplaceAllStringFunc(expr, func(w string) string {
		if w == "T" {
			return "'" + target + "'"
		}
		return "'" + other + "'"
	})
	return strings.ReplaceAll(helpers.Replace(expr), "group_interop:leader(", "group_leader(")
}

// runScenarios runs all that apply and returns how many.
func runScenarios(t *testing.T, e *erltest.Node, target, other string, visible bool) int {
	n := 0
	for _, c := range scenarios {
		if c.only == "visible" && !visible {
			continue
		}
		n++
		t.Run(c.name, func(t *testing.T) {
			if got := e.Eval(t, expand(c.expr, target, other)); got != c.want {
				t.Errorf("%s\n got %s\nwant %s", c.expr, got, c.want)
			}
			if left := e.Eval(t, "receive Left -> Left after 0 -> none end"); left != "none" && c.name != "late replies do not come" && c.name != "time-out" {
				t.Errorf("a message too many: %s", left)
			}
		})
	}
	t.Logf("%d scenarios", n)
	return n
}

// A visible target among visible Erlang nodes.
func TestInteropVisible(t *testing.T) {
	needs.Erlang(t)
	port := erltest.FreePort(t)
	tg := startTarget(t, "itv", port)
	x := peer(t, "itvx", port)
	e := peer(t, "itve", port)
	runScenarios(t, e, tg.name, x.Name, true)
}

// A hidden target.
func TestInteropHidden(t *testing.T) {
	needs.Erlang(t)
	port := erltest.FreePort(t)
	tg := startTarget(t, "ith", port, "--hidden")
	x := peer(t, "ithx", port)
	e := peer(t, "ithe", port)
	runScenarios(t, e, tg.name, x.Name, false)
	if got := e.Eval(t, "lists:member('"+tg.name+"', nodes())"); got != "false" {
		t.Error("a hidden target is in nodes()")
	}
}
