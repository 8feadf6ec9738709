// SPDX-License-Identifier: Apache-2.0

package supervisor

import (
	"context"
	"errors"
	"time"

	"github.com/banyan-go/banyan"
)

// watcher is a helper process that monitors processes which are being stopped. A server cannot pick a message out of its
// own mailbox, as an Erlang supervisor does at this point, but it can call another one and wait.
type watcher struct {
	left int
	ends map[banyan.PID]error
	done banyan.Later[bool]
	wait bool // done is to be answered
}

// watching is how a supervisor uses a watcher. Without one, as while the node ends and nothing can be started or is left
// alone, it looks at the processes of this node now and then.
type watching struct {
	ref  banyan.Ref[*watcher]
	pids []banyan.PID
}

// watch makes a watcher whose monitors stand when it returns.
func watch(self *banyan.Self, pids []banyan.PID) (watching, error) {
	ref, err := banyan.Spawn(self, func(_ context.Context, me *banyan.Self) (*watcher, error) {
		w := &watcher{left: len(pids), ends: make(map[banyan.PID]error, len(pids))}
		for _, pid := range pids {
			me.Monitor(pid)
		}
		return w, nil
	})
	return watching{ref, pids}, err
}

func (w *watcher) Info(_ *banyan.Self, m any) error {
	d, ok := m.(banyan.Down)
	if !ok {
		return nil
	}
	w.ends[d.PID] = d.Reason
	w.left--
	if w.left == 0 && w.wait {
		w.wait = false
		_ = w.done.Reply(true) // too late is fine: whoever waited asks again
	}
	return nil
}

// allGone is answered when all are.
type allGone struct{}

func (allGone) Call(w *watcher, self *banyan.Self) (bool, error) {
	if w.left > 0 {
		w.done, w.wait = banyan.Defer[bool](self), true
	}
	return true, nil
}

// theEnds asks who has ended with which reason.
type theEnds struct{ Last bool }

func (m theEnds) Call(w *watcher, self *banyan.Self) (map[banyan.PID]error, error) {
	if m.Last {
		self.Stop(nil)
	}
	return w.ends, nil
}

// wait waits until all are gone, at most d. The error is that the supervisor itself has been killed.
func (r watching) wait(self *banyan.Self, d time.Duration) (gone bool, err error) {
	d = min(max(d, 1), forever)
	end := time.Now().Add(d)
	if !r.ref.IsZero() {
		_, err = banyan.Call(self, r.ref, allGone{}, banyan.Timeout(d))
		if err == nil || errors.Is(err, banyan.ErrTimeout) || errors.Is(err, banyan.ErrKilled) {
			return err == nil, err
		}
	}
	// An exit signal ends the wait of a process, and maybe the watcher too; but this supervisor is only ending, and has to
	// see its children off.
	return r.poll(self.Node(), end), nil
}

// poll is wait without a watcher.
func (r watching) poll(node *banyan.Node, end time.Time) bool {
	t := time.NewTicker(time.Millisecond)
	defer t.Stop()
	for _, pid := range r.pids {
		for alive(node, pid) {
			if now := <-t.C; now.After(end) {
				return false
			}
		}
	}
	return true
}

// alive reports whether a process of this node lives. What is elsewhere cannot be seen, and counts as gone.
func alive(node *banyan.Node, pid banyan.PID) bool {
	_, ok := node.Info(pid)
	return ok
}

// ends returns who has ended, and why; with last the watcher is not needed any more.
func (r watching) ends(self *banyan.Self, last bool) map[banyan.PID]error {
	ends, err := banyan.Call(self, r.ref, theEnds{last})
	if err != nil {
		// An exit signal breaks calls of the process off, but not one from outside. That one holds the worker up while it
		// waits, so it is not the rule.
		ends, err = banyan.Call(self.Node().Context(context.Background()), r.ref, theEnds{last})
	}
	if err != nil {
		ends = make(map[banyan.PID]error)
		for _, pid := range r.pids {
			if !alive(self.Node(), pid) {
				ends[pid] = banyan.ErrShutdown // as it was told to; the reason itself was for the watcher
			}
		}
	}
	return ends
}
