// SPDX-License-Identifier: Apache-2.0

package stock

import (
	"errors"

	"github.com/banyan-go/banyan"
)

// API is what the messages need of a server's state.
type API interface {
	Take(sku string, n int) (left int, err error)
}

// ErrOut says that there is not enough.
var ErrOut = errors.New("out of stock")

// Take takes N pieces and tells how many are left.
type Take struct {
	SKU string
	N   int
}

// Call handles it, for every server whose state is an API.
func (m Take) Call(s API, _ *banyan.Self) (int, error) { return s.Take(m.SKU, m.N) }
