// SPDX-License-Identifier: Apache-2.0

package warehouse

import (
	"context"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/examples/06-clients-and-fakes/stock"
)

type shelf map[string]int

// New is the constructor. It gives the interface, so that banyan.Spawn gives a Ref[stock.API].
func New(context.Context, *banyan.Self) (stock.API, error) { return shelf{"tea": 3}, nil }

// Take takes from the shelf.
func (s shelf) Take(sku string, n int) (int, error) {
	if s[sku] < n {
		return 0, stock.ErrOut
	}
	s[sku] -= n
	return s[sku], nil
}
