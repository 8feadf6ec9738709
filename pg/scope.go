// SPDX-License-Identifier: Apache-2.0

package pg

import (
	"context"
	"errors"
	"fmt"

	"github.com/banyan-go/banyan"
)

// Scope is a set of groups that nodes share: those on which a scope of this name runs. Its process is registered under that
// name. All methods work on the scope of the node that ctx belongs to.
type Scope banyan.Atom

// Default is the scope that Erlang's pg uses if none is named.
const Default Scope = "pg"

var (
	// ErrNoScope: the scope does not run on this node. Start it with Start, or as a child of a supervisor.
	ErrNoScope = errors.New("the scope does not run on this node")
	// ErrNotMember: none of the processes is in the group.
	ErrNotMember = errors.New("not a member")
	// ErrNotLocal: a process of another node; only the scope of its own node may let it join or leave.
	ErrNotLocal = errors.New("the process is on another node, whose own scope must be asked")
	// ErrLimit: the node has as many members as Config allows, or the group's name is too long.
	ErrLimit = errors.New("too many members, or the group's name is too long, see pg.Config")
	// ErrEmpty: the group has no members.
	ErrEmpty = errors.New("the group has no members")
)

// Config is a scope with its bounds. The zero value is the scope Default with the default bounds.
type Config struct {
	// Scope is its name. Default "pg".
	Scope Scope
	// MaxMembers is how many joins one node may have, this one or any other; each 64 bytes of a group's name count as one
	// more. What another node has beyond is left out, and logged. Default 1,048,576.
	MaxMembers int
	// MaxName is how long the name of a group may be, in bytes of its encoding. Default 4096.
	MaxName int
}

func (c Config) withDefaults() Config {
	if c.Scope == "" {
		c.Scope = Default
	}
	if c.MaxMembers == 0 {
		c.MaxMembers = 1 << 20
	}
	if c.MaxName == 0 {
		c.MaxName = 4096
	}
	return c
}

func (c Config) limits() limits { return limits{c.MaxMembers, c.MaxName} }

// Start starts a scope on a node, unsupervised. banyan.ErrNameTaken if it runs already.
func Start(n *banyan.Node, s Scope) (banyan.PID, error) { return Config{Scope: s}.spawn(n) }

// Launch starts a scope as the child of a supervisor, or as an application: supervisor.Spec{ID: "pg", Start:
// pg.Default.Launch}, app.New("pg", pg.Default). When it is started again the groups are empty of this node's processes: they
// have to join anew, as in OTP.
func (s Scope) Launch(parent *banyan.Self, opts ...banyan.SpawnOption) (banyan.PID, error) {
	return Config{Scope: s}.Launch(parent, opts...)
}

// Launch is Scope.Launch with bounds.
func (c Config) Launch(parent *banyan.Self, opts ...banyan.SpawnOption) (banyan.PID, error) {
	return c.spawn(parent, opts...)
}

func (c Config) spawn(by banyan.Spawner, opts ...banyan.SpawnOption) (banyan.PID, error) {
	c = c.withDefaults()
	opts = append([]banyan.SpawnOption{banyan.Name(banyan.Atom(c.Scope)), banyan.Mailbox(mailbox)}, opts...)
	ref, err := banyan.Spawn(by, c.start, opts...)
	if err != nil {
		return banyan.PID{}, fmt.Errorf("pg: start scope %s: %w", c.Scope, err)
	}
	return ref.PID(), nil
}

// Join lets processes of this node join a group, which exists as long as it has members. Its name may be any value that has
// a term; Erlang's groups mostly have atoms (banyan.Atom), a Go string is a binary there. A process may join many
// times, and is a member as often. It leaves when it ends.
func (s Scope) Join(ctx context.Context, group any, pids ...banyan.PID) error { //lint:any the name is any term, as in Erlang
	k, err := keyOf(group)
	if err == nil {
		err = s.join(ctx, k, pids)
	}
	if err != nil {
		return fmt.Errorf("pg: join %v: %w", group, err)
	}
	return nil
}

func (s Scope) join(ctx context.Context, k key, pids []banyan.PID) error {
	if err := s.own(ctx, pids); err != nil {
		return err
	}
	_, err := banyan.Call(ctx, s.server(), joinCall{k, pids})
	return s.explain(err)
}

// Leave lets processes of this node leave a group, once each. Those that are not in it are passed over; ErrNotMember if none
// is.
func (s Scope) Leave(ctx context.Context, group any, pids ...banyan.PID) error { //lint:any the name is any term, as in Erlang
	k, err := keyOf(group)
	if err == nil {
		err = s.leave(ctx, k, pids)
	}
	if err != nil {
		return fmt.Errorf("pg: leave %v: %w", group, err)
	}
	return nil
}

