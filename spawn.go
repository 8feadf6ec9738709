// SPDX-License-Identifier: Apache-2.0

package banyan

import (
	"context"
	"reflect"
	"sync"
	"time"

	"github.com/banyan-go/banyan/internal/sched"
)

// Spawner starts processes: a *Node, or a *Self whose process becomes the parent.
type Spawner interface {
	spawner() (n *Node, parent *Self)
}

func (n *Node) spawner() (*Node, *Self) { return n, nil }
func (p *Self) spawner() (*Node, *Self) { return p.node, p }

// SpawnOption changes how a process starts.
type SpawnOption interface{ apply(*spawnConfig) }

type spawnConfig struct {
	name      Atom
	linked    bool
	monitored *Reference
	limits    *Limits
	trap      bool
	timeout   time.Duration
	onCrash   func(CrashReport)
	leader    PID
	parent    PID         // on another node, or an outside goroutine of this one
	ready     func(*Self) // called once, when it may be sent to and has handled nothing yet
	early     bool        // ready is called before the constructor
}

type spawnOption func(*spawnConfig)

func (o spawnOption) apply(c *spawnConfig) { o(c) }

// Name registers the process under a name on its node; ErrNameTaken if another has it.
func Name(name Atom) SpawnOption { return spawnOption(func(c *spawnConfig) { c.name = name }) }

// Linked links the new process with the spawning one, before it runs.
func Linked() SpawnOption { return spawnOption(func(c *spawnConfig) { c.linked = true }) }

// Monitored lets the spawning process monitor the new one from its first moment; the reference is stored in m.
func Monitored(m *Reference) SpawnOption {
	return spawnOption(func(c *spawnConfig) { c.monitored = m })
}

// Mailbox bounds the process's mailbox in place of the node's default.
func Mailbox(l Limits) SpawnOption {
	l = l.withDefaults()
	return spawnOption(func(c *spawnConfig) { c.limits = &l })
}

// TrapExits starts the process with exit signals turned into Exit messages.
func TrapExits() SpawnOption { return spawnOption(func(c *spawnConfig) { c.trap = true }) }

// StartTimeout bounds the constructor: its ctx ends then, and Spawn returns ErrTimeout. Without it the constructor may
// take as long as it wants.
func StartTimeout(d time.Duration) SpawnOption {
	return spawnOption(func(c *spawnConfig) { c.timeout = d })
}

// OnCrash is told of a crash, before links and monitors are, in place of the log record. Supervisors use it to write one
// record with the outcome. It must not block.
func OnCrash(f func(CrashReport)) SpawnOption {
	return spawnOption(func(c *spawnConfig) { c.onCrash = f })
}

// Spawn starts a server: a process whose state is what the constructor returns. The constructor runs in the new process;
// Spawn waits for it and returns its error, if any. The options' name, link and monitor hold before it runs.
func Spawn[S any](by Spawner, start func(context.Context, *Self) (S, error), opts ...SpawnOption) (Ref[S], error) {
	p, err := newServer[S](by, opts)
	if err != nil {
		return Ref[S]{}, err
	}
	n, parent := by.spawner()
	run := func(self *Self) error {
		s, err := start(self, self)
		if err == nil {
			self.setState(s)
		}
		return err
	}
	if err := n.startAndWait(p, parent, run, opts); err != nil {
		return Ref[S]{}, err
	}
	return Ref[S]{&p.handle}, nil
}

// SpawnState starts a server with a ready-made state, which from then on belongs to the process alone.
func SpawnState[S any](by Spawner, state S, opts ...SpawnOption) (Ref[S], error) {
	if _, ok := any(state).(Behaved); ok { // it has to begin, on a turn
		return Spawn(by, func(context.Context, *Self) (S, error) { return state, nil }, opts...)
	}
	p, err := newServer[S](by, opts)
	if err != nil {
		return Ref[S]{}, err
	}
	p.state = state
	n, parent := by.spawner()
	if err := n.introduce(p, parent, opts); err != nil {
		return Ref[S]{}, err
	}
	return Ref[S]{&p.handle}, nil
}

func newServer[S any](by Spawner, opts []SpawnOption) (*Self, error) {
	if by == nil {
		return nil, &OpError{Op: "spawn", Err: ErrNoNode}
	}
	n, _ := by.spawner()
	p := &Self{kind: serverKind[S](), limits: &n.cfg.limits}
	p.node = n
	p.proc = p
	return p, nil
}

func serverKind[S any]() *kind { return kindFor(reflect.TypeFor[S](), "") }

// config collects the options; without any it allocates nothing.
func (n *Node) config(p *Self, opts []SpawnOption) spawnConfig {
	var c spawnConfig
	for _, o := range opts {
		o.apply(&c)
	}
	if c.limits != nil {
		p.limits = c.limits
	}
	return c
}

