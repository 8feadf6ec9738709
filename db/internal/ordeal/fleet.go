// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/db"
)

// fleet is the nodes, and the hosts they are on.
type fleet struct {
	net    *network
	root   string
	seed   uint64
	expect []banyan.Atom
	seats  []*seat // by host; 0 is none
	out    io.Writer
	began  int64
	load   bool // nodes that come up start their clients

	closing chan struct{}
	wg      sync.WaitGroup

	mu      sync.Mutex
	crashes []string // of nodes that ended as nobody expected
	downs   func(seat int, line string)
}

// seat is a host, with the disk that is in it, and the process that runs there, one after the other.
type seat struct {
	f       *fleet
	n       int
	disk    *disk
	machine string

	mu      sync.Mutex
	p       *process
	life    int
	held    bool // it is not started again
	ready   bool // it has said that it is up
	leaving bool
	left    int // how often it has left, and joined again
	paused  bool
	full    bool
}

// newFleet makes hosts, n of them. Of the nodes on them the first `first` create the database. With megabytes each node has a file system of that size.
func newFleet(n, first, megabytes int, seed uint64, machines bool, out io.Writer) (_ *fleet, err error) {
	f := &fleet{seed: seed, out: out, began: now(), closing: make(chan struct{}), seats: make([]*seat, n+1), downs: func(int, string) {}}
	if f.root, err = os.MkdirTemp("", "ordeal"); err != nil {
		return nil, err
	}
	for _, dir := range []string{"meet", "history", "log"} {
		if err := os.Mkdir(filepath.Join(f.root, dir), 0o700); err != nil {
			return nil, err
		}
	}
	if f.net, err = newNetwork(n, seed); err != nil {
		return nil, err
	}
	for i := 1; i <= n; i++ {
		s := &seat{f: f, n: i, held: true}
		f.seats[i] = s
		if s.disk, err = newDisk(filepath.Join(f.root, fmt.Sprintf("n%d", i)), megabytes); err != nil {
			f.close(false)
			return nil, err
		}
		if machines {
			s.machine = filepath.Join(f.root, fmt.Sprintf("machine%d", i))
			if err := os.WriteFile(s.machine, fmt.Appendf(nil, "machine-%d\n", i), 0o600); err != nil {
				f.close(false)
				return nil, err
			}
		}
		if i <= first {
			f.expect = append(f.expect, f.name(i))
		}
	}
	return f, nil
}

func (f *fleet) name(i int) banyan.Atom { return banyan.Atom(fmt.Sprintf("n%d@%s", i, host(i))) }

func (f *fleet) say(format string, args ...any) {
	fmt.Fprintf(f.out, "%8.3f  %s\n", float64(now()-f.began)/1e9, fmt.Sprintf(format, args...))
}

// start starts a node, and sees to it that it is started again whenever it ends, unless it is held.
func (s *seat) start() {
	s.release()
	s.f.wg.Go(func() {
		for s.mayStart() {
			p, err := s.launch()
			if err != nil {
				s.f.crash("n%d cannot be started: %v", s.n, err)
				return
			}
			if p == nil {
				continue
			}
			select {
			case <-p.up:
				s.arrived(p)
			case <-p.done:
			}
			<-p.done
			s.ended(p)
		}
	})
}

// mayStart waits until the node is not held. False: everything is over.
func (s *seat) mayStart() bool {
	t := time.NewTicker(200 * time.Millisecond)
	defer t.Stop()
	for {
		select {
		case <-s.f.closing:
			return false
		case <-t.C:
		}
		if !s.is(func(s *seat) bool { return s.held }) {
			return true
		}
	}
}

// launch starts the next process. There is none if that is not wanted any more.
func (s *seat) launch() (*process, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.f.closing:
		return nil, nil
	default:
	}
	if s.held {
		return nil, nil
	}
	s.life++
	id := fmt.Sprintf("n%d.%d", s.n, s.life)
	config, err := json.Marshal(nodeConfig{Number: s.n, Name: string(s.f.name(s.n)), Host: host(s.n), Dir: s.disk.data(), Meet: filepath.Join(s.f.root, "meet"),
		Journal: filepath.Join(s.f.root, "history", id+".jsonl"), Expect: s.f.expect, Nodes: len(s.f.seats) - 1, Seed: s.f.seed, Life: s.life})
	if err != nil {
		return nil, err
	}
	s.p, err = startProcess(s.f.net.ns(s.n), string(config), s.machine, filepath.Join(s.f.root, "log", id+".log"), func(line string) { s.f.heard(s.n, line) })
	return s.p, err
}

