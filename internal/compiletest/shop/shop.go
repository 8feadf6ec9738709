// SPDX-License-Identifier: Apache-2.0

package shop

import (
	"context"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/internal/compiletest/shopapi"
)

// Stock is the server's state.
type Stock struct{ left map[string]int }

// New is its constructor, as a *Stock.
func New(context.Context, *banyan.Self) (*Stock, error) { return &Stock{map[string]int{"tea": 3}}, nil }

// NewAPI is its constructor, as an API: for clients that know no more.
func NewAPI(ctx context.Context, self *banyan.Self) (shopapi.API, error) { return New(ctx, self) }

// Take implements shopapi.API.
func (s *Stock) Take(sku string, n int) (int, error) {
	if s.left[sku] < n {
		return 0, shopapi.ErrOut
	}
	s.left[sku] -= n
	return s.left[sku], nil
}

// Refill implements shopapi.API.
func (s *Stock) Refill(sku string, n int) { s.left[sku] += n }

// Total is a message for a *Stock only.
type Total struct{}

// Call sums up.
func (Total) Call(s *Stock, _ *banyan.Self) (sum int, err error) {
	for _, n := range s.left {
		sum += n
	}
	return sum, nil
}
