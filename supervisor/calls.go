// SPDX-License-Identifier: Apache-2.0

package supervisor

import (
	"context"
	"fmt"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/internal/restart"
)

// StartChild adds a child at the end of the list and starts it; it returns when the child is ready. A child that does not
// start is not added. ErrExists: there is one with this id, running or not (never under a Dynamic supervisor). The zero
// PID without an error means that the child chose not to run (ErrIgnore).
func StartChild(ctx context.Context, to banyan.Dest[*Server], s Spec, opts ...banyan.CallOption) (banyan.PID, error) {
	return banyan.Call(ctx, to, startChild{s}, opts...)
}

// TerminateChild stops a child, or calls off the tries to restart it. It stays in the list, stopped, unless it is
// temporary. A supervisor restarts it only with its group. Children of a Dynamic one are stopped by TerminatePID.
//
// It takes as long as the child: mind the call's time-out, after which the child is stopped all the same.
func TerminateChild(ctx context.Context, to banyan.Dest[*Server], id string, opts ...banyan.CallOption) error {
	_, err := banyan.Call(ctx, to, terminateChild{id}, opts...)
	return err
}

// TerminatePID is TerminateChild for a child known by its pid.
func TerminatePID(ctx context.Context, to banyan.Dest[*Server], pid banyan.PID, opts ...banyan.CallOption) error {
	_, err := banyan.Call(ctx, to, terminatePID{pid}, opts...)
	return err
}

// RestartChild starts a child that is in the list and stopped. ErrRunning and ErrRestarting: it is not. If it does not
// start it stays stopped.
func RestartChild(ctx context.Context, to banyan.Dest[*Server], id string, opts ...banyan.CallOption) (banyan.PID, error) {
	return banyan.Call(ctx, to, restartChild{id}, opts...)
}

// DeleteChild takes a stopped child out of the list.
func DeleteChild(ctx context.Context, to banyan.Dest[*Server], id string, opts ...banyan.CallOption) error {
	_, err := banyan.Call(ctx, to, deleteChild{id}, opts...)
	return err
}

// Which lists the children in order: OTP's which_children.
func Which(ctx context.Context, to banyan.Dest[*Server], opts ...banyan.CallOption) ([]ChildInfo, error) {
	return banyan.Call(ctx, to, whichChildren{}, opts...)
}

// Count counts the children: OTP's count_children.
func Count(ctx context.Context, to banyan.Dest[*Server], opts ...banyan.CallOption) (Counts, error) {
	return banyan.Call(ctx, to, countChildren{}, opts...)
}

// Stop stops all children in reverse order and then the supervisor, which ends with the reason (nil is normal). Like
// TerminateChild it takes as long as that takes.
func Stop(ctx context.Context, to banyan.Dest[*Server], reason error, opts ...banyan.CallOption) error {
	_, err := banyan.Call(ctx, to, stop{reason}, opts...)
	return err
}

// ChildInfo is what Which tells of one child.
type ChildInfo struct {
	ID          string
	PID         banyan.PID // zero unless it runs
	Kind        Kind
	Restart     Restart
	Significant bool
	Restarting  bool   // its restart failed and is being tried again
	Restarts    uint64 // how often it was restarted, tries included
}

// Running reports whether the child runs.
func (c ChildInfo) Running() bool { return !c.PID.IsZero() }

// Counts is what Count tells.
type Counts struct {
	Specs       int // children in the list
	Active      int // those that run
	Supervisors int // those in the list that are supervisors
	Workers     int // and workers
	Restarts    int // restarts in the current period, at most the intensity
}

type (
	startChild     struct{ Spec Spec }
	terminateChild struct{ ID string }
	terminatePID   struct{ PID banyan.PID }
	restartChild   struct{ ID string }
	deleteChild    struct{ ID string }
	whichChildren  struct{}
	countChildren  struct{}
	stop           struct{ Reason error }
)

func (m startChild) Call(s *Server, self *banyan.Self) (banyan.PID, error) {
	_, pid, err := s.add(self, m.Spec)
	return pid, err
}

func (m terminateChild) Call(s *Server, self *banyan.Self) (banyan.Atom, error) {
	c, err := s.find(m.ID)
	if err != nil {
		return "", err
	}
	s.terminate(self, c)
	return done, nil
}

func (m terminatePID) Call(s *Server, self *banyan.Self) (banyan.Atom, error) {
	c := s.byPID[m.PID]
	if c == nil {
		return "", fmt.Errorf("child %s: %w", m.PID, ErrNotFound)
	}
	s.terminate(self, c)
	return done, nil
}

func (m restartChild) Call(s *Server, self *banyan.Self) (banyan.PID, error) {
	c, err := s.find(m.ID)
	if err != nil {
		return banyan.PID{}, err
	}
	if err := s.core.CanStart(c); err != nil {
		return banyan.PID{}, fmt.Errorf("child %q: %w", m.ID, err)
	}
	if err := s.start(self, c); err != nil {
		s.logStart(c, err, "not started")
		return banyan.PID{}, err
	}
	return c.pid, nil
}

func (m deleteChild) Call(s *Server, _ *banyan.Self) (banyan.Atom, error) {
	c, err := s.find(m.ID)
	if err != nil {
		return "", err
	}
	if err := s.core.Delete(c); err != nil {
		return "", fmt.Errorf("child %q: %w", m.ID, err)
	}
	s.forget(c)
	return done, nil
}

func (whichChildren) Call(s *Server, _ *banyan.Self) ([]ChildInfo, error) {
	list := make([]ChildInfo, 0, s.core.Len())
	for c, st := range s.core.All() {
		list = append(list, ChildInfo{
			ID: c.spec.ID, PID: c.pid, Kind: c.spec.Kind, Restart: c.spec.Restart, Significant: c.spec.Significant,
			Restarting: st == restart.Restarting, Restarts: c.restarts,
		})
	}
	return list, nil
}

func (countChildren) Call(s *Server, _ *banyan.Self) (Counts, error) {
	n := Counts{Specs: s.core.Len(), Active: s.core.Running(), Restarts: s.core.Restarts(s.now())}
	for c := range s.core.All() {
		if c.spec.Kind == KindSupervisor {
			n.Supervisors++
		} else {
			n.Workers++
		}
	}
	return n, nil
}

func (m stop) Call(s *Server, self *banyan.Self) (banyan.Atom, error) {
	s.stop(self, s.core.StopAll())
	self.Stop(m.Reason)
	return done, nil
}

func (s *Server) find(id string) (*child, error) {
	if c := s.byID[id]; c != nil {
		return c, nil
	}
	if s.dynamic() {
		return nil, fmt.Errorf("child %q: %w: children of a dynamic supervisor are known by their pid", id, ErrNotFound)
	}
	return nil, fmt.Errorf("child %q: %w", id, ErrNotFound)
}

// terminate stops a child, or the tries to restart it.
func (s *Server) terminate(self *banyan.Self, c *child) {
	running := !c.pid.IsZero()
	if s.core.Terminated(c) {
		s.forget(c)
	}
	if running {
		s.stop(self, []*child{c})
	}
	c.rest, c.waiting = nil, time.Time{}
}
