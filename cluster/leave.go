// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"time"

	"github.com/banyan-go/banyan"
)

// OnDrain has f called by Quiesce and Drain, after the node has become Draining and before its calls are waited for; the last one registered comes
// first. f should return when what it stands for is finished or handed over, and when its ctx ends. It is called each time the node drains.
func (c *Cluster) OnDrain(f func(ctx context.Context) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hooks = append(c.hooks, f)
}

// Quiesce takes this node out of service in order, and keeps it in the cluster. It is Draining, which linked nodes hear within the time that a message
// takes and the others by gossip, so that nobody gives it new work, and its processes leave their groups; what OnDrain has registered finishes;
// its servers handle what they have queued, and answer the calls that they have taken (but for processes of banyan.Go, of which nobody
// knows what they wait for). It then goes on as a member that has nothing to do, until Undrain or Drain.
//
// When ctx ends first it returns the errors of what was not finished, and the node stays Draining. ErrUndrained: somebody called Undrain meanwhile.
func (c *Cluster) Quiesce(ctx context.Context) error {
	if err := c.quiesce(ctx); err != nil {
		return fmt.Errorf("cluster: drain %s: %w", c.node.Name(), err)
	}
	return nil
}

func (c *Cluster) quiesce(ctx context.Context) error {
	if c.ctx.Err() != nil {
		return c.Err()
	}
	select {
	case c.drains <- struct{}{}:
		defer func() { <-c.drains }()
	case <-ctx.Done():
		return ctx.Err()
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(c.ctx, func() { cancel(ErrLeft) })()
	c.mu.Lock()
	hooks := slices.Clone(c.hooks)
	c.undrain = func() { cancel(ErrUndrained) }
	c.mu.Unlock()
	c.setState(ctx, Draining)
	errs := []error{pause(ctx, heardTime)}
	for i := len(hooks) - 1; i >= 0; i-- {
		errs = append(errs, hooks[i](ctx))
	}
	errs = append(errs, c.quiet(ctx))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.undrain = nil; context.Cause(ctx) == ErrUndrained {
		return ErrUndrained
	}
	return errors.Join(errs...)
}

// Undrain takes this node back into service: it is Up, and gets new work. It ends a Quiesce or Drain that is not finished. A node that is not
// Draining stays as it is. ErrLeft: it has left.
func (c *Cluster) Undrain(ctx context.Context) error {
	c.mu.Lock()
	stop, state := c.undrain, c.me.state
	c.mu.Unlock()
	if stop != nil {
		stop()
	}
	if c.ctx.Err() != nil || state.Over() {
		return fmt.Errorf("cluster: undrain %s: %w", c.node.Name(), ErrLeft)
	}
	if state == Draining {
		c.setState(ctx, Up)
	}
	return nil
}

// Drain is Quiesce and then Leave: it takes this node out of the cluster in order. The node itself goes on. When ctx ends before all is finished
// it leaves all the same, and returns the errors of what was not. ErrLeft: it had left before; ErrUndrained: it stays.
func (c *Cluster) Drain(ctx context.Context) error {
	err := c.quiesce(ctx)
	if err == nil || !errors.Is(err, ErrUndrained) && c.ctx.Err() == nil {
		c.Leave(context.WithoutCancel(ctx))
	}
	if err != nil {
		return fmt.Errorf("cluster: drain %s: %w", c.node.Name(), err)
	}
	return nil
}

// DrainOn gives a context that ends after one of the signals has come and this node has drained, for grace at the longest; at a second signal
// at once; and when ctx ends. Run what is to be drained with it:
//
//	err := app.Run(c.DrainOn(ctx, 25*time.Second, os.Interrupt, syscall.SIGTERM), node, tree)
func (c *Cluster) DrainOn(ctx context.Context, grace time.Duration, signals ...os.Signal) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	came := make(chan os.Signal, 2)
	signal.Notify(came, signals...)
	go func() {
		defer cancel()
		defer signal.Stop(came)
		select {
		case s := <-came:
			c.log.Info("draining", "signal", s.String(), "grace", grace)
		case <-ctx.Done():
			return
		}
		bound, stop := context.WithTimeout(ctx, grace)
		defer stop()
		go func() {
			select {
			case <-came:
				stop()
			case <-bound.Done():
			}
		}()
		if err := c.Drain(bound); err != nil {
			c.log.Error("drained in part", "error", err)
		}
	}()
	return ctx
}

// setState changes this node's own state, and waits until it begins to spread.
func (c *Cluster) setState(ctx context.Context, s State) {
	c.node.SetDraining(s != Up)                    // linked nodes hear that before the gossip comes round
	c.become(ctx, func(r *record) { r.state = s }) // the wait may time out; it spreads all the same
}

// leaveTime is how long a goodbye waits to be heard.
const leaveTime = 1500 * time.Millisecond

// Leave says goodbye and ends this node's part in the cluster, at once. It waits until others have heard it, at most until ctx ends or for
// one and a half seconds. Links stay. Leaving again does nothing.
func (c *Cluster) Leave(ctx context.Context) {
	if c.ctx.Err() == nil {
		bound, cancel := context.WithTimeout(ctx, leaveTime)
		defer cancel()
		c.g.LastReport(goodbye(c.node.Name(), c.id.Instance))
		c.setState(bound, Left)
		c.g.Leave(bound) // if nobody hears it, they notice by the silence
	}
	c.end(ErrLeft)
}

// heardTime is how long a draining node waits before it looks whether it is quiet: what was sent before its peers had heard of it has
// arrived then.
const heardTime = 300 * time.Millisecond

// quiet waits until each server of the node has been seen with nothing to do once: no message queued, none in its handler, and no call that it has
// yet to answer.
func (c *Cluster) quiet(ctx context.Context) error {
	busy := map[banyan.PID]bool{}
	c.node.Processes(func(p banyan.ProcessInfo) bool {
		if works(p) {
			busy[p.PID] = true
		}
		return true
	})
	for wait := time.Millisecond; len(busy) > 0; wait = min(2*wait, 50*time.Millisecond) {
		if err := pause(ctx, wait); err != nil {
			return fmt.Errorf("%d processes have not finished: %w", len(busy), err)
		}
		for pid := range busy {
			if p, ok := c.node.Info(pid); !ok || !works(p) {
				delete(busy, pid)
			}
		}
	}
	return nil
}

// works reports whether a server has something to do. Others always run, for all that can be seen.
func works(p banyan.ProcessInfo) bool {
	return p.Kind != "process" && p.Kind != deskKind && p.Status != "suspended" && (p.Status != "idle" || p.Queue > 0 || p.Owed > 0)
}

// pause waits; the error is why it did not wait so long.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
