// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"fmt"
	"time"

	"github.com/banyan-go/banyan"
)

// controller is the process that the applications' top processes are linked with.
type controller struct {
	run   *Running
	node  *banyan.Node
	apps  []*App
	pids  []banyan.PID    // of those that have started, in order; zero once one has ended
	stop  context.Context // ends when the applications are to stop
	start context.Context // bounds the start
	ready chan error
}

// killTimeout is how long to wait for the end of a top process that was killed.
const killTimeout = 5 * time.Second

// main is the process.
func (c *controller) main(self *banyan.Self) error {
	defer close(c.run.done)
	defer c.run.cancel()
	if err := c.startAll(self); err != nil {
		c.stopAll(self)
		c.ready <- err
		return banyan.Shutdown(err) // which is no crash: the caller has the error
	}
	c.ready <- nil
	err := c.watch(self)
	c.stopAll(self)
	c.run.err = err
	if err != nil {
		return banyan.Shutdown(err)
	}
	return nil
}

func (c *controller) startAll(self *banyan.Self) error {
	for _, a := range c.apps {
		if err := context.Cause(c.start); err != nil {
			return &StartError{a.name, err}
		}
		pid, err := launch(self, a)
		if err == nil && !pid.IsZero() {
			err = self.Link(pid) // for start functions that did not hand the options on
		}
		if err != nil {
			return &StartError{a.name, err}
		}
		c.pids = append(c.pids, pid)
		c.run.mu.Lock()
		c.run.list = append(c.run.list, Info{Name: a.name, Description: a.description, Mode: a.mode, PID: pid})
		c.run.mu.Unlock()
	}
	return nil
}

// launch calls the start function; a panic in it is a failed start.
func launch(self *banyan.Self, a *App) (pid banyan.PID, err error) {
	ok := false
	defer func() {
		if !ok {
			err = &banyan.PanicError{Value: fmt.Sprint(recover())}
		}
	}()
	pid, err = a.Launch(self, banyan.Linked())
	ok = true
	return pid, err
}

// watch waits until the applications are to stop. The error is the end of one that the others cannot do without.
func (c *controller) watch(self *banyan.Self) error {
	for {
		m, err := self.Receive(c.stop, banyan.OfType[banyan.Exit]())
		if err != nil {
			return nil // stopped by Stop, or the node is ending
		}
		exit := m.(banyan.Exit)
		i := c.ended(exit)
		if i < 0 {
			continue
		}
		a, reason := c.apps[i], orNormal(exit.Reason)
		if a.mode == Permanent || a.mode == Transient && reason != banyan.ErrNormal {
			c.node.Logger().Error("application ended", "application", a.name, "mode", a.mode.String(),
				"reason", reason.Error(), "outcome", "all applications are stopped")
			return &EndError{a.name, reason}
		}
		c.node.Logger().Warn("application ended", "application", a.name, "mode", a.mode.String(),
			"reason", reason.Error(), "outcome", "the others go on")
	}
}

// ended notes the end of an application; negative if it is none's.
func (c *controller) ended(exit banyan.Exit) int {
	for i, pid := range c.pids {
		if pid == exit.From {
			c.gone(i, exit.Reason)
			return i
		}
	}
	return -1
}

func (c *controller) gone(i int, reason error) {
	c.pids[i] = banyan.PID{}
	c.run.mu.Lock()
	c.run.list[i].PID, c.run.list[i].Ended = banyan.PID{}, orNormal(reason)
	c.run.mu.Unlock()
}

func orNormal(reason error) error {
	if reason == nil {
		return banyan.ErrNormal
	}
	return reason
}

// stopAll stops the applications that run, in reverse order.
func (c *controller) stopAll(self *banyan.Self) {
	for i := len(c.pids) - 1; i >= 0; i-- {
		if !c.pids[i].IsZero() {
			c.stopOne(self, i)
		}
	}
}

func (c *controller) stopOne(self *banyan.Self, i int) {
	a, pid := c.apps[i], c.pids[i]
	if a.stop > 0 {
		_ = banyan.SendExit(self, pid, banyan.ErrShutdown)
		if c.await(self, i, pid, a.stop) {
			return
		}
		c.node.Logger().Error("application killed", "application", a.name, "pid", pid.String(),
			"reason", fmt.Sprintf("it did not stop within %s", a.stop))
	}
	_ = banyan.SendExit(self, pid, banyan.ErrKill)
	if !c.await(self, i, pid, killTimeout) {
		c.node.Logger().Error("application cannot be stopped", "application", a.name, "pid", pid.String(),
			"outcome", "left behind: it was killed, and its end is not known")
		c.gone(i, banyan.ErrKilled)
	}
}

// await waits for the end of one application. False: the time is over, or the controller itself is to end at once.
func (c *controller) await(self *banyan.Self, i int, pid banyan.PID, d time.Duration) bool {
	var ctx context.Context = self
	if d != Infinity {
		ctx = banyan.Within(self, d)
	}
	m, err := self.Receive(ctx, banyan.When(func(e banyan.Exit) bool { return e.From == pid }))
	if err != nil {
		return false
	}
	c.gone(i, m.(banyan.Exit).Reason)
	return true
}