// introduce makes a process known: number, name, link, monitor. Afterwards anybody may send to it.
func (n *Node) introduce(p *Self, parent *Self, opts []SpawnOption) error {
	if len(opts) == 0 && parent == nil {
		return n.procs.add(p)
	}
	c := n.config(p, opts)
	if parent != nil && parent.dead.Load() {
		return &OpError{Op: "spawn", To: parent.pid.String(), What: p.kind.name, Err: ErrKilled}
	}
	p.trap, p.labelled = c.trap, c.name != ""
	if c.onCrash != nil || parent != nil || !c.leader.IsZero() {
		r := p.related()
		r.onCrash, r.leader, r.parent = c.onCrash, c.leader, c.parent
		if parent != nil {
			r.parent = parent.pid
			if c.leader.IsZero() {
				r.leader = parent.GroupLeader()
			}
		}
	}
	if err := n.procs.add(p); err != nil {
		return err
	}
	if c.name != "" {
		if err := n.names.register(c.name, p); err != nil {
			p.declareDead(ErrNormal)
			return &OpError{Op: "spawn", To: string(c.name), What: p.kind.name, Err: err}
		}
	}
	if (c.linked || c.monitored != nil) && parent == nil {
		p.declareDead(ErrNormal)
		return &OpError{Op: "spawn", What: p.kind.name, Err: errNoParent}
	}
	if c.linked {
		if err := parent.Link(p.pid); err != nil {
			p.declareDead(ErrNormal)
			return &OpError{Op: "spawn", To: parent.pid.String(), What: p.kind.name, Err: err}
		}
	}
	if c.monitored != nil {
		*c.monitored = parent.Monitor(p.pid)
	}
	if c.ready != nil && (p.plain != nil || c.early) {
		c.ready(p)
	}
	return nil
}

// starting is a process whose constructor has not returned yet.
type starting struct {
	run      func(*Self) error
	ready    func(*Self)
	deadline int64 // on the node's clock, 0 none
	done     *waiter

	mu       sync.Mutex
	err      error
	reported bool
}

// report tells the spawner how the start went; the first report counts.
func (st *starting) report(err error, co *sched.Coro) {
	st.mu.Lock()
	if !st.reported {
		st.err, st.reported = err, true
	}
	st.mu.Unlock()
	st.done.wake(co)
}

// startAndWait introduces a process whose constructor has to run, and waits for it.
func (n *Node) startAndWait(p *Self, parent *Self, run func(*Self) error, opts []SpawnOption) error {
	from := caller{node: n}
	if parent != nil {
		if co, ok := parent.mine(); ok {
			from = caller{n, parent, co}
		}
	}
	st := &starting{run: run, done: newWaiter(from)}
	var c spawnConfig
	for _, o := range opts {
		o.apply(&c)
	}
	if !c.early {
		st.ready = c.ready
	}
	if c.timeout > 0 {
		st.deadline = n.sched.Exact() + int64(c.timeout)
	}
	p.starting.Store(st)
	p.scheduled = true // before anybody can send: the first turn is ours to begin
	if err := n.introduce(p, parent, opts); err != nil {
		return err
	}
	n.sched.Ready(&p.Task, from.co)
	if c.timeout > 0 {
		t := time.AfterFunc(c.timeout, func() {
			if p.kill(ErrKilled) {
				r := CrashReport{PID: p.pid, Name: c.name, Kind: p.kind.name, Reason: ErrTimeout, Start: true}
				if c.onCrash != nil {
					c.onCrash(r)
				} else {
					r.Log(n.logger, "not supervised")
				}
				st.report(ErrTimeout, nil)
			}
		})
		defer t.Stop()
	}
	st.done.wait(from)
	st.mu.Lock()
	err := st.err
	st.mu.Unlock()
	if err != nil {
		return &OpError{Op: "spawn", What: p.kind.name, Err: err}
	}
	return nil
}

// runStart runs the constructor, on the process's first turn.
func (p *Self) runStart() bool {
	st := p.starting.Load()
	if p.dead.Load() {
		p.finish()
		return false
	}
	err := st.run(p)
	if p.hasTurn { // the first message's handler has a context of its own
		p.endTurnContext()
	}
	if p.dead.Load() {
		err = p.exitReason()
	}
	if err == nil && p.stopped {
		err = reasonOrNormal(p.stopWhy)
	}
	if err != nil {
		p.stopped, p.stopWhy = true, err
		p.finish()
		return false
	}
	p.starting.Store(nil)
	if st.ready != nil {
		st.ready(p)
	}
	st.report(nil, p.co.Load())
	if p.behaved && !p.begin() {
		p.finish()
		return false
	}
	return true
}
