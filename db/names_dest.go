// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"fmt"

	"github.com/banyan-go/banyan"
)

// Named is a server known by a strict name; the name is looked up at each send.
type Named[S any] struct {
	names *Names
	name  string
}

// Name is the server, on whatever node, that holds a name: a target for Call and Cast. It is looked up in what this node knows, as by WhereIs. A server of this
// node must be of the type S; one of another node is trusted to be.
func Name[S any](n *Names, name string) Named[S] { return Named[S]{n, name} }

// String is the name.
func (d Named[S]) String() string { return d.name }

// Resolve finds the process.
func (d Named[S]) Resolve(context.Context) (banyan.Ref[S], error) {
	h, ok := d.names.WhereIs(d.name)
	if !ok {
		return banyan.Ref[S]{}, fmt.Errorf("db: name %q: %w: %w, %w", d.name, ErrNoName, banyan.ErrNoProcess, banyan.ErrNotDelivered)
	}
	return banyan.RefOf[S](d.names.node, h.PID)
}
