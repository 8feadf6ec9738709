// SPDX-License-Identifier: Apache-2.0

package global

import (
	"context"
	"errors"
	"fmt"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

var (
	// ErrNotRunning: global does not run on this node. Start it with Start, or as a child of a supervisor.
	ErrNotRunning = errors.New("global does not run on this node")
	// ErrTaken: another process has the name.
	ErrTaken = errors.New("the name is taken")
	// ErrNoName: nobody has the name. It is banyan.ErrNoProcess as well, in what sends and calls return.
	ErrNoName = errors.New("nobody has the name")
	// ErrLocked: somebody else has the lock.
	ErrLocked = errors.New("the lock is taken")
	// ErrLimit: this node holds as many locks as Config allows.
	ErrLimit = errors.New("too many locks, see global.Config")
)

// Config says how a node takes part. The zero value is OTP's.
type Config struct {
	// AllowOverlappingPartitions turns off what prevents that two nodes of one cluster belong to clusters that do not know each
	// other: Erlang's kernel parameter prevent_overlapping_partitions, reversed. All nodes of a cluster must have the same. As long as
	// a node sees Banyan nodes only it breaks no link because of another one anyway: see package cluster, partial cuts.
	AllowOverlappingPartitions bool
	// MaxNames, MaxLocks and MaxNodes bound what other nodes can make this one hold. Names and nodes beyond are left out and
	// logged, locks refused. Defaults 262,144, 65,536 and 1024.
	MaxNames, MaxLocks, MaxNodes int

	strict bool // of tests: all nodes are taken for Erlang's
}

func (c Config) limits() limits {
	def := func(n, d int) int {
		if n == 0 {
			return d
		}
		return n
	}
	l := limits{names: def(c.MaxNames, 1<<18), locks: def(c.MaxLocks, 1<<16), nodes: def(c.MaxNodes, 1024)}
	l.lost = 16 * l.nodes
	return l
}

// mailbox is large: what is lost of the name server's messages is not sent again.
var mailbox = banyan.Limits{Messages: 1 << 20, Bytes: 256 << 20}

// Start starts global on a node, unsupervised. banyan.ErrNameTaken if it runs already. The node should be visible
// (dist.Config.Visible); on a hidden one names and locks stay on this node, and nothing is sent.
func Start(n *banyan.Node) (banyan.PID, error) { return Config{}.spawn(n) }

// Launch starts global as the child of a supervisor or as an application: supervisor.Spec{ID: "global", Start: global.Config{}.Launch}.
// When it is started again, after a crash, this node has left the cluster: it disconnects from all visible nodes, and
// connects again five seconds later.
func (c Config) Launch(parent *banyan.Self, opts ...banyan.SpawnOption) (banyan.PID, error) {
	return c.spawn(parent, opts...)
}

func (c Config) spawn(by banyan.Spawner, opts ...banyan.SpawnOption) (banyan.PID, error) {
	opts = append([]banyan.SpawnOption{banyan.Name(serverName), banyan.Mailbox(mailbox)}, opts...)
	ref, err := banyan.Spawn(by, c.start, opts...)
	if err != nil {
		return banyan.PID{}, fmt.Errorf("global: start: %w", err)
	}
	return ref.PID(), nil
}

// explain makes a call's error say what is missing.
func explain(err error) error {
	if errors.Is(err, banyan.ErrNoProcess) {
		return fmt.Errorf("%w: %w", ErrNotRunning, err)
	}
	return err
}

// Register gives a process, of any node, a name that all nodes of the cluster know. ErrTaken if another has it. The name may
// be any value that has a term; Erlang's are mostly atoms (banyan.Atom). It is free again when the process ends. A process may have several
// names. Method says who keeps the name if the cluster is joined with another in which it is taken; RandomExit without one.
//
// It waits for the global lock on all nodes, until ctx ends: a minute if ctx has no deadline. After banyan.ErrTimeout the name may be
// registered yet.
func Register(ctx context.Context, name any, pid banyan.PID, method ...Method) error { //lint:any the name is any term, as in Erlang
	ok, err := changeName(ctx, changeRegister, name, pid, method)
	if err == nil && !ok {
		err = ErrTaken
	}
	if err != nil {
		return fmt.Errorf("global: register %v: %w", name, err)
	}
	return nil
}

// Reregister is Register, whoever has the name: it moves to pid on all nodes at once.
func Reregister(ctx context.Context, name any, pid banyan.PID, method ...Method) error { //lint:any the name is any term, as in Erlang
	if _, err := changeName(ctx, changeReregister, name, pid, method); err != nil {
		return fmt.Errorf("global: re-register %v: %w", name, err)
	}
	return nil
}

// Unregister takes a name away, from whoever has it. That nobody has it is no error.
func Unregister(ctx context.Context, name any) error { //lint:any the name is any term, as in Erlang
	if _, err := changeName(ctx, changeUnregister, name, banyan.PID{}, nil); err != nil {
		return fmt.Errorf("global: unregister %v: %w", name, err)
	}
	return nil
}

func changeName(ctx context.Context, how changeKind, name any, pid banyan.PID, method []Method) (bool, error) {
	t, err := etf.TermOf(name)
	if err != nil {
		return false, err
	}
	if banyan.NodeOf(ctx) == nil {
		return false, banyan.ErrNoNode
	}
	m := RandomExit
	if len(method) > 0 {
		m = method[0]
	}
	ok, err := banyan.Call(patiently(ctx), server1, changeCall{Name: t, PID: pid, Method: m.fun, How: how})
	return ok, explain(err)
}

// Whereis finds the process that has a name. It is a look into a table of this node. ErrNoName if nobody has it.
func Whereis(ctx context.Context, name any) (banyan.PID, error) { //lint:any the name is any term, as in Erlang
	k, err := etf.Key(name)
	if err != nil {
		return banyan.PID{}, fmt.Errorf("global: whereis %v: %w", name, err)
	}
	return whereis(ctx, k, name)
}

func whereis(ctx context.Context, k string, name any) (banyan.PID, error) {
	n := banyan.NodeOf(ctx)
	if n == nil {
		return banyan.PID{}, banyan.ErrNoNode
	}
	t, err := running(n)
	if err != nil {
		return banyan.PID{}, err
	}
	if pid, ok := t.findKey(n, k); ok {
		return pid, nil
	}
	return banyan.PID{}, fmt.Errorf("global: %v: %w: %w, %w", name, ErrNoName, banyan.ErrNoProcess, banyan.ErrNotDelivered)
}

// running is the table of a node on which global runs.
func running(n *banyan.Node) (*table, error) {
	pid, ok := n.Whereis(serverName)
	if t, known := tables.Load(n); ok && known {
		t := t.(*table)
		t.mu.RLock()
		defer t.mu.RUnlock()
		if t.pid == pid {
			return t, nil
		}
	}
	return nil, fmt.Errorf("global: %w", ErrNotRunning)
}

func (t *table) find(n *banyan.Node, name any) (banyan.PID, bool) {
	k, err := etf.Key(name)
	if err != nil {
		return banyan.PID{}, false
	}
	return t.findKey(n, k)
}

// findKey looks a name up. A process of this node that has just ended has no name any more.
func (t *table) findKey(n *banyan.Node, k string) (pid banyan.PID, ok bool) {
	t.mu.RLock()
	if t.core != nil {
		if e := t.core.names[k]; e != nil {
			pid, ok = e.pid, true
		}
	}
	t.mu.RUnlock()
	if ok && pid.Node == n.Name() {
		_, ok = n.Info(pid)
	}
	return pid, ok
}

// Names lists all names, as terms, in no order.
func Names(ctx context.Context) (names []any, err error) { //lint:any the names are any terms, as in Erlang
	n := banyan.NodeOf(ctx)
	if n == nil {
		return nil, banyan.ErrNoNode
	}
	t, err := running(n)
	if err != nil {
		return nil, err
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	for k := range t.core.names {
		if name, _, err := etf.DecodeTerm([]byte(k), etf.Limits{}); err == nil { // it was made here by encoding
			names = append(names, name)
		}
	}
	return names, nil
}

// Send sends a message to whoever has a name.
func Send(ctx context.Context, name, m any) error { //lint:any a message is any value
	pid, err := Whereis(ctx, name)
	if err != nil {
		return err
	}
	return banyan.Send(ctx, pid, m)
}

// Known lists the nodes of the cluster: those with which this one has agreed on names.
func Known(ctx context.Context) ([]banyan.Atom, error) {
	if banyan.NodeOf(ctx) == nil {
		return nil, banyan.ErrNoNode
	}
	nodes, err := banyan.Call(ctx, server1, knownCall{})
	return nodes, explain(err)
}

// Sync waits until this node has agreed on names with all visible nodes that it has a link to, until ctx ends: a minute if ctx
// has no deadline.
func Sync(ctx context.Context) error {
	if banyan.NodeOf(ctx) == nil {
		return banyan.ErrNoNode
	}
	if _, err := banyan.Call(patiently(ctx), server1, syncCall{}); err != nil {
		return fmt.Errorf("global: sync: %w", explain(err))
	}
	return nil
}

// Named is a server known by a global name; the name is looked up at each send.
type Named[S any] struct {
	name any
	key  string
	err  error
}

// Name is the server, on whatever node, that has a global name. A server of this node must be of the type S; one of another
// node is trusted to be, or is an Erlang process: banyan.Foreign takes any term.
func Name[S any](name any) Named[S] { //lint:any the name is any term, as in Erlang
	k, err := etf.Key(name)
	if err != nil {
		err = fmt.Errorf("global: name %v: %w", name, err)
	}
	return Named[S]{name, k, err}
}

// String is the name.
func (d Named[S]) String() string { return fmt.Sprint(d.name) }

// Resolve finds the process, in the table of the node that ctx belongs to.
func (d Named[S]) Resolve(ctx context.Context) (banyan.Ref[S], error) {
	if d.err != nil {
		return banyan.Ref[S]{}, d.err
	}
	pid, err := whereis(ctx, d.key, d.name)
	if err != nil {
		return banyan.Ref[S]{}, err
	}
	return banyan.RefOf[S](banyan.NodeOf(ctx), pid)
}
