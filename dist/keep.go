// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/banyan-go/banyan"
)

// Keep holds a link to a node until Forget or Close: it connects at once and, whenever that fails or the link is lost, again
// after a pause; see Config.RetryMin. It returns at once. What happens is told by the node's events, NodeUp and NodeDown.
// A link that is disconnected on purpose comes back too, so Forget first. Keeping a node twice is keeping it once.
func (t *Transport) Keep(node banyan.Atom) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.open || t.closed {
		return fmt.Errorf("dist: keep %s: %w", node, errStopped)
	}
	if err := t.mayDial(node); err != nil {
		return fmt.Errorf("dist: keep %s: %w", node, err)
	}
	t.keepLocked(node)
	return nil
}

// keepLocked starts a keeper, unless there is one. Call with mu held, after Open and before Close.
func (t *Transport) keepLocked(node banyan.Atom) {
	if t.kept[node] != nil || node == t.name {
		return
	}
	ctx, cancel := context.WithCancel(t.ctx)
	if t.kept == nil {
		t.kept = make(map[banyan.Atom]context.CancelFunc)
	}
	t.kept[node] = cancel
	t.wg.Add(1)
	go func() {
		defer t.wg.Done()
		t.keep(ctx, node)
	}()
}

// Forget ends what Keep began. A link that is up stays.
func (t *Transport) Forget(node banyan.Atom) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if cancel := t.kept[node]; cancel != nil {
		cancel()
		delete(t.kept, node)
	}
}

// keep is the keeper of one node.
func (t *Transport) keep(ctx context.Context, node banyan.Atom) {
	b := backoff{least: t.cfg.RetryMin, most: t.cfg.RetryMax, chance: rand.Float64}
	for failed := false; ctx.Err() == nil; {
		l, err := t.peer(ctx, node)
		if err == nil {
			failed = false
			up := time.Now()
			select {
			case <-l.gone:
			case <-ctx.Done():
				return
			}
			b.lived(time.Since(up))
		} else if !failed && ctx.Err() == nil { // once until it is up again: the next hours may bring nothing else
			failed = true
			t.port.Logger().Warn("a node that is to be kept is not reached; trying on", "peer", string(node), "error", err)
		}
		timer := time.NewTimer(b.next())
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}

// backoff is the pauses between attempts.
type backoff struct {
	least, most time.Duration
	chance      func() float64 // in [0, 1)

	pause time.Duration // the last one, before chance
}

// next is the next pause: twice the last one, less up to a half.
func (b *backoff) next() time.Duration {
	b.pause = min(max(2*b.pause, b.least), b.most)
	return b.pause - time.Duration(b.chance()*float64(b.pause)/2)
}

// lived begins again after a link that lasted longer than the pause before it. One that is lost at once is no better than none.
func (b *backoff) lived(d time.Duration) {
	if d >= b.pause {
		b.pause = 0
	}
}
