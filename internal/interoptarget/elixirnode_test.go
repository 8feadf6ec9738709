// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
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

// elixirNode is a real Elixir node that runs testdata/interop.exs.
type elixirNode struct {
	name  string
	in    io.WriteCloser
	lines chan string
}

// startElixir starts it; it drives these targets, which are all visible or all hidden. erl are arguments for the Erlang VM.
func startElixir(t *testing.T, alive string, epmdPort int, visible bool, targets []*target, erl ...string) *elixirNode {
	t.Helper()
	elixir := needs.Elixir(t)
	script, err := filepath.Abs("testdata/interop.exs")
	if err != nil {
		t.Fatal(err)
	}
	e := &elixirNode{name: alive + "@127.0.0.1", lines: make(chan string, 1000)}
	kind := "hidden"
	if visible {
		kind = "visible"
	}
	args := []string{"--name", e.name, "--cookie", "monster", "--erl",
		strings.Join(append([]string{"-kernel logger_level emergency -kernel inet_dist_use_interface {127,0,0,1}"}, erl...), " "), script, kind}
	for _, tg := range targets {
		args = append(args, tg.name)
	}
	cmd := exec.Command(elixir, args...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "ERL_EPMD_PORT="+strconv.Itoa(epmdPort), "ERL_EPMD_ADDRESS=127.0.0.1", "ERL_CRASH_DUMP_SECONDS=0", "LANG=C.UTF-8")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if e.in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { // ends with the node
		defer close(e.lines)
		s := bufio.NewScanner(out)
		s.Buffer(nil, 4<<20)
		for s.Scan() {
			e.lines <- s.Text()
		}
	}()
	t.Cleanup(func() { // it halts at the end of its input
		e.in.Close()
		timer := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		defer timer.Stop()
		for range e.lines {
		}
		_ = cmd.Wait()                                                           // how a killed node ended is no matter
		_ = exec.Command("epmd", "-port", strconv.Itoa(epmdPort), "-kill").Run() // refused while others use it
	})
	return e
}

// eval evaluates one line and gives what it prints as; each line that comes before goes to other.
func (e *elixirNode) eval(t *testing.T, expr string, other func(line string)) string {
	t.Helper()
	if _, err := io.WriteString(e.in, expr+"\n"); err != nil {
		t.Fatal(err)
	}
	late := time.NewTimer(4 * time.Minute) // for a hang; the scenarios have time-outs of their own
	defer late.Stop()
	for {
		select {
		case line, ok := <-e.lines:
			switch result, found := strings.CutPrefix(line, "=> "); {
			case !ok:
				t.Fatal("the Elixir node has ended")
			case found:
				return result
			default:
				other(line)
			}
		case <-late.C:
			t.Fatal("no answer of the Elixir node to ", expr)
		}
	}
}

// result evaluates one line.
func (e *elixirNode) result(t *testing.T, expr string) string {
	t.Helper()
	return e.eval(t, expr, func(line string) { t.Log("elixir:", line) })
}

// ran is what one scenario came to.
type ran struct{ target, name, failure string }

// run runs the scenarios of all targets, at once, or those of one again, and gives what came of each.
func (e *elixirNode) run(t *testing.T, again ...int) (all []ran) {
	t.Helper()
	var modules []string
	for _, i := range again {
		modules = append(modules, fmt.Sprintf("Interop.Target%d", i))
	}
	call := "Interop.run()"
	if len(again) > 0 {
		call = "Interop.run([" + strings.Join(modules, ", ") + "])"
	}
	got := e.eval(t, call, func(line string) {
		word, rest, _ := strings.Cut(line, " ")
		target, rest, _ := strings.Cut(rest, " ")
		switch word {
		case "ok":
			all = append(all, ran{target, rest, ""})
		case "FAILED":
			name, text, _ := strings.Cut(rest, ` "`)
			if s, err := strconv.Unquote(`"` + text); err == nil {
				text = s
			}
			all = append(all, ran{target, name, "it failed: " + text})
		default:
			t.Log("elixir:", line)
		}
	})
	failed := 0
	for _, r := range all {
		if r.failure != "" {
			failed++
		}
	}
	if want := fmt.Sprintf("{%d, %d}", len(all), failed); got != want || len(all) == 0 {
		t.Errorf("Elixir counts %s scenarios and failures, we saw %s", got, want)
	}
	return all
}
