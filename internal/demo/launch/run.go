// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/banyan-go/banyan/internal/demo/cluster"
	"github.com/banyan-go/banyan/internal/demo/page"
)

// ErrInterrupted says that the run was ended before its time.
var ErrInterrupted = errors.New("interrupted: all nodes are stopped")

// run is one run of the demo. Its fields belong to the goroutine of Run, except where they lock themselves.
type run struct {
	o       Options
	dir     string // temporary: logs and indexes
	config  cluster.Config
	nursery *nursery
	board   *board
	screen  *screen
	script  *script
	asked   chan request // what the page asks for
	failed  map[int]int  // how often a node ended by itself
	trouble string       // the last that was told
}

// request asks Run's goroutine to do something.
type request struct {
	do     func() (string, error)
	answer chan answer
}

type answer struct {
	what string
	err  error
}

// Run runs the demo: to the end, or until ctx ends (then the error is ErrInterrupted). Nil means that the index of the nodes
// is the one of the plain program, byte for byte.
func Run(ctx context.Context, o Options) (err error) {
	if err := o.prepare(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "banyan-demo-")
	if err != nil {
		return err
	}
	r := &run{o: o, dir: dir, asked: make(chan request), failed: map[int]int{},
		screen:  &screen{w: o.Out, terminal: o.Terminal},
		board:   &board{dir: o.Dir, nodes: make([]nodeState, o.Nodes)},
		nursery: newNursery(o, dir)}
	defer func() { err = errors.Join(err, r.cleanUp(err)) }()
	defer r.stopAll()
	if err := r.configure(); err != nil {
		return err
	}
	if o.HTTP != "" {
		s, err := page.Start(o.HTTP, r.board.view, r.actions(ctx))
		if err != nil {
			return err
		}
		if err := leaveKey(dir, s.URL(), s.Token()); err != nil {
			return errors.Join(err, s.Close())
		}
		defer func() { err = errors.Join(err, s.Close()) }()
		r.screen.say("status page   %s", s.URL())
	}
	return r.all(ctx)
}

// configure makes what all nodes are told.
func (r *run) configure() error {
	port, err := freePort()
	if err != nil {
		return fmt.Errorf("finding a free port: %w", err)
	}
	meet := filepath.Join(r.dir, "nodes")
	if err := os.Mkdir(meet, 0o700); err != nil {
		return err
	}
	r.config = cluster.Config{Expect: r.o.Nodes, Meet: meet, Cookie: rand.Text(), EPMDPort: port, Dir: r.o.Dir, Out: filepath.Join(r.dir, "cluster.index"),
		Shards: r.o.Shards, Workers: r.o.Workers, Readers: r.o.Readers, Least: r.o.Least}
	// A guest (banyan node, an Erlang shell) needs the cookie, and where the port mapper is.
	if err := os.WriteFile(filepath.Join(r.dir, "cookie"), []byte(r.config.Cookie), 0o600); err != nil {
		return err
	}
	r.screen.say("indexing      %s", r.o.Dir)
	r.screen.say("look at it    banyan node ls --node %s --epmd-port %d --cookie-file %s", cluster.Name(0), port, filepath.Join(r.dir, "cookie"))
	if r.o.Script != "" {
		r.screen.say("script        %s, seed %d (--seed %d does the same again)", r.o.Script, r.o.Seed, r.o.Seed)
		r.script = newScript(r.o.Seed, r.o.Nodes)
	}
	return nil
}

// freePort finds a port that nobody listens at.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// start starts a node.
func (r *run) start(i int) error {
	c := r.config
	c.Name, c.Data = cluster.Name(i), filepath.Join(r.dir, "db", short(i))
	p, err := r.nursery.node(i, c)
	if err != nil {
		return err
	}
	r.board.up(i, p)
	r.screen.say("%s", r.board.note("node %s is pid %d", short(i), p.pid))
	return nil
}

// all is the run itself.
func (r *run) all(ctx context.Context) error {
	for i := range r.o.Nodes {
		if err := r.start(i); err != nil {
			return err
		}
	}
	commands := r.commands()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return ErrInterrupted
		case e := <-r.nursery.events:
			err = r.event(e)
		case q := <-r.asked:
			what, err := q.do()
			q.answer <- answer{what, err}
		case text := <-commands:
			if err = r.command(text); err == errQuit {
				return ErrInterrupted
			}
		case now := <-ticker.C:
			err = r.tick(now)
		}
		if err != nil {
			return err
		}
		if job, took, ok := r.board.done(time.Now()); ok {
			return r.compare(ctx, job, took)
		}
	}
}

