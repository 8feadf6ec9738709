// SPDX-License-Identifier: Apache-2.0

package route

import (
	"context"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/route/internal/balance"
)

// Key is a destination for what belongs together: messages of one key go to one target, as long as it is there and not
// overloaded (see Bound). All routers over the same targets choose alike. When a target comes or goes only its own keys
// move: at once if it goes, and little by little, in the time of its SlowStart, if it comes; in that time routers may differ about
// those that are about to move. Explain and OnChange tell. This is no promise that one target alone handles a key: package place keeps that.
func (r *Router[S]) Key(key string) banyan.Via[S] { return keyed[S]{r, balance.Hash(key)} }

type keyed[S any] struct {
	r    *Router[S]
	hash uint64
}

func (k keyed[S]) request() balance.Request[banyan.PID] {
	return balance.Request[banyan.PID]{Key: k.hash, Keyed: true}
}

func (k keyed[S]) Resolve(ctx context.Context) (banyan.Ref[S], error) {
	return k.r.resolve(ctx, k.request())
}

func (k keyed[S]) Try(ctx context.Context, a banyan.Attempt) (banyan.Trial[S], error) {
	return k.r.try(ctx, a, k.request())
}
