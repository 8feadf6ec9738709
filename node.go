// SPDX-License-Identifier: Apache-2.0

package banyan

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/banyan-go/banyan/internal/sched"
)

// Node is one runtime: processes, names, and through its Transport the links to other nodes. Make one with Start.
type Node struct {
	name     Atom
	creation uint32
	cfg      config
	logger   *slog.Logger

	sched     *sched.Scheduler
	procs     processTable
	names     nameTable
	aliases   aliasTable
	zombies   zombieList
	calls     callPool
	sweeper   sweeper
	remotes   remoteTable
	watchers  zombieList // processes that hear of links
	functions functionTable

	nodeMonitors nodeMonitorTable
	drain        drainState

	refs        atomic.Uint64
	queuedBytes atomic.Int64
	expired     atomic.Uint64 // calls dropped unserved: their deadline was over
	late        atomic.Uint64 // replies that came too late
	unhandled   atomic.Uint64 // messages to servers without Info
	deadLetters atomic.Uint64 // messages lost with a process, or refused from other nodes
	overflows   atomic.Uint64 // messages refused because a bound was reached

	goroutines group
	atStop     []func(context.Context) // guarded by procs.mu
	stopOnce   sync.Once
	stopped    chan struct{}
	stopErr    error
}

// config is what the options set.
type config struct {
	transport    Transport
	logger       *slog.Logger
	limits       Limits
	queueBudget  int64
	maxProcesses int
	callTimeout  time.Duration
	workers      int
	grace        time.Duration
}

// Option changes how a node starts.
type Option interface{ set(*config) }

type option func(*config)

func (o option) set(c *config) { o(c) }

// WithTransport connects the node to others; package dist has the one for Erlang's distribution.
func WithTransport(t Transport) Option { return option(func(c *config) { c.transport = t }) }

// WithLogger sets where the node logs; slog.Default() otherwise.
func WithLogger(l *slog.Logger) Option { return option(func(c *config) { c.logger = l }) }

// WithMailbox sets the default bounds of all mailboxes.
func WithMailbox(l Limits) Option { return option(func(c *config) { c.limits = l.withDefaults() }) }

// WithQueueBudget bounds the bytes queued in all mailboxes together; 1 GiB by default.
func WithQueueBudget(bytes int64) Option { return option(func(c *config) { c.queueBudget = bytes }) }

// WithMaxProcesses bounds the number of processes; 16 million by default.
func WithMaxProcesses(n int) Option { return option(func(c *config) { c.maxProcesses = n }) }

// WithCallTimeout sets the deadline of calls whose context has none; 5 s by default.
func WithCallTimeout(d time.Duration) Option { return option(func(c *config) { c.callTimeout = d }) }

// WithWorkers sets how many handlers run at once; GOMAXPROCS by default.
func WithWorkers(n int) Option { return option(func(c *config) { c.workers = n }) }

// Start starts a node. Its name is like shop@host; without a transport any name will do.
func Start(name string, opts ...Option) (*Node, error) {
	if i := strings.IndexByte(name, '@'); i <= 0 || i == len(name)-1 || strings.Count(name, "@") != 1 || len(name) > 255 {
		return nil, fmt.Errorf("banyan: node name %q: want name@host, at most 255 bytes", name)
	}
	c := config{
		limits: Limits{}.withDefaults(), queueBudget: 1 << 30, maxProcesses: 16 << 20,
		callTimeout: 5 * time.Second, workers: runtime.GOMAXPROCS(0), grace: 5 * time.Second,
	}
	for _, o := range opts {
		o.set(&c)
	}
	n := &Node{name: Atom(name), creation: newCreation(), cfg: c, logger: c.logger, stopped: make(chan struct{})}
	if n.logger == nil {
		n.logger = slog.Default()
	}
	n.procs.n = n
	n.goroutines.init()
	n.sweeper.init()
	n.refs.Store(uint64(time.Now().UnixNano()) &^ 0xffff)
	n.sched = sched.New(c.workers, runTurn)
	go n.sweeper.run(n)
	if c.transport != nil {
		if err := n.openTransport(); err != nil {
			_ = n.Stop(context.Background()) // nothing runs yet
			return nil, fmt.Errorf("banyan: start %s: %w", name, err)
		}
	}
	return n, nil
}

