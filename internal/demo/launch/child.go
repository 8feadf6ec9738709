// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/banyan-go/banyan/internal/demo/cluster"
)

// The words that make this program one of the demo's processes.
const (
	NodeCommand  = "demo-node"
	PlainCommand = "demo-plain"
)

// child is one process of a node.
type child struct {
	node  int // which one
	cmd   *exec.Cmd
	stdin io.WriteCloser
	pid   int
	began time.Time
	done  chan struct{} // closed when it has ended and its report reader too

	killed atomic.Bool // by us
}

// event is what a child's goroutine tells the launcher: a report, or its end.
type event struct {
	c      *child
	report *cluster.Report
	ended  bool
	err    error
}

// nursery starts children. All are started from one thread that lives as long as they may: Linux ties the order to die with
// the parent to the thread that forked.
type nursery struct {
	o      Options
	dir    string // for logs
	events chan event
	gone   chan struct{} // closed when nobody takes events any more
	once   sync.Once     // of closing gone
	starts chan func()
	wg     sync.WaitGroup
}

func newNursery(o Options, dir string) *nursery {
	n := &nursery{o: o, dir: dir, events: make(chan event, 64), gone: make(chan struct{}), starts: make(chan func())}
	go onOneThread(n.starts)
	return n
}

// release says that nobody takes events any more.
func (n *nursery) release() { n.once.Do(func() { close(n.gone) }) }

// close waits for all children, which must have been told to end.
func (n *nursery) close() {
	n.wg.Wait()
	close(n.starts)
}

func (n *nursery) command(word string) *exec.Cmd {
	args := append(n.o.Command[1:len(n.o.Command):len(n.o.Command)], word)
	cmd := exec.Command(n.o.Command[0], args...)
	cmd.Env = append(os.Environ(), n.o.Env...)
	dieWithParent(cmd)
	return cmd
}

// start runs cmd.Start on the nursery's thread.
func (n *nursery) start(cmd *exec.Cmd) error {
	err := make(chan error, 1)
	n.starts <- func() { err <- cmd.Start() }
	return <-err
}

// node starts one node.
func (n *nursery) node(number int, config cluster.Config) (*child, error) {
	log, err := os.OpenFile(n.logFile(number), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the child has its own
	cmd := n.command(NodeCommand)
	cmd.Stderr = log
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	line, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	if err := n.start(cmd); err != nil {
		return nil, fmt.Errorf("starting a node: %w", err)
	}
	c := &child{node: number, cmd: cmd, stdin: stdin, pid: cmd.Process.Pid, began: time.Now(), done: make(chan struct{})}
	n.wg.Add(1)
	go n.attend(c, stdout)
	if _, err := stdin.Write(append(line, '\n')); err != nil {
		c.kill()
		return nil, fmt.Errorf("telling node %s what to do: %w", short(number), err)
	}
	return c, nil
}

func (n *nursery) logFile(node int) string {
	dir := n.o.Logs
	if dir == "" {
		dir = n.dir
	}
	return filepath.Join(dir, short(node)+".log")
}

// attend reads a child's reports until it ends.
func (n *nursery) attend(c *child, stdout io.Reader) {
	defer n.wg.Done()
	defer close(c.done)
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		r := &cluster.Report{}
		if json.Unmarshal(lines.Bytes(), r) == nil { // the last line of a killed node may be torn
			n.tell(event{c: c, report: r})
		}
	}
	n.tell(event{c: c, ended: true, err: c.cmd.Wait()})
}

func (n *nursery) tell(e event) {
	select {
	case n.events <- e:
	case <-n.gone:
	}
}

// kill is kill -9. A child that has ended already is no error.
func (c *child) kill() {
	c.killed.Store(true)
	_ = c.cmd.Process.Kill()
}

// stop asks the child to end, and kills it when it does not within patience.
func (c *child) stop(patience time.Duration) {
	_, _ = io.WriteString(c.stdin, "stop\n") // it may be dead, then it has stopped
	_ = c.stdin.Close()
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-c.done:
	case <-t.C:
		c.kill()
		<-c.done
	}
}

// short is the short name of a node.
func short(node int) string { return string(rune('a' + node)) }