// arrived: the node serves.
func (s *seat) arrived(p *process) {
	s.mu.Lock()
	s.ready = true
	leaving := s.leaving
	s.mu.Unlock()
	if s.f.load {
		p.tell("load")
	}
	if leaving {
		p.tell("leave")
	}
}

// ended looks at how a process has ended.
func (s *seat) ended(p *process) {
	s.mu.Lock()
	s.ready, s.paused = false, false
	s.mu.Unlock()
	select {
	case <-s.f.closing:
		return
	default:
	}
	switch code := p.code(); code {
	case -1, exitDisk: // killed; the disk failed
	case exitLeft:
		if err := s.disk.lose(); err != nil {
			s.f.crash("n%d: its folder cannot be emptied: %v", s.n, err)
		}
		s.mu.Lock()
		s.leaving = false
		s.left++
		s.mu.Unlock()
		s.f.say("n%d has left, and its folder is empty", s.n)
	default:
		s.f.crash("n%d ended with code %d: see its log", s.n, code)
	}
}

func (s *seat) process() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.p
}

// ask asks the node that runs now.
func (s *seat) ask(what string, within time.Duration) (string, error) {
	p := s.process()
	if p == nil {
		return "", errors.New("no node was started yet")
	}
	return p.ask(what, within)
}

// kill ends the node by SIGKILL. It stays down until it is released.
func (s *seat) kill() {
	s.mu.Lock()
	s.held = true
	p := s.p
	s.mu.Unlock()
	if p != nil {
		p.kill()
	}
}

func (s *seat) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = false
}

// pause stops the node, or has it go on.
func (s *seat) pause(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paused = on
	if on {
		s.p.signal(syscall.SIGSTOP)
	} else {
		s.p.signal(syscall.SIGCONT)
	}
}

func (s *seat) setFull(on bool) error {
	s.mu.Lock()
	s.full = on
	s.mu.Unlock()
	if on {
		return s.disk.fill()
	}
	return s.disk.free()
}

// leave has the node leave the database, and then join it as another one.
func (s *seat) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaving = true
	s.p.tell("leave")
}

func (s *seat) is(what func(s *seat) bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return what(s)
}

func ready(s *seat) bool { return s.ready }

// well: it takes part, as far as is for it to decide.
func well(s *seat) bool { return s.ready && !s.paused && !s.full }

func (f *fleet) heard(seat int, line string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.downs(seat, line)
}

func (f *fleet) onDown(heard func(seat int, line string)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.downs = heard
}

func (f *fleet) crash(format string, args ...any) {
	f.say("CRASH: "+format, args...)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.crashes = append(f.crashes, fmt.Sprintf(format, args...))
}

// until waits for a condition.
func (f *fleet) until(ctx context.Context, within time.Duration, what string, cond func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for !cond() {
		if !pause(ctx, 50*time.Millisecond) {
			return fmt.Errorf("not within %v: %s", within, what)
		}
	}
	return nil
}

// allReady: all these seats have a node that serves.
func (f *fleet) allReady(seats []*seat) func() bool {
	return func() bool {
		for _, s := range seats {
			if !s.is(ready) {
				return false
			}
		}
		return true
	}
}

// statuses asks all of these nodes how the database is. Without one of them there is no answer.
func (f *fleet) statuses(seats []*seat) (list []db.Status, err error) {
	for _, s := range seats {
		text, err := s.ask("status", 3*time.Second)
		if err != nil {
			return nil, err
		}
		var st db.Status
		if err := json.Unmarshal([]byte(text), &st); err != nil {
			return nil, errors.New(text)
		}
		list = append(list, st)
	}
	return list, nil
}

// close ends all nodes, and removes everything unless it is to be kept.
func (f *fleet) close(keep bool) {
	close(f.closing)
	for _, s := range f.seats[1:] {
		if s == nil {
			continue
		}
		if p := s.process(); p != nil {
			p.kill()
		}
	}
	f.wg.Wait()
	for _, s := range f.seats[1:] {
		if s != nil && s.disk != nil {
			s.disk.close()
		}
	}
	f.net.close()
	if !keep {
		_ = os.RemoveAll(f.root)
	}
}