// newCreation draws the node's incarnation: 32 random bits, at least 4, so that pids of an earlier start never match.
func newCreation() uint32 {
	var b [4]byte
	for {
		_, _ = rand.Read(b[:]) // never fails
		if c := binary.BigEndian.Uint32(b[:]); c >= 4 {
			return c
		}
	}
}

// Name is the node's full name.
func (n *Node) Name() Atom { return n.name }

// Creation is the node's incarnation, part of all its pids.
func (n *Node) Creation() uint32 { return n.creation }

// Logger is where the node logs.
func (n *Node) Logger() *slog.Logger { return n.logger }

// Transport is what WithTransport gave, nil without one.
func (n *Node) Transport() Transport { return n.cfg.transport }

// Context is ctx for calls made outside of processes: it says which node calls.
func (n *Node) Context(ctx context.Context) context.Context { return &nodeCtx{ctx, n} }

type nodeCtx struct {
	context.Context
	n *Node
}

// Value finds the node in contexts that derive from it.
func (c *nodeCtx) Value(key any) any {
	if key == (callerKey{}) {
		return c.n
	}
	return c.Context.Value(key)
}

// MaxProcesses is how many processes the node may have, see WithMaxProcesses.
func (n *Node) MaxProcesses() int { return n.cfg.maxProcesses }

// NodeOf is the node that a context belongs to, by Node.Context or by a process; nil if it belongs to none.
func NodeOf(ctx context.Context) *Node { return nodeOf(ctx) }

// Done closes when Stop has finished.
func (n *Node) Done() <-chan struct{} { return n.stopped }

// newRef makes a reference that was never used: with V4_NC on the wire, three words.
func (n *Node) newRef() Reference {
	v := n.refs.Add(1)
	return Reference{Node: n.name, Creation: n.creation, Len: 3,
		Words: [5]uint32{uint32(v) & (1<<18 - 1), uint32(v >> 18), uint32(v >> 50)}}
}

// Stop ends the node: every process gets the exit signal ErrShutdown and may clean up; what is left when ctx or the grace
// time (5 s) ends is killed; then links are closed. Afterwards no goroutine of the node runs, but those of handlers that
// do not return: they are named in the error, and in Stuck.
func (n *Node) Stop(ctx context.Context) error {
	n.stopOnce.Do(func() {
		n.stopErr = n.stop(ctx)
		close(n.stopped)
	})
	<-n.stopped
	return n.stopErr
}

// AtStop has f called when the node stops, before its processes are told to end; the last one registered comes first.
// Applications use it to stop their trees in order. f must return soon after its ctx ends.
func (n *Node) AtStop(f func(context.Context)) {
	n.procs.mu.Lock()
	defer n.procs.mu.Unlock()
	n.atStop = append(n.atStop, f)
}

// afterKill is how long those that were killed get to notice it, before they count as stuck.
const afterKill = time.Second / 2

func (n *Node) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, n.cfg.grace)
	defer cancel()
	n.procs.mu.Lock()
	hooks := n.atStop
	n.atStop = nil
	n.procs.mu.Unlock()
	for i := len(hooks) - 1; i >= 0; i-- {
		hooks[i](ctx)
	}
	n.procs.mu.Lock()
	n.procs.closed = true
	n.procs.mu.Unlock()
	n.procs.each(func(p *Self) bool {
		p.receiveExit(PID{}, ErrShutdown, exitStop)
		return true
	})
	n.awaitProcesses(ctx)
	n.procs.each(func(p *Self) bool {
		p.kill(ErrKilled)
		return true
	})
	var err error
	if n.cfg.transport != nil {
		tctx, tcancel := context.WithTimeout(context.Background(), n.cfg.grace)
		err = n.cfg.transport.Close(tctx)
		tcancel()
	}
	n.goroutines.close()
	select {
	case <-n.goroutines.done:
	case <-ctx.Done():
		t := time.NewTimer(afterKill)
		select {
		case <-n.goroutines.done:
		case <-t.C:
		}
		t.Stop()
	}
	n.sched.Close()
	close(n.sweeper.stop)
	<-n.sweeper.done
	stuck, left := n.Stuck(), n.goroutines.running()
	if len(stuck) > 0 || left > 0 {
		names := make([]string, len(stuck))
		for i, s := range stuck {
			names[i] = s.Kind + " " + s.PID.String()
			if s.Kind == plainKind.name {
				left-- // counted already
			}
		}
		if left > 0 {
			names = append(names, fmt.Sprintf("%d goroutines of Self.Go", left))
		}
		return &OpError{Op: "stop", To: string(n.name), What: strings.Join(names, ", "), Err: ErrStuck}
	}
	return err
}

