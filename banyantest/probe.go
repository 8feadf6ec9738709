// SPDX-License-Identifier: Apache-2.0

package banyantest

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
)

// Probe is a process that keeps every message it gets, in order, until the test asks for it. It traps exits, so that exit
// signals are messages too (banyan.Exit), and gets Down, NodeUp and NodeDown when it asked for them.
type Probe struct {
	t   testing.TB
	n   *banyan.Node
	pid banyan.PID

	mu      sync.Mutex
	all     []any         // everything that ever came
	open    []any         // what nobody has expected yet
	changed chan struct{} // closed and replaced when a message comes
	ended   chan struct{} // closed when the process has ended
}

// NewProbe starts a probe. It ends with its node.
func NewProbe(t testing.TB, n *banyan.Node, opts ...banyan.SpawnOption) *Probe {
	t.Helper()
	p := &Probe{t: t, n: n, changed: make(chan struct{}), ended: make(chan struct{})}
	pid, err := banyan.Go(n, p.run, append([]banyan.SpawnOption{banyan.TrapExits()}, opts...)...)
	if err != nil {
		t.Fatalf("banyantest: probe: %v", err)
	}
	p.pid = pid
	return p
}

// command is a function that the probe's process is to run, or with quit the order to end.
type command struct {
	f    func(self *banyan.Self)
	done chan struct{}
	quit bool
	why  error
}

// Immutable lets a command travel as it is: what its function holds belongs to the test, which waits meanwhile.
func (command) Immutable() {}

func (p *Probe) run(self *banyan.Self) error {
	defer close(p.ended)
	for {
		m, err := self.Receive(self)
		if err != nil {
			return err
		}
		if c, ok := m.(command); ok {
			if c.quit {
				return c.why
			}
			c.f(self)
			close(c.done)
			continue
		}
		p.mu.Lock()
		p.all, p.open = append(p.all, m), append(p.open, m)
		close(p.changed)
		p.changed = make(chan struct{})
		p.mu.Unlock()
	}
}

// PID is the probe's process.
func (p *Probe) PID() banyan.PID { return p.pid }

// Node is where it runs.
func (p *Probe) Node() *banyan.Node { return p.n }

// Do runs f in the probe's process and waits for it: what f does there (Link, Send, Call) the probe does.
func (p *Probe) Do(f func(self *banyan.Self)) {
	p.t.Helper()
	c := command{f: f, done: make(chan struct{})}
	p.order(c)
	select {
	case <-c.done:
	case <-p.ended:
		p.t.Fatalf("banyantest: probe %v has ended", p.pid)
	}
}

// Send sends from the probe.
func (p *Probe) Send(to banyan.PID, m any) {
	p.t.Helper()
	var err error
	p.Do(func(self *banyan.Self) { err = banyan.Send(self, to, m) })
	if err != nil {
		p.t.Fatalf("banyantest: probe %v: %v", p.pid, err)
	}
}

// Monitor lets the probe watch a process: its end comes as a banyan.Down with this reference.
func (p *Probe) Monitor(who banyan.PID) (ref banyan.Reference) {
	p.t.Helper()
	p.Do(func(self *banyan.Self) { ref = self.Monitor(who) })
	return ref
}

// Link links the probe with a process: its end comes as a banyan.Exit.
func (p *Probe) Link(to banyan.PID) {
	p.t.Helper()
	var err error
	p.Do(func(self *banyan.Self) { err = self.Link(to) })
	if err != nil {
		p.t.Fatalf("banyantest: probe %v: link %v: %v", p.pid, to, err)
	}
}

// MonitorNodes lets the probe hear of links to other nodes.
func (p *Probe) MonitorNodes() {
	p.t.Helper()
	p.Do(func(self *banyan.Self) { self.MonitorNodes(true) })
}

// Exit ends the probe's process with a reason, after the messages that are there, and waits for that.
func (p *Probe) Exit(reason error) {
	p.t.Helper()
	p.order(command{quit: true, why: reason})
	<-p.ended
}

func (p *Probe) order(c command) {
	p.t.Helper()
	if err := banyan.Send(p.n.Context(context.Background()), p.pid, c); err != nil {
		p.t.Fatalf("banyantest: probe %v: %v", p.pid, err)
	}
}