// event handles what a child's goroutine saw.
func (r *run) event(e event) error {
	i := e.c.node
	if !e.ended {
		if e.report.Error != "" {
			r.screen.say("%s", r.board.note("node %s gives up: %s", short(i), e.report.Error))
			return nil
		}
		if news := r.board.report(i, *e.report, time.Now()); news != "" {
			r.screen.say("%s", news)
		}
		if j := e.report.Job; j != nil && j.Trouble != "" && j.Trouble != r.trouble {
			r.trouble = j.Trouble
			r.screen.say("%s", r.board.note("collecting the index failed, and is tried again: %s", j.Trouble))
		}
		return nil
	}
	if r.board.nodes[i].child != e.c {
		return nil
	}
	how := "exit status 0"
	if e.err != nil {
		how = e.err.Error()
	}
	killed := e.c.killed.Load() || strings.HasPrefix(how, "signal: ")
	r.board.down(i, time.Now().Add(restartAfter))
	if killed {
		r.board.mu.Lock()
		r.board.kills++
		r.board.mu.Unlock()
	}
	r.screen.say("%s", r.board.note("node %s (pid %d) ended: %s; back in %v", short(i), e.c.pid, how, restartAfter))
	if !killed {
		if r.failed[i]++; r.failed[i] == 3 {
			return fmt.Errorf("node %s has ended by itself three times (%s); the end of its log:\n%s", short(i), how, r.logTail(i))
		}
	}
	return nil
}

// tick does what is due.
func (r *run) tick(now time.Time) error {
	for i := range r.board.nodes {
		if n := &r.board.nodes[i]; n.child == nil && now.After(n.back) {
			if err := r.start(i); err != nil {
				return err
			}
		}
	}
	if r.script != nil {
		if i := r.script.step(r.board.situation(now)); i >= 0 {
			if err := r.kill(i, "the script"); err != nil {
				return err
			}
		}
	}
	r.screen.progress(r.board.view(), now)
	return nil
}

// kill is kill -9.
func (r *run) kill(i int, by string) error {
	if i < 0 || i >= len(r.board.nodes) {
		return fmt.Errorf("there is no such node: want %s to %s", short(0), short(len(r.board.nodes)-1))
	}
	c := r.board.nodes[i].child
	if c == nil {
		return fmt.Errorf("node %s is down already", short(i))
	}
	v := r.board.view()
	what := ""
	if v.Nodes[i].Leader {
		what = ", the coordinator's node"
	}
	r.screen.say("%s", r.board.note("kill -9 %s (pid %d%s) by %s at %s%%", short(i), c.pid, what, by, v.Percent()))
	c.kill()
	return nil
}

// add starts one more node.
func (r *run) add(by string) (string, error) {
	if n := len(r.board.nodes); n >= maxNodes {
		return "", fmt.Errorf("there are %d nodes already: more than %d have no keys", n, maxNodes)
	}
	i := r.board.grow(time.Now())
	r.screen.say("%s", r.board.note("node %s is added by %s", short(i), by))
	if err := r.start(i); err != nil {
		return "", err
	}
	return fmt.Sprintf("node %s is pid %d", cluster.Name(i), r.board.nodes[i].child.pid), nil
}

// actions are what the page may ask of Run's goroutine.
func (r *run) actions(ctx context.Context) page.Actions {
	ask := func(do func() (string, error)) (string, error) {
		q := request{do, make(chan answer, 1)}
		t := time.NewTimer(time.Second)
		defer t.Stop()
		select {
		case r.asked <- q:
			a := <-q.answer
			return a.what, a.err
		case <-ctx.Done():
			return "", ErrInterrupted
		case <-t.C:
			return "", errors.New("the job is over: there is nothing to do")
		}
	}
	return page.Actions{
		Kill: func(name string) error {
			_, err := ask(func() (string, error) { return "", r.kill(nodeNumber(name), "the page") })
			return err
		},
		Add: func() (string, error) { return ask(func() (string, error) { return r.add("request") }) },
	}
}

// stopAll ends all nodes and waits for every child.
func (r *run) stopAll() {
	r.stopNodes()
	r.nursery.close()
}

// stopNodes ends all nodes, at the same time.
func (r *run) stopNodes() {
	r.nursery.release()
	var list []*child
	for i := range r.board.nodes {
		if c := r.board.nodes[i].child; c != nil {
			list = append(list, c)
			r.board.down(i, time.Time{})
		}
	}
	done := make(chan struct{})
	for _, c := range list {
		go func() {
			c.stop(stopTime + time.Second)
			done <- struct{}{}
		}()
	}
	for range list {
		<-done
	}
}

// cleanUp removes what was temporary; after a failure the nodes' logs stay.
func (r *run) cleanUp(err error) error {
	r.screen.clear()
	if err != nil && !errors.Is(err, ErrInterrupted) {
		r.screen.say("the nodes' logs and indexes are in %s", r.dir)
		return nil
	}
	return os.RemoveAll(r.dir)
}

// logTail is the end of a node's log.
func (r *run) logTail(i int) string {
	b, err := os.ReadFile(r.nursery.logFile(i))
	if err != nil {
		return err.Error()
	}
	return string(b[max(0, len(b)-2000):])
}
