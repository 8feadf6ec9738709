// SPDX-License-Identifier: Apache-2.0

package supervisor

import (
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/internal/restart"
)

// Server is the state of a running supervisor: see Ref. All of it belongs to the supervisor's process.
type Server struct {
	name   string
	core   *restart.Core[*child]
	byID   map[string]*child // not of a Dynamic one
	byPID  map[banyan.PID]*child
	parent banyan.PID
	log    *slog.Logger
	began  time.Time
}

// child is one child. It keeps its identity over restarts: the core knows it by its address.
type child struct {
	spec     Spec
	pid      banyan.PID // zero unless it runs
	restarts uint64
	opts     []banyan.SpawnOption
	log      *slog.Logger // made at the first record
	// report is the last crash, stored by the dying process (or by whoever kills it) before its link breaks.
	report atomic.Pointer[banyan.CrashReport]
	// A restart that waits for a name: who is to start after this child, and since when it waits.
	rest    []*child
	waiting time.Time
	pause   time.Duration
}

// retry is the message by which a supervisor tries a failed restart again, after what came meanwhile.
type retry struct {
	c    *child
	free bool // not to be counted: it only waited for a name
}

// How long a restart waits for a name that is taken before it counts as failed, and how often it looks.
const (
	nameTimeout = 5 * time.Second
	minPause    = time.Millisecond
	maxPause    = 100 * time.Millisecond
)

// start is the constructor: it starts the children of the tree, or none.
func start(self *banyan.Self, t *Tree, parent banyan.PID) (*Server, error) {
	core, err := restart.New[*child](t.opts)
	if err != nil {
		return nil, err
	}
	s := &Server{
		name: t.name, core: core, parent: parent, began: time.Now(),
		byID: make(map[string]*child), byPID: make(map[banyan.PID]*child),
		log: self.Node().Logger().With("supervisor", t.name),
	}
	for _, spec := range t.children {
		if _, _, err := s.add(self, spec); err != nil {
			s.stop(self, s.core.StopAll())
			// Shutdown, so that the one record is the child's.
			return nil, banyan.Shutdown(&StartError{t.name, spec.ID, err})
		}
	}
	return s, nil
}

// now is the time as the window wants it.
func (s *Server) now() time.Duration { return time.Since(s.began) }

func (s *Server) dynamic() bool { return s.core.Options().Strategy == restart.Dynamic }

// add starts a new child and puts it at the end of the list. If it does not start it is not added.
func (s *Server) add(self *banyan.Self, spec Spec) (*child, banyan.PID, error) {
	if err := spec.validate(s.dynamic()); err != nil {
		return nil, banyan.PID{}, err
	}
	if old := s.byID[spec.ID]; old != nil && !s.dynamic() {
		return nil, old.pid, fmt.Errorf("child %q: %w", spec.ID, ErrExists)
	}
	c := &child{spec: spec}
	c.opts = []banyan.SpawnOption{banyan.Linked(), banyan.OnCrash(func(r banyan.CrashReport) { c.report.Store(&r) })}
	if err := s.core.Add(c, spec.rules()); err != nil {
		return nil, banyan.PID{}, fmt.Errorf("child %q: %w", spec.ID, errors.Unwrap(err))
	}
	if !s.dynamic() {
		s.byID[spec.ID] = c
	}
	err := s.start(self, c)
	if err != nil {
		if !s.core.Terminated(c) {
			_ = s.core.Delete(c)
		}
		s.forget(c)
		s.logStart(c, err, "not started")
		return nil, banyan.PID{}, err
	}
	return c, c.pid, nil
}

// start starts a child and tells the core, except of a failure.
func (s *Server) start(self *banyan.Self, c *child) error {
	pid, err := c.launch(self)
	if errors.Is(err, ErrIgnore) || err == nil && pid.IsZero() {
		c.report.Store(nil)
		if s.core.Ignored(c) {
			s.forget(c)
		}
		return nil
	}
	if err != nil {
		return err
	}
	// Start functions that did not hand on the options, and foreign processes. Linking twice is linking once.
	if err := self.Link(pid); err != nil {
		return err
	}
	c.pid = pid
	c.rest, c.waiting = nil, time.Time{}
	s.byPID[pid] = c
	s.core.Started(c)
	return nil
}

// launch calls the start function. A panic in it is the child's failure and not the supervisor's.
func (c *child) launch(self *banyan.Self) (pid banyan.PID, err error) {
	ok := false
	defer func() {
		if !ok {
			v := recover()
			err = &banyan.PanicError{Value: fmt.Sprint(v)}
		}
	}()
	pid, err = c.spec.Start(self, c.opts...)
	ok = true
	return pid, err
}

// forget drops a child that has left the list.
func (s *Server) forget(c *child) {
	if s.byID[c.spec.ID] == c {
		delete(s.byID, c.spec.ID)
	}
}