// awaitProcesses waits until all processes are gone, or ctx ends.
func (n *Node) awaitProcesses(ctx context.Context) {
	t := time.NewTicker(time.Millisecond)
	defer t.Stop()
	for n.procs.count() > 0 {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// overflow notes a message that did not fit.
func (n *Node) overflow(p *Self) {
	if n.overflows.Add(1)&(1<<12-1) == 1 { // the first, then rarely: an alarm must not become the load
		n.logger.Warn("mailbox full: messages are refused", "pid", p.pid.String(), "kind", p.kind.name,
			"refused", n.overflows.Load())
	}
}

// Stats are counters of a node since its start.
type Stats struct {
	Processes   int
	Stuck       int    // killed, but still in a handler
	QueuedBytes int64  // of the budget, in chunks
	Expired     uint64 // calls dropped unserved: their deadline was over
	Late        uint64 // replies that came too late and were dropped
	Unhandled   uint64 // messages to servers without Info
	DeadLetters uint64 // messages lost with a process, or refused from other nodes
	Overflows   uint64 // messages refused because a mailbox or the budget was full
}

// Stats reads the node's counters.
func (n *Node) Stats() Stats {
	n.zombies.mu.Lock()
	stuck := len(n.zombies.m)
	n.zombies.mu.Unlock()
	return Stats{n.procs.count(), stuck, n.queuedBytes.Load(), n.expired.Load(), n.late.Load(), n.unhandled.Load(),
		n.deadLetters.Load(), n.overflows.Load()}
}

// ProcessInfo is what is known of one process.
type ProcessInfo struct {
	PID      PID
	Names    []Atom
	Kind     string
	Parent   PID
	In, Out  uint64 // messages received and sent
	Turns    uint64 // messages handled
	Queue    int    // messages waiting
	Bytes    int64  // of them, roughly
	Owed     int    // calls that it has taken over by Defer and not answered
	Active   time.Time
	Links    []PID
	Watches  int // processes it monitors
	Watched  int // processes that monitor it
	Trapping bool
	Status   string // idle, running, suspended or stuck
}

// Info reads one process's counters.
func (n *Node) Info(pid PID) (ProcessInfo, bool) {
	p := n.procs.get(pid)
	if p == nil {
		return ProcessInfo{}, false
	}
	return p.info(), true
}

// Processes calls f for each process until it returns false. Processes that start or end meanwhile may be missed.
func (n *Node) Processes(f func(ProcessInfo) bool) {
	n.procs.each(func(p *Self) bool { return f(p.info()) })
}

func (p *Self) info() ProcessInfo {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := ProcessInfo{PID: p.pid, Kind: p.kind.name, In: p.stats.in, Out: p.stats.out, Turns: p.stats.turns,
		Queue: p.queueLen(), Bytes: p.bytes, Trapping: p.trap, Status: "idle"}
	if p.stats.active > 0 {
		i.Active = p.node.sched.Time(p.stats.active)
	}
	if p.scheduled {
		i.Status = "running"
	}
	if r := p.ext; r != nil {
		i.Names = append(i.Names, r.names...)
		i.Parent = r.parent
		for pid, l := range r.links {
			if l.active {
				i.Links = append(i.Links, pid)
			}
		}
		i.Owed = len(r.tickets)
		i.Watches, i.Watched = len(r.monitors), r.countWatchers()
		if r.suspended != nil {
			i.Status = "suspended"
		}
	}
	return i
}

func (p *Self) address() uintptr { return uintptr(unsafe.Pointer(p)) }
