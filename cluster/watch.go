// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"github.com/banyan-go/banyan"
)

// backlog is how many events wait for a slow reader before a new snapshot takes their place.
const backlog = 1024

// watcher is one reader of events.
type watcher struct {
	mu    sync.Mutex
	queue []Event       // guarded by mu
	lost  bool          // the queue was full and is empty now; guarded by mu
	wake  chan struct{} // one slot
}

func (w *watcher) put(events []Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.lost:
	case len(w.queue)+len(events) > backlog:
		w.queue, w.lost = nil, true
	default:
		w.queue = append(w.queue, events...)
	}
	w.rouse()
}

func (w *watcher) rouse() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// take is what waits; lost: a snapshot is due.
func (w *watcher) take() (events []Event, lost bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	events, w.queue = w.queue, nil
	return events, w.lost
}

// Events gives a Snapshot of the members and then every change, in order, until ctx ends or the cluster does. A reader that is 1024 events behind
// gets a Snapshot in their place: nothing is left out silently.
func (c *Cluster) Events(ctx context.Context) iter.Seq[Event] {
	return func(yield func(Event) bool) {
		w := &watcher{wake: make(chan struct{}, 1), lost: true}
		c.mu.Lock()
		c.watchers[w] = struct{}{}
		c.mu.Unlock()
		defer func() {
			c.mu.Lock()
			delete(c.watchers, w)
			c.mu.Unlock()
		}()
		ended := false
		for {
			events, lost := w.take()
			if lost {
				events = []Event{c.snapshot(w)}
			}
			for _, e := range events {
				if ctx.Err() != nil || !yield(e) {
					return
				}
			}
			if len(events) > 0 {
				continue
			}
			if ended {
				return
			}
			select {
			case <-w.wake:
			case <-ctx.Done():
				return
			case <-c.done: // what waits is still given
				ended = true
			}
		}
	}
}

// snapshot begins anew for a watcher: what is put from now on comes after it.
func (c *Cluster) snapshot(w *watcher) Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.queue, w.lost = nil, false
	return Event{Kind: Snapshot, Members: c.core.members()}
}

// Monitor sends the process every Event, a Snapshot first, until it ends or stop is called. A full mailbox is waited for.
func (c *Cluster) Monitor(self *banyan.Self) (stop func()) {
	ctx, cancel := context.WithCancel(self.Context())
	pid := self.PID()
	self.Go(func(context.Context) error {
		defer cancel()
		for e := range c.Events(ctx) {
			for {
				err := banyan.Send(c.node.Context(ctx), pid, e)
				if err == nil || !errors.Is(err, banyan.ErrMailboxFull) {
					break
				}
				select {
				case <-time.After(50 * time.Millisecond):
				case <-ctx.Done():
					return nil
				}
			}
		}
		return nil
	})
	return cancel
}

// publish gives events to all watchers. With mu held.
func (c *Cluster) publish(events []Event) {
	if len(events) == 0 {
		return
	}
	for w := range c.watchers {
		w.put(events)
	}
}
