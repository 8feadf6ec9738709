// SPDX-License-Identifier: Apache-2.0

package till

import (
	"context"
	"errors"
	"fmt"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/examples/06-clients-and-fakes/stock"
)

// Sell sells one piece, from whatever stock it is given: a ref, a name, one on another node.
func Sell(ctx context.Context, from banyan.Dest[stock.API], sku string) (receipt string, err error) {
	left, err := banyan.Call(ctx, from, stock.Take{SKU: sku, N: 1})
	switch {
	case errors.Is(err, stock.ErrOut):
		return "sorry, no " + sku, nil
	case err != nil:
		return "", err
	case left == 0:
		return fmt.Sprintf("one %s, the last", sku), nil
	}
	return "one " + sku, nil
}
