// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/banyan-go/banyan"
)

// Remote is the part that another node takes in its cluster. It is for tools: the node that asks needs no part of its own. All methods make a
// link if there is none; ctx belongs to the node that asks. ErrNoCluster: the node takes no part in a cluster.
type Remote struct{ at banyan.Named[*desk] }

// At is a node's part in its cluster.
func At(node banyan.Atom) Remote { return Remote{banyan.At[*desk](deskName, node)} }

// Info is what a node says of itself, for people.
type Info struct {
	// Member is the node as a member, Cluster the name of its cluster.
	Member  Member
	Cluster string
	// Began is when it joined, by its own clock.
	Began time.Time
	// OSPID is its process of the operating system, Program the path of its main package, Go the release that built it, System where it runs.
	OSPID               int
	Program, Go, System string
	// MaxProcesses is how many processes it may have.
	MaxProcesses int
	// Links are the nodes that it has a link to.
	Links []banyan.Atom
}

// Immutable lets it be sent without a copy.
func (Info) Immutable() {}

// Members are the members as the node sees them.
func (r Remote) Members(ctx context.Context) ([]Member, error) {
	return ask[[]Member](ctx, r, membersQuery{})
}

// Info asks the node of itself.
func (r Remote) Info(ctx context.Context) (Info, error) { return ask[Info](ctx, r, infoQuery{}) }

// Quiesce has the node drain, and waits for it, see Cluster.Quiesce.
func (r Remote) Quiesce(ctx context.Context) error { return tell(ctx, r, drainQuery{}) }

// Drain has the node drain and leave, see Cluster.Drain.
func (r Remote) Drain(ctx context.Context) error { return tell(ctx, r, drainQuery{Leave: true}) }

// Undrain has it come back into service, see Cluster.Undrain.
func (r Remote) Undrain(ctx context.Context) error { return tell(ctx, r, undrainQuery{}) }

// Forget has it declare another member down, see Cluster.Forget.
func (r Remote) Forget(ctx context.Context, name banyan.Atom) error {
	return tell(ctx, r, forgetQuery{name})
}

func tell[Q banyan.Query[*desk, banyan.Atom]](ctx context.Context, r Remote, q Q) error {
	_, err := ask[banyan.Atom](ctx, r, q)
	return err
}

func ask[R any, Q banyan.Query[*desk, R]](ctx context.Context, r Remote, q Q) (R, error) {
	v, err := banyan.Call(ctx, r.at, q)
	if errors.Is(err, banyan.ErrNoProcess) {
		err = fmt.Errorf("%w: %w", ErrNoCluster, err)
	}
	return v, err
}
