// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// counts are of a whole run.
type counts struct {
	mu                          sync.Mutex
	sent, arrived, cutLost      int
	calls, callsFailed          int
	monitors, links, cuts, bigs int
	violations                  []string
}

func (c *counts) add(f func(*counts)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(c)
}

// violation notes a broken promise; the first hundred are kept.
func (c *counts) violation(format string, args ...any) {
	c.add(func(c *counts) {
		if len(c.violations) < 100 {
			c.violations = append(c.violations, fmt.Sprintf(format, args...))
		}
	})
}

// pause waits without ignoring the end.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// sendAll sends the numbered messages of a phase from one of our nodes. A link that is cut loses messages; what cannot be
// sent at all counts as lost, too.
func sendAll(ctx context.Context, n *banyan.Node, to banyan.Atom, phase, count int, rest time.Duration) error {
	done := make(chan error, 1)
	_, err := banyan.Go(n, func(self *banyan.Self) error {
		for i := 1; i <= count; i++ {
			bin := make([]byte, sizeOf(i))
			m := etf.Tuple{etf.Atom("seq"), phase, n.Name(), i, bin}
			if err := banyan.SendName(self, "sink", to, m); err != nil && !errors.Is(err, banyan.ErrNoConnection) {
				done <- err
				return nil
			}
			if i%10 == 0 {
				if err := pause(ctx, rest); err != nil {
					done <- err
					return nil
				}
			}
		}
		done <- nil
		return nil
	})
	if err != nil {
		return err
	}
	return <-done
}

// callAll makes calls one after another; each must end once, with the right answer unless the link was cut.
func callAll(ctx context.Context, c *counts, n *banyan.Node, to banyan.Atom, count int, wasCut func() bool) {
	at := banyan.At[banyan.Foreign]("sink", to)
	for i := range count {
		q := etf.Tuple{etf.Atom("echo"), i}
		v, err := banyan.Call(banyan.Within(n.Context(ctx), 20*time.Second), at, banyan.Ask[any]{Term: q})
		c.add(func(c *counts) { c.calls++ })
		switch {
		case err == nil && !etf.Equal(v, etf.Tuple{etf.Atom("was"), i}):
			c.violation("a call from %s to %s was answered %s, not with %d", n.Name(), to, etf.Format(v), i)
		case err != nil && ctx.Err() != nil:
			return
		case err != nil && !wasCut():
			c.violation("a call from %s to %s over a living link: %v", n.Name(), to, err)
		case err != nil:
			c.add(func(c *counts) { c.callsFailed++ })
		}
		if pause(ctx, time.Duration(rand.IntN(4))*time.Millisecond) != nil {
			return
		}
	}
}

// watchAll starts processes on the other node, is linked with each and watches it, kills most, and counts what it hears: of each
// exactly one Down and one Exit, whether it was killed or the link was cut. module and function name what runs there.
func watchAll(ctx context.Context, c *counts, n *banyan.Node, to banyan.Atom, count int, rng *rand.Rand) error {
	done := make(chan error, 1)
	_, err := banyan.Go(n, func(self *banyan.Self) error {
		self.TrapExits(true)
		downs, exits := map[banyan.Reference]int{}, map[banyan.PID]int{}
		waiting := 0
		take := func(wait time.Duration) (bool, error) {
			m, err := self.Receive(banyan.Within(ctx, wait))
			if errors.Is(err, banyan.ErrTimeout) && ctx.Err() == nil {
				return false, nil
			}
			if err != nil {
				return false, err
			}
			switch m := m.(type) {
			case banyan.Down:
				downs[m.Monitor]++
				waiting--
			case banyan.Exit:
				exits[m.From]++
				waiting--
			}
			return true, nil
		}
		var refs []banyan.Reference
		var pids []banyan.PID
		for range count {
			var ref banyan.Reference
			pid, err := banyan.SpawnFunc(self, to, "soak", "victim", nil, banyan.Linked(), banyan.Monitored(&ref))
			if err != nil {
				if !errors.Is(err, banyan.ErrNoConnection) {
					done <- fmt.Errorf("spawn on %s: %w", to, err)
					return nil
				}
				if err := pause(ctx, 50*time.Millisecond); err != nil {
					done <- err
					return nil
				}
				continue
			}
			refs, pids = append(refs, ref), append(pids, pid)
			waiting += 2
			reason := banyan.ErrKill
			if rng.IntN(2) == 0 {
				reason = banyan.ErrShutdown
			}
			if err := banyan.SendExit(self, pid, reason); err != nil && !errors.Is(err, banyan.ErrNoConnection) {
				done <- err
				return nil
			}
			if _, err := take(time.Duration(rng.IntN(5)+1) * time.Millisecond); err != nil {
				done <- err
				return nil
			}
		}
		for waiting > 0 {
			ok, err := take(20 * time.Second)
			if err != nil {
				done <- err
				return nil
			}
			if !ok {
				break
			}
		}
		for waiting <= 0 { // anything that comes now is one too many
			if ok, err := take(200 * time.Millisecond); err != nil || !ok {
				break
			}
		}
		for i, ref := range refs {
			if downs[ref] != 1 || exits[pids[i]] != 1 {
				c.violation("%s watched %v on %s: %d Down and %d Exit, want one of each", n.Name(), pids[i], to, downs[ref], exits[pids[i]])
			}
		}
		c.add(func(c *counts) { c.monitors += len(refs); c.links += len(pids) })
		done <- nil
		return nil
	})
	if err != nil {
		return err
	}
	return <-done
}
