// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// runTimeout is how long one run may take before it has failed.
const runTimeout = 3 * time.Minute

// process is a child of the driver.
type process struct {
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	lines   chan string // of standard output; closed at its end
	errs    strings.Builder
	figures map[string]float64
	raw     []string
	done    bool
}

// start starts a command with its input held open.
func start(ctx context.Context, env []string, name string, args ...string) (*process, error) {
	p := &process{cmd: exec.CommandContext(ctx, name, args...), lines: make(chan string, 16), figures: map[string]float64{}}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stderr = &p.errs
	p.cmd.WaitDelay = time.Second
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(p.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			p.lines <- s.Text()
		}
	}()
	return p, nil
}

// until reads lines up to one that begins with a word, and gives the rest of that; false at the end of output.
func (p *process) until(word string) (rest string, ok bool) {
	for line := range p.lines {
		p.raw = append(p.raw, line)
		f := strings.Fields(line)
		switch {
		case len(f) > 0 && f[0] == word:
			return strings.TrimSpace(strings.TrimPrefix(line, word)), true
		case len(f) == 3 && f[0] == "figure":
			if v, err := strconv.ParseFloat(f[2], 64); err == nil {
				p.figures[f[1]] = v
			}
		case line == "done":
			p.done = true
		}
	}
	return "", false
}

// finish reads the rest and waits for the end.
func (p *process) finish() error {
	p.until("") // to the end of output
	_ = p.stdin.Close()
	err := p.cmd.Wait()
	p.figures["cpu"] = (p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()).Seconds()
	p.raw = append(p.raw, fmt.Sprintf("processor time: %.2f s", p.figures["cpu"]))
	if err == nil && !p.done {
		err = errors.New("it ended without being done")
	}
	if err != nil {
		return fmt.Errorf("%w: %s", err, tail(p.errs.String()+strings.Join(p.raw, "\n")))
	}
	return nil
}

// tail is the end of a long text.
func tail(s string) string {
	const most = 2000
	s = strings.TrimSpace(s)
	if len(s) > most {
		s = "..." + s[len(s)-most:]
	}
	return s
}

// quit ends a process that is not needed any more.
func (p *process) quit() {
	_ = p.stdin.Close()
	_ = p.cmd.Process.Kill()
	go func() {
		for range p.lines {
		}
	}()
	_ = p.cmd.Wait()
}

// freePort is a TCP port that nobody listens on.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