// Info is told of exits.
func (s *Server) Info(self *banyan.Self, m any) error {
	switch m := m.(type) {
	case banyan.Exit:
		if c := s.byPID[m.From]; c != nil {
			return s.exited(self, c, m.Reason)
		}
		if m.From == s.parent && !s.parent.IsZero() {
			return orNormal(m.Reason) // and Terminate stops the children
		}
		// Else a child that was stopped a moment ago, or a stranger: as in OTP nobody but the parent ends a supervisor.
	case retry:
		if m.free {
			return s.resume(self, m.c)
		}
		return s.follow(self, m.c, s.core.Retry(m.c, s.now()), nil)
	}
	return nil
}

func orNormal(reason error) error {
	if reason == nil {
		return banyan.ErrNormal
	}
	return reason
}

// Terminate stops what still runs.
func (s *Server) Terminate(self *banyan.Self, _ error) { s.stop(self, s.core.StopAll()) }

// exited: a child has ended by itself.
func (s *Server) exited(self *banyan.Self, c *child, reason error) error {
	e := &ended{c: c, pid: c.pid, reason: orNormal(reason), report: c.report.Swap(nil)}
	delete(s.byPID, c.pid)
	c.pid = banyan.PID{}
	class := restart.Normal
	if banyan.Abnormal(reason) {
		class = restart.Crash
	}
	return s.follow(self, c, s.core.Exited(c, class, s.now()), e)
}

// follow does what was decided about c. e is the end that led to it, nil if it is a retry. The error is the supervisor's
// own end.
func (s *Server) follow(self *banyan.Self, c *child, d restart.Decision[*child], e *ended) error {
	switch d.Outcome {
	case restart.Stays:
		s.logEnd(e, "not restarted: it stays in the list")
	case restart.Removed:
		s.forget(c)
		s.logEnd(e, "not restarted")
	case restart.ShutDown:
		if len(d.Drop) > 0 {
			s.forget(c)
		}
		s.logEnd(e, "not restarted: it is significant, and the supervisor ends")
		s.stop(self, d.Stop)
		return banyan.ErrShutdown
	case restart.GiveUp:
		s.logEnd(e, "not restarted: restart intensity reached")
		s.logIntensity(c, e)
		s.stop(self, d.Stop)
		return banyan.Shutdown(fmt.Errorf("supervisor %q, child %q: %w", s.name, c.spec.ID, ErrIntensity))
	case restart.Restart:
		if !s.stop(self, d.Stop) {
			return banyan.ErrKilled // as it is, so nothing is started any more
		}
		for _, o := range d.Drop {
			s.forget(o)
		}
		failed, err := s.startAll(self, d.Start)
		s.logEnd(e, s.outcome(d, failed))
		return s.failed(self, failed, err)
	}
	return nil
}

// startAll restarts children in order, up to the first that fails.
func (s *Server) startAll(self *banyan.Self, list []*child) (failed *child, err error) {
	for i, c := range list {
		c.restarts++
		if err := s.start(self, c); err != nil {
			s.core.StartFailed(c)
			c.rest = append([]*child(nil), list[i+1:]...)
			return c, err
		}
	}
	return nil, nil
}

// failed deals with a restart that failed; c is nil if none did.
func (s *Server) failed(self *banyan.Self, c *child, err error) error {
	switch {
	case c == nil:
	case errors.Is(err, banyan.ErrNodeStopped):
		return banyan.ErrShutdown // nothing can be started here any more
	default:
		s.logStart(c, err, s.again(self, c, err))
	}
	return nil
}

// again sees to it that a failed restart is tried again, and says how. By a timer, also at once: it passes the bounds of
// the mailbox.
func (s *Server) again(self *banyan.Self, c *child, err error) (outcome string) {
	if errors.Is(err, banyan.ErrNameTaken) {
		now := time.Now()
		if c.waiting.IsZero() {
			c.waiting, c.pause = now, minPause
		}
		if now.Sub(c.waiting) < nameTimeout {
			self.SendAfter(c.pause, retry{c, true})
			c.pause = min(2*c.pause, maxPause)
			return "" // nothing to tell yet
		}
	}
	c.waiting = time.Time{}
	self.SendAfter(0, retry{c, false})
	return "tried again"
}

// resume goes on with a restart that waited for a name.
func (s *Server) resume(self *banyan.Self, c *child) error {
	if st, ok := s.core.Status(c); !ok || st != restart.Restarting {
		return nil
	}
	list := []*child{c}
	for _, o := range c.rest {
		if s.core.CanStart(o) == nil {
			list = append(list, o)
		}
	}
	failed, err := s.startAll(self, list)
	return s.failed(self, failed, err)
}