// Messages is everything that came so far.
func (p *Probe) Messages() []any {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]any(nil), p.all...)
}

// Expect waits for a message of type T that all the functions say yes to, and takes it: the oldest first, others stay. If
// none comes within the time the test ends there, and its log tells what came instead.
func Expect[T any](p *Probe, within time.Duration, match ...func(T) bool) T {
	p.t.Helper()
	v, ok := await(p, within, match)
	if !ok {
		p.t.Fatalf("banyantest: probe %v got no %s%s within %v. %s", p.pid, name[T](), such(match), within, p.pending())
	}
	return v
}

// ExpectNext is Expect, but the very next message must be it: order is part of what is tested.
func ExpectNext[T any](p *Probe, within time.Duration, match ...func(T) bool) T {
	p.t.Helper()
	if !p.some(within) {
		p.t.Fatalf("banyantest: probe %v got nothing within %v, want %s%s", p.pid, within, name[T](), such(match))
	}
	p.mu.Lock()
	v, ok := matches(p.open[0], match)
	if ok {
		p.open = p.open[1:]
	}
	p.mu.Unlock()
	if !ok {
		p.t.Fatalf("banyantest: probe %v: the next message is no %s%s. %s", p.pid, name[T](), such(match), p.pending())
	}
	return v
}

// ExpectNo fails the test if a message of type T that all the functions say yes to is there or comes within the time.
func ExpectNo[T any](p *Probe, within time.Duration, match ...func(T) bool) {
	p.t.Helper()
	if v, ok := await(p, within, match); ok {
		p.t.Fatalf("banyantest: probe %v got %T %+v, which must not come. %s", p.pid, v, v, p.pending())
	}
}

// ExpectNothing fails the test if anything is there that was not expected, or comes within the time.
func (p *Probe) ExpectNothing(within time.Duration) {
	p.t.Helper()
	if p.some(within) {
		p.t.Fatalf("banyantest: probe %v: nothing must come. %s", p.pid, p.pending())
	}
}

// await takes the oldest message that fits, waiting for it.
func await[T any](p *Probe, within time.Duration, match []func(T) bool) (v T, ok bool) {
	late := time.NewTimer(within)
	defer late.Stop()
	for {
		p.mu.Lock()
		for i, m := range p.open {
			if v, ok = matches(m, match); ok {
				p.open = append(p.open[:i:i], p.open[i+1:]...)
				p.mu.Unlock()
				return v, true
			}
		}
		changed := p.changed
		p.mu.Unlock()
		select {
		case <-changed:
		case <-late.C:
			return v, false
		}
	}
}

// some waits until there is any message.
func (p *Probe) some(within time.Duration) bool {
	late := time.NewTimer(within)
	defer late.Stop()
	for {
		p.mu.Lock()
		n, changed := len(p.open), p.changed
		p.mu.Unlock()
		if n > 0 {
			return true
		}
		select {
		case <-changed:
		case <-late.C:
			return false
		}
	}
}

func matches[T any](m any, match []func(T) bool) (v T, ok bool) {
	if v, ok = m.(T); !ok {
		return v, false
	}
	for _, f := range match {
		if !f(v) {
			return v, false
		}
	}
	return v, true
}

// pending tells what is there that nobody has expected.
func (p *Probe) pending() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var b strings.Builder
	select {
	case <-p.ended:
		b.WriteString("It has ended. ")
	default:
	}
	if len(p.open) == 0 {
		fmt.Fprintf(&b, "There is no other message (%d came before).", len(p.all))
		return b.String()
	}
	fmt.Fprintf(&b, "There is:")
	const most = 20
	for i, m := range p.open {
		if i == most {
			fmt.Fprintf(&b, "\n\tand %d more", len(p.open)-most)
			break
		}
		fmt.Fprintf(&b, "\n\t%T %+v", m, m)
	}
	return b.String()
}

func name[T any]() string { return reflect.TypeFor[T]().String() }

func such[T any](match []func(T) bool) string {
	if len(match) > 0 {
		return " that fits"
	}
	return ""
}