func (s Scope) leave(ctx context.Context, k key, pids []banyan.PID) error {
	if err := s.own(ctx, pids); err != nil {
		return err
	}
	left, err := banyan.Call(ctx, s.server(), leaveCall{k, pids})
	if err == nil && left == 0 && len(pids) > 0 {
		return ErrNotMember
	}
	return s.explain(err)
}

func (s Scope) server() banyan.Named[*server] { return banyan.At[*server](banyan.Atom(s), "") }

// explain makes a call's error say what is missing.
func (s Scope) explain(err error) error {
	if errors.Is(err, banyan.ErrNoProcess) {
		return fmt.Errorf("%w: %s: %w", ErrNoScope, s, err)
	}
	return err
}

// own checks that all processes are of this node.
func (s Scope) own(ctx context.Context, pids []banyan.PID) error {
	n := banyan.NodeOf(ctx)
	if n == nil {
		return banyan.ErrNoNode
	}
	for _, p := range pids {
		if p.Node != n.Name() {
			return fmt.Errorf("%v: %w", p, ErrNotLocal)
		}
	}
	return nil
}

// read looks at the members of all groups, without asking the scope's process.
func (s Scope) read(ctx context.Context, f func(members)) error {
	n := banyan.NodeOf(ctx)
	if n == nil {
		return banyan.ErrNoNode
	}
	pid, ok := n.Whereis(banyan.Atom(s))
	if t, known := tables.Load(tableKey{n, s}); ok && known {
		t := t.(*table)
		t.mu.RLock()
		defer t.mu.RUnlock()
		if t.core != nil && t.core.self == pid {
			f(t.core.members)
			return nil
		}
	}
	return fmt.Errorf("pg: %s: %w", s, ErrNoScope)
}

// Members lists the members of a group on all nodes, those of this node first, one time for each join. A group that nobody
// has joined is empty.
func (s Scope) Members(ctx context.Context, group any) (pids []banyan.PID, err error) { //lint:any the name is any term, as in Erlang
	k, err := keyOf(group)
	if err != nil {
		return nil, fmt.Errorf("pg: members of %v: %w", group, err)
	}
	err = s.read(ctx, func(m members) { pids = m[k].all() })
	return pids, err
}

// LocalMembers lists the members of a group that are on this node.
func (s Scope) LocalMembers(ctx context.Context, group any) (pids []banyan.PID, err error) { //lint:any the name is any term, as in Erlang
	k, err := keyOf(group)
	if err != nil {
		return nil, fmt.Errorf("pg: members of %v: %w", group, err)
	}
	err = s.read(ctx, func(m members) {
		if e := m[k]; e != nil {
			pids = append(pids, e.local...)
		}
	})
	return pids, err
}

// Groups lists the names of all groups that have members, as terms, in no order.
func (s Scope) Groups(ctx context.Context) (groups []any, err error) { //lint:any the names are any terms, as in Erlang
	var keys []key
	err = s.read(ctx, func(m members) {
		keys = make([]key, 0, len(m))
		for k := range m {
			keys = append(keys, k)
		}
	})
	for _, k := range keys {
		groups = append(groups, k.term())
	}
	return groups, err
}

// Monitor lets the calling process hear of joins and leaves of one group, as Event messages, and gives the members that it has
// at that moment: every change after it is an event, and none before.
func (s Scope) Monitor(self *banyan.Self, group any) (banyan.Reference, []banyan.PID, error) { //lint:any the name is any term, as in Erlang
	k, err := keyOf(group)
	if err != nil {
		return banyan.Reference{}, nil, fmt.Errorf("pg: monitor %v: %w", group, err)
	}
	snap, err := banyan.Call(self, s.server(), monitorCall{group: k, who: self.PID()})
	if err != nil {
		return banyan.Reference{}, nil, fmt.Errorf("pg: monitor %v: %w", group, s.explain(err))
	}
	if len(snap.Groups) == 0 {
		return snap.Ref, nil, nil
	}
	return snap.Ref, snap.Groups[0].pids, nil
}

// GroupMembers is a group with its members, of all nodes.
type GroupMembers struct {
	Group any
	PIDs  []banyan.PID
}

// MonitorAll is Monitor for all groups of the scope.
func (s Scope) MonitorAll(self *banyan.Self) (banyan.Reference, []GroupMembers, error) {
	snap, err := banyan.Call(self, s.server(), monitorCall{all: true, who: self.PID()})
	if err != nil {
		return banyan.Reference{}, nil, fmt.Errorf("pg: monitor %s: %w", s, s.explain(err))
	}
	list := make([]GroupMembers, len(snap.Groups))
	for i, g := range snap.Groups {
		list[i] = GroupMembers{g.group.term(), g.pids}
	}
	return snap.Ref, list, nil
}

// Demonitor ends a subscription; it reports whether there was one. Events that are queued already stay.
func (s Scope) Demonitor(ctx context.Context, ref banyan.Reference) (bool, error) {
	had, err := banyan.Call(ctx, s.server(), demonitorCall{ref})
	return had, s.explain(err)
}
