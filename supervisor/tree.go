// SPDX-License-Identifier: Apache-2.0

package supervisor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/internal/restart"
)

// Strategy says who is restarted when a child is.
type Strategy uint8

// The strategies.
const (
	// OneForOne restarts the child alone.
	OneForOne Strategy = iota
	// OneForAll stops all other children, in reverse, and starts all in order.
	OneForAll
	// RestForOne does so with the children that stand behind the one that ended: those that may depend on it.
	RestForOne
	// Dynamic is for children that come and go: simple_one_for_one, Elixir's DynamicSupervisor. See StartChild.
	Dynamic
)

// String is OTP's name.
func (s Strategy) String() string { return restart.Strategy(s).String() }

// Item is what a tree is made of: a Spec (so a Worker, a Process, a Supervisor), a *Tree, Intensity, AnySignificant or
// AllSignificant, With. Other packages bring their own children by returning a Spec.
type Item interface{ item(*Tree) }

// Tree says which children run under one supervisor. It never changes after New.
type Tree struct {
	name     string
	opts     restart.Options
	children []Spec
	spawn    []banyan.SpawnOption
}

// New makes a tree of children, in the order in which they are to start, and options. Without Intensity it is one restart
// in 5 s, as in OTP. Mistakes are told by Validate, and by Start.
func New(name string, s Strategy, items ...Item) *Tree {
	t := &Tree{name: name, opts: restart.Options{Strategy: restart.Strategy(s), Intensity: 1, Period: 5 * time.Second}}
	for _, i := range items {
		i.item(t)
	}
	return t
}

// item makes a tree a child of another: permanent, and with all the time it needs to stop.
func (t *Tree) item(parent *Tree) { Supervisor(t).item(parent) }

type treeOption func(*Tree)

func (o treeOption) item(t *Tree) { o(t) }

// Intensity allows n restarts within the period; one more ends the supervisor. 0 ends it at the first.
func Intensity(n int, period time.Duration) Item {
	return treeOption(func(t *Tree) { t.opts.Intensity, t.opts.Period = n, period })
}

// Ending says whether the end of significant children ends the supervisor: OTP's auto_shutdown. It is an Item.
type Ending uint8

const (
	// AnySignificant ends the supervisor, with shutdown, when any significant child has ended for good.
	AnySignificant = Ending(restart.AnySignificant)
	// AllSignificant ends it when the last of them has.
	AllSignificant = Ending(restart.AllSignificant)
)

func (e Ending) item(t *Tree) { t.opts.AutoShutdown = restart.AutoShutdown(e) }

// Name is the name that New got.
func (t *Tree) Name() string { return t.name }

// Children returns the children in order.
func (t *Tree) Children() []Spec { return append([]Spec(nil), t.children...) }

// Validate names all mistakes in the tree.
func (t *Tree) Validate() error {
	var errs []error
	core, err := restart.New[string](t.opts)
	if err != nil {
		errs = append(errs, err)
		core, _ = restart.New[string](restart.Options{AutoShutdown: restart.AllSignificant})
	}
	dynamic := t.opts.Strategy == restart.Dynamic
	for i, c := range t.children {
		if err := c.validate(dynamic); err != nil {
			errs = append(errs, err)
			continue
		}
		id := c.ID
		if dynamic {
			id = fmt.Sprint(i, " ", id) // ids of dynamic children are only for people
		}
		if err := core.Add(id, c.rules()); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return fmt.Errorf("supervisor %q: %w", t.name, errors.Join(errs...))
}

func (s Spec) rules() restart.Spec {
	return restart.Spec{Type: restart.Type(s.Restart), Significant: s.Significant}
}

// Ref is the handle of a running supervisor.
type Ref = banyan.Ref[*Server]

// Start starts the supervisor and its children, and returns when all are ready. by is the node, or a process that becomes
// the parent: with banyan.Linked they end together. If a child fails those before it are stopped again, and the error
// holds a *StartError.
func (t *Tree) Start(by banyan.Spawner, opts ...banyan.SpawnOption) (Ref, error) {
	if err := t.Validate(); err != nil {
		return Ref{}, err
	}
	var parent banyan.PID
	if p, ok := by.(*banyan.Self); ok {
		parent = p.PID()
	}
	opts = append(merge(t.spawn, opts), banyan.TrapExits())
	return banyan.Spawn(by, func(_ context.Context, self *banyan.Self) (*Server, error) {
		return start(self, t, parent)
	}, opts...)
}

// Launch is Start for those who want a pid: it makes a tree an application (package app) and a child.
func (t *Tree) Launch(parent *banyan.Self, opts ...banyan.SpawnOption) (banyan.PID, error) {
	ref, err := t.Start(parent, opts...)
	return ref.PID(), err
}
