// SPDX-License-Identifier: Apache-2.0

package main

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
	"time"

	"github.com/banyan-go/banyan"
)

//go:embed testdata/soak.erl
var source []byte

// erlang is a real node that evaluates lines. One goroutine at a time may use it.
type erlang struct {
	name banyan.Atom
	cmd  *exec.Cmd
	in   io.WriteCloser
	out  *bufio.Reader
}

func startErlang(dir, alive string, epmdPort int, cookie string) (*erlang, error) {
	src := filepath.Join(dir, "soak.erl")
	if err := os.WriteFile(src, source, 0o600); err != nil {
		return nil, err
	}
	e := &erlang{name: banyan.Atom(alive + "@127.0.0.1")}
	e.cmd = exec.Command("erl", "-noshell", "-name", string(e.name), "-setcookie", cookie, "-kernel", "logger_level", "error",
		"-kernel", "inet_dist_use_interface", "{127,0,0,1}", "-eval",
		fmt.Sprintf(`{ok, M, B} = compile:file("%s", [binary]), code:load_binary(M, "soak", B), soak:main().`, src))
	e.cmd.Env = append(os.Environ(), "HOME="+dir, "ERL_EPMD_PORT="+strconv.Itoa(epmdPort), "ERL_EPMD_ADDRESS=127.0.0.1", "ERL_CRASH_DUMP_SECONDS=0")
	e.cmd.Stderr = os.Stderr
	out, err := e.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	e.out = bufio.NewReader(out)
	if e.in, err = e.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := e.cmd.Start(); err != nil {
		return nil, err
	}
	if got, err := e.eval("1 + 1"); err != nil || got != "2" {
		return nil, fmt.Errorf("%s says %q: %w", e.name, got, err)
	}
	return e, nil
}

// eval gives the result as ~0p prints it.
func (e *erlang) eval(expr string) (string, error) {
	if _, err := io.WriteString(e.in, expr+".\n"); err != nil {
		return "", err
	}
	for {
		line, err := e.out.ReadString('\n')
		if err != nil {
			return "", fmt.Errorf("%s has ended: %w", e.name, err)
		}
		if r, ok := strings.CutPrefix(strings.TrimSpace(line), "=> "); ok {
			return r, nil
		}
	}
}

func (e *erlang) stop() {
	e.in.Close()
	timer := time.AfterFunc(5*time.Second, func() { _ = e.cmd.Process.Kill() })
	defer timer.Stop()
	_ = e.cmd.Wait() // how it ended is no matter
}

// resident is the resident memory of a process, in bytes; 0 where it cannot be told.
func resident(pid int) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b))
	if len(f) < 2 {
		return 0
	}
	n, err := strconv.ParseInt(f[1], 10, 64)
	if err != nil {
		return 0
	}
	return n * int64(os.Getpagesize())
}
