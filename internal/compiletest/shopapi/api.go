// SPDX-License-Identifier: Apache-2.0

package shopapi

import (
	"errors"

	"github.com/banyan-go/banyan"
)

// API is the server as its messages see it.
type API interface {
	Take(sku string, n int) (left int, err error)
	Refill(sku string, n int)
}

// ErrOut says that there is not enough.
var ErrOut = errors.New("out of stock")

// Take takes n pieces and is answered with how many are left.
type Take struct {
	SKU string
	N   int
}

// Call hands it to the server.
func (m Take) Call(s API, _ *banyan.Self) (int, error) { return s.Take(m.SKU, m.N) }

// Refill adds n pieces.
type Refill struct {
	SKU string
	N   int
}

// Cast hands it to the server.
func (m Refill) Cast(s API, _ *banyan.Self) error {
	s.Refill(m.SKU, m.N)
	return nil
}
