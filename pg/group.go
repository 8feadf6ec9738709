// SPDX-License-Identifier: Apache-2.0

package pg

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/banyan-go/banyan"
)

// Group is a group of servers of one type: a banyan.Many, so that banyan.CallAll asks all its members. It is a name, may be
// copied and kept; who the members are is looked up at each send, on the node that ctx belongs to.
type Group[S any] struct {
	scope Scope
	group key
	err   error
	text  string
}

var (
	_ banyan.Many[banyan.Foreign] = Group[banyan.Foreign]{}
	_ banyan.Dest[banyan.Foreign] = anyOf[banyan.Foreign]{}
)

// In is a group of a scope. The name may be any value that has a term, see Scope.Join.
func In[S any](s Scope, name any) Group[S] { //lint:any the name is any term, as in Erlang
	k, err := keyOf(name)
	if err != nil {
		err = fmt.Errorf("pg: group %v: %w", name, err)
	}
	return Group[S]{s, k, err, fmt.Sprint(name)}
}

// String is the group's name and its scope.
func (g Group[S]) String() string { return g.text + " in " + string(g.scope) }

// Join lets servers of this node join.
func (g Group[S]) Join(ctx context.Context, refs ...banyan.Ref[S]) error {
	err := g.err
	if err == nil {
		err = g.scope.join(ctx, g.group, pidsOfRefs(refs))
	}
	if err != nil {
		return fmt.Errorf("pg: join %s: %w", g, err)
	}
	return nil
}

// Leave lets servers of this node leave, once each.
func (g Group[S]) Leave(ctx context.Context, refs ...banyan.Ref[S]) error {
	err := g.err
	if err == nil {
		err = g.scope.leave(ctx, g.group, pidsOfRefs(refs))
	}
	if err != nil {
		return fmt.Errorf("pg: leave %s: %w", g, err)
	}
	return nil
}

func pidsOfRefs[S any](refs []banyan.Ref[S]) []banyan.PID {
	pids := make([]banyan.PID, len(refs))
	for i, r := range refs {
		pids[i] = r.PID()
	}
	return pids
}

// ResolveAll lists the members, each process once, however often it joined; none is no error.
func (g Group[S]) ResolveAll(ctx context.Context) ([]banyan.Ref[S], error) {
	return g.resolve(ctx, (*entry).all)
}

// Local is the members on this node.
func (g Group[S]) Local() banyan.Many[S] { return local[S]{g} }

type local[S any] struct{ g Group[S] }

func (l local[S]) ResolveAll(ctx context.Context) ([]banyan.Ref[S], error) {
	return l.g.resolve(ctx, func(e *entry) []banyan.PID {
		if e == nil {
			return nil
		}
		return append([]banyan.PID(nil), e.local...)
	})
}

func (g Group[S]) resolve(ctx context.Context, which func(*entry) []banyan.PID) ([]banyan.Ref[S], error) {
	if g.err != nil {
		return nil, g.err
	}
	var pids []banyan.PID
	if err := g.scope.read(ctx, func(m members) { pids = which(m[g.group]) }); err != nil {
		return nil, err
	}
	n := banyan.NodeOf(ctx)
	seen := make(map[banyan.PID]bool, len(pids))
	refs := make([]banyan.Ref[S], 0, len(pids))
	for _, pid := range pids {
		if seen[pid] {
			continue
		}
		seen[pid] = true
		ref, err := banyan.RefOf[S](n, pid)
		if err != nil {
			return nil, fmt.Errorf("pg: %s: %w", g, err)
		}
		refs = append(refs, ref)
	}
	return refs, nil
}

// Any is one member, chosen anew at each send: one of this node if there are any, else one of another. It is OTP's
// pg2:get_closest_pid. ErrEmpty, which is banyan.ErrNoProcess and banyan.ErrNotDelivered, if there is none.
func (g Group[S]) Any() banyan.Dest[S] { return anyOf[S]{g} }

type anyOf[S any] struct{ g Group[S] }

func (a anyOf[S]) Resolve(ctx context.Context) (ref banyan.Ref[S], err error) {
	if a.g.err != nil {
		return ref, a.g.err
	}
	var pid banyan.PID
	found := false
	if err := a.g.scope.read(ctx, func(m members) { pid, found = m[a.g.group].pick(rand.IntN) }); err != nil {
		return ref, err
	}
	if !found {
		return ref, fmt.Errorf("pg: %s: %w: %w, %w", a.g, ErrEmpty, banyan.ErrNoProcess, banyan.ErrNotDelivered)
	}
	if ref, err = banyan.RefOf[S](banyan.NodeOf(ctx), pid); err != nil {
		return ref, fmt.Errorf("pg: %s: %w", a.g, err)
	}
	return ref, nil
}
