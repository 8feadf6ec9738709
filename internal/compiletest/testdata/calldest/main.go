// SPDX-License-Identifier: Apache-2.0

// This program must not compile: a call to the wrong server, known as a Dest.
package main

import (
	"context"

	"github.com/banyan-go/banyan"
)

type Stock struct{}

type Till struct{}

type Take struct{ N int }

func (m Take) Call(s *Stock, self *banyan.Self) (int, error) { return m.N, nil }

type Refill struct{ N int }

func (m Refill) Cast(s *Stock, self *banyan.Self) error { return nil }

type Stray struct{}

var (
	ctx   = context.Background()
	stock banyan.Ref[*Stock]
	till  banyan.Ref[*Till]
)

func main() {
	_, _ = banyan.Call(ctx, banyan.Dest[*Till](till), Take{1})
}
