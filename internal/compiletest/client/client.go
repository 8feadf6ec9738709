// SPDX-License-Identifier: Apache-2.0

package client

import (
	"context"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/internal/compiletest/shopapi"
)

// Restock takes one piece of everything, and refills what is out.
func Restock(ctx context.Context, shop banyan.Dest[shopapi.API], skus ...string) (refilled int, err error) {
	for _, sku := range skus {
		_, err := banyan.Call(ctx, shop, shopapi.Take{SKU: sku, N: 1})
		if err == nil {
			continue
		}
		if err != shopapi.ErrOut {
			return refilled, err
		}
		if err := banyan.Cast(ctx, shop, shopapi.Refill{SKU: sku, N: 10}); err != nil {
			return refilled, err
		}
		refilled++
	}
	return refilled, nil
}
