// SPDX-License-Identifier: Apache-2.0

package supervisor

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/banyan-go/banyan"
)

// Restart says when a child is restarted. It is a ChildOption.
type Restart uint8

// The restart types.
const (
	// Permanent children are always restarted. This is the default.
	Permanent Restart = iota
	// Transient children are restarted when they crash, not when they end with normal, shutdown or Shutdown(...).
	Transient
	// Temporary children are never restarted, and leave the list when they end.
	Temporary
)

// String is OTP's name.
func (r Restart) String() string {
	switch r {
	case Permanent:
		return "permanent"
	case Transient:
		return "transient"
	case Temporary:
		return "temporary"
	}
	return fmt.Sprintf("unknown (%d)", uint8(r))
}

// Kind tells workers from supervisors, for those who look at the tree.
type Kind uint8

// The kinds of children.
const (
	KindWorker Kind = iota
	KindSupervisor
)

// String is OTP's name.
func (k Kind) String() string {
	if k == KindSupervisor {
		return "supervisor"
	}
	return "worker"
}

// How long to wait for a child to stop, besides a duration.
const (
	// Kill ends the child at once and without Terminate: OTP's brutal_kill.
	Kill = time.Duration(-1)
	// Infinity waits for as long as it takes. It is the default for supervisors, which give their own children time.
	Infinity = time.Duration(math.MaxInt64)

	defaultShutdown = 5 * time.Second
)

// ErrIgnore, returned by a start function or a constructor, says that the child has nothing to do: it is not running, and
// that is no failure. A temporary or dynamic child then leaves the list.
var ErrIgnore = errors.New("the child chose not to run")

// StartFunc starts a child and returns once it is ready, or has failed. It must hand opts to Spawn, Go or SpawnAt: they
// link the child with parent and give its crash to the supervisor. It runs in the supervisor's process.
type StartFunc func(parent *banyan.Self, opts ...banyan.SpawnOption) (banyan.PID, error)

// Spec is one child of a tree, and an Item of it. The zero values are those of a permanent worker with 5 s to stop.
type Spec struct {
	// ID names the child within its supervisor. Under a Dynamic supervisor it may be empty.
	ID string
	// Start starts it.
	Start StartFunc
	// Restart says when it is restarted.
	Restart Restart
	// Significant children may end their supervisor by ending: see AnySignificant. Not for permanent ones.
	Significant bool
	// Shutdown is how long the child may take to stop before it is killed: 0 is 5 s for workers and Infinity for
	// supervisors; Kill does not ask.
	Shutdown time.Duration
	// Kind is for those who look at the tree.
	Kind Kind
}

// Immutable marks a Spec as safe to send: what its function holds on to belongs to the children that it starts.
func (Spec) Immutable() {}

func (s Spec) item(t *Tree) { t.children = append(t.children, s) }

// patience is how long to wait for the child to stop.
func (s Spec) patience() time.Duration {
	switch {
	case s.Shutdown != 0:
		return s.Shutdown
	case s.Kind == KindSupervisor:
		return Infinity
	}
	return defaultShutdown
}

// validate checks what the restart rules do not.
func (s Spec) validate(dynamic bool) error {
	switch {
	case s.ID == "" && !dynamic:
		return errors.New("a child has no ID: give it one that is unique in its supervisor")
	case s.Start == nil:
		return fmt.Errorf("child %q has no Start function", s.ID)
	case s.Shutdown < 0 && s.Shutdown != Kill:
		return fmt.Errorf("child %q has a negative shutdown time %s: use a duration, Kill or Infinity", s.ID, s.Shutdown)
	}
	return nil
}

// ChildOption changes a child: Permanent, Transient, Temporary, Significant, Shutdown, With.
type ChildOption interface{ child(*config) }

// config is a child in the making.
type config struct {
	spec  Spec
	spawn []banyan.SpawnOption
}

func (r Restart) child(c *config) { c.spec.Restart = r }

type childOption func(*config)

func (o childOption) child(c *config) { o(c) }

// Shutdown is how long the child may take to stop before it is killed. Kill does not ask at all, Infinity waits.
func Shutdown(d time.Duration) ChildOption {
	return childOption(func(c *config) { c.spec.Shutdown = d })
}

type significance bool

// Significant marks a child whose end may end the supervisor: see AnySignificant and AllSignificant.
const Significant = significance(true)

func (s significance) child(c *config) { c.spec.Significant = bool(s) }

// Spawning holds spawn options for a child, or for the supervisor itself: see With.
type Spawning []banyan.SpawnOption

// With gives spawn options to a child (a name, a mailbox, a start time-out), or as an Item to the supervisor itself.
func With(opts ...banyan.SpawnOption) Spawning { return opts }

func (w Spawning) child(c *config) { c.spawn = append(c.spawn, w...) }
func (w Spawning) item(t *Tree)    { t.spawn = append(t.spawn, w...) }

func newConfig(id string, kind Kind, opts []ChildOption) config {
	c := config{spec: Spec{ID: id, Kind: kind}}
	for _, o := range opts {
		o.child(&c)
	}
	return c
}

// merge puts the child's own spawn options before those of the supervisor, which must have the last word.
func merge(own, base []banyan.SpawnOption) []banyan.SpawnOption {
	if len(own) == 0 {
		return base
	}
	return append(own[:len(own):len(own)], base...)
}

// Worker is a child that is a server: start is its constructor, as for banyan.Spawn.
func Worker[S any](id string, start func(context.Context, *banyan.Self) (S, error), opts ...ChildOption) Spec {
	c := newConfig(id, KindWorker, opts)
	c.spec.Start = func(parent *banyan.Self, base ...banyan.SpawnOption) (banyan.PID, error) {
		ref, err := banyan.Spawn(parent, start, merge(c.spawn, base)...)
		return ref.PID(), err
	}
	return c.spec
}

// Process is a child that is a plain process: it has started when its goroutine has.
func Process(id string, run func(*banyan.Self) error, opts ...ChildOption) Spec {
	c := newConfig(id, KindWorker, opts)
	c.spec.Start = func(parent *banyan.Self, base ...banyan.SpawnOption) (banyan.PID, error) {
		return banyan.Go(parent, run, merge(c.spawn, base)...)
	}
	return c.spec
}

// WorkerAt is a child on another node: a server whose constructor was registered there under that name (see
// banyan.RegisterSpawn). Each start tries the nodes in order and takes the first that works, so that a child whose node is
// lost comes back on the next. This is no promise that the lost one has ended: package place keeps that.
func WorkerAt(id string, nodes []banyan.Atom, constructor string, opts ...ChildOption) Spec {
	c := newConfig(id, KindWorker, opts)
	nodes = append([]banyan.Atom(nil), nodes...)
	c.spec.Start = func(parent *banyan.Self, base ...banyan.SpawnOption) (banyan.PID, error) {
		err := fmt.Errorf("child %q has no node to run on", id)
		for _, node := range nodes {
			var ref banyan.Ref[any]
			if ref, err = banyan.SpawnAt[any](parent, node, constructor, merge(c.spawn, base)...); err == nil {
				return ref.PID(), nil
			}
		}
		return banyan.PID{}, err
	}
	return c.spec
}

// Supervisor is a tree as a child, with options. Without any the tree itself will do.
func Supervisor(t *Tree, opts ...ChildOption) Spec {
	c := newConfig(t.name, KindSupervisor, opts)
	c.spec.Start = func(parent *banyan.Self, base ...banyan.SpawnOption) (banyan.PID, error) {
		return t.Launch(parent, merge(c.spawn, base)...)
	}
	return c.spec
}
