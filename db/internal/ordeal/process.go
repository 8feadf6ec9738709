// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a node as the runner sees it.
type process struct {
	cmd  *exec.Cmd
	in   io.WriteCloser
	up   chan struct{}
	done chan struct{} // it has ended

	mu   sync.Mutex
	wait map[string]chan string // by the first word of an answer, who waits for it
	down func(line string)
}

// startProcess starts this program again, in a namespace, as a node. A machine is a file whose content the node takes for the name of this start of the machine; "" is the
// truth.
func startProcess(ns, config, machine, logFile string, down func(line string)) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := []string{"netns", "exec", ns}
	if machine != "" { // the mounts are the process's own, ip has seen to that
		args = append(args, "sh", "-c", `mount --bind "$1" /proc/sys/kernel/random/boot_id && exec "$0"`, self, machine)
	} else {
		args = append(args, self)
	}
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p := &process{cmd: exec.Command("ip", args...), up: make(chan struct{}), done: make(chan struct{}), wait: map[string]chan string{}, down: down}
	p.cmd.Env = append(os.Environ(), childEnv+"="+config, "GOMAXPROCS=2")
	p.cmd.Stderr = log
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go p.read(out)
	return p, nil
}

// read passes on what the node says, until it has ended.
func (p *process) read(out io.Reader) {
	in := bufio.NewScanner(out)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		word, rest, _ := strings.Cut(in.Text(), " ")
		switch word {
		case "up":
			close(p.up)
			continue
		case "down":
			p.down(rest)
			continue
		}
		p.mu.Lock()
		if c := p.wait[word]; c != nil {
			delete(p.wait, word)
			c <- rest
		}
		p.mu.Unlock()
	}
	_ = p.cmd.Wait() // how it ended is in ProcessState
	close(p.done)
}

// code is the exit code, of a process that has ended; -1 if it was killed.
func (p *process) code() int { return p.cmd.ProcessState.ExitCode() }

func (p *process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) } // it may have ended

func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

// tell has the node do something. One that has ended does nothing.
func (p *process) tell(what string) { _, _ = fmt.Fprintln(p.in, what) }

// ask waits for the answer, but not for ever.
func (p *process) ask(what string, within time.Duration) (string, error) {
	word, _, _ := strings.Cut(what, " ")
	c := make(chan string, 1)
	p.mu.Lock()
	p.wait[word] = c
	p.mu.Unlock()
	p.tell(what)
	t := time.NewTimer(within)
	defer t.Stop()
	select {
	case a := <-c:
		return a, nil
	case <-p.done:
		return "", fmt.Errorf("%s: the node has ended", word)
	case <-t.C:
		return "", fmt.Errorf("%s: no answer within %v", word, within)
	}
}
