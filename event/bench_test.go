// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/event"
)

func BenchmarkNotify(b *testing.B) {
	for _, handlers := range []int{1, 10} {
		b.Run(fmt.Sprint(handlers, " handlers"), func(b *testing.B) {
			n, err := banyan.Start("bench@localhost")
			if err != nil {
				b.Fatal(err)
			}
			defer n.Stop(context.Background())
			ctx := n.Context(context.Background())
			m, err := event.Start[int](n)
			if err != nil {
				b.Fatal(err)
			}
			got := 0
			for i := range handlers {
				if err := event.Add(ctx, m, banyan.Atom(fmt.Sprint(i)), event.On[int](func(*banyan.Self, int) error { got++; return nil })); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if err := event.Notify(ctx, m, i); err != nil {
					b.Fatal(err)
				}
				if i%512 == 511 {
					if err := event.SyncNotify(ctx, m, i); err != nil {
						b.Fatal(err)
					}
				}
			}
			if err := event.SyncNotify(ctx, m, 0); err != nil || got != (b.N+b.N/512+1)*handlers {
				b.Fatal(got, b.N, err)
			}
		})
	}
}
