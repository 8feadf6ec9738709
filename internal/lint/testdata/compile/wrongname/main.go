// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"github.com/banyan-go/banyan"
)

type (
	Stock struct{ left int }
	Till  struct{}
	Take  struct{ N int }
	Fill  struct{ N int }
)

func (m Take) Call(s *Stock, _ *banyan.Self) (int, error) { s.left -= m.N; return s.left, nil }
func (m Fill) Cast(s *Stock, _ *banyan.Self) error        { s.left += m.N; return nil }

var (
	ctx   context.Context
	stock banyan.Ref[*Stock]
	till  banyan.Ref[*Till]
)

func main() {
	_, _ = banyan.Call(ctx, banyan.At[*Till]("till", ""), Take{2}) // want `type Take\) does not satisfy banyan.Query`
}
