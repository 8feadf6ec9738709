// SPDX-License-Identifier: Apache-2.0

package banyan

import "context"

// NoWait is ctx for messages to other nodes that are only worth sending at once: what is sent with it never makes a link
// (ErrNoConnection if there is none) and never waits for room in one (ErrLinkFull). They are Erlang's options noconnect and
// nosuspend. Servers that keep many nodes up to date use it, so that a slow one does not hold up the others.
func NoWait(ctx context.Context) context.Context { return noWaitCtx{ctx} }

// NoConnect is NoWait that waits for room: what is sent with it never makes a link.
func NoConnect(ctx context.Context) context.Context { return noConnectCtx{ctx} }

type (
	noWaitCtx    struct{ context.Context }
	noConnectCtx struct{ context.Context }

	noWaitKey    struct{}
	noConnectKey struct{}
)

// Value marks the context.
func (c noWaitCtx) Value(key any) any {
	if key == (noWaitKey{}) || key == (noConnectKey{}) {
		return true
	}
	return c.Context.Value(key)
}

// Value marks the context.
func (c noConnectCtx) Value(key any) any {
	if key == (noConnectKey{}) {
		return true
	}
	return c.Context.Value(key)
}

func noWait(ctx context.Context) bool    { return ctx.Value(noWaitKey{}) != nil }
func noConnect(ctx context.Context) bool { return ctx.Value(noConnectKey{}) != nil }
