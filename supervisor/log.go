// SPDX-License-Identifier: Apache-2.0

package supervisor

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/internal/restart"
)

// The supervisor writes the record of a crash, because only it knows what became of it: the runtime hands its report
// over by OnCrash and stays silent. There is no report of processes on other nodes and of those that were killed.

// ended is the end of a child.
type ended struct {
	c      *child
	pid    banyan.PID
	reason error
	report *banyan.CrashReport
}

// outcome says in words what came of a restart.
func (s *Server) outcome(d restart.Decision[*child], failed *child) string {
	switch {
	case failed != nil:
		return fmt.Sprintf("restart failed at child %q", failed.spec.ID)
	case len(d.Start) > 1:
		return fmt.Sprintf("restarted, with %d others", len(d.Start)-1)
	}
	return "restarted"
}

// logEnd writes the one record of a crash. An orderly end is no crash.
func (s *Server) logEnd(e *ended, outcome string) {
	if e == nil || !banyan.Abnormal(e.reason) {
		return
	}
	r := e.report
	if r == nil || r.PID != e.pid {
		r = &banyan.CrashReport{PID: e.pid, Kind: e.c.spec.Kind.String(), Reason: e.reason}
	}
	r.Log(s.logger(e.c), outcome)
}

// logStart writes the one record of a failed start.
func (s *Server) logStart(c *child, err error, outcome string) {
	r := c.report.Swap(nil)
	if outcome == "" || !failure(err) {
		return
	}
	if r == nil || !r.Start {
		r = &banyan.CrashReport{Kind: c.spec.Kind.String(), Reason: err, Start: true}
	}
	r.Log(s.logger(c), outcome)
}

// logger names the supervisor and the child in each record.
func (s *Server) logger(c *child) *slog.Logger {
	if c.log == nil {
		c.log = s.log.With("child", c.spec.ID)
	}
	return c.log
}

// failure reports whether a start error is to be logged: not that of a supervisor whose own child did not start, which was.
func failure(err error) bool {
	var nested *StartError
	return !errors.As(err, &nested)
}

func (s *Server) logIntensity(c *child, e *ended) {
	o := s.core.Options()
	reason := "its restart failed"
	if e != nil {
		reason = e.reason.Error()
	}
	s.log.Error("restart intensity reached", "child", c.spec.ID, "restarts", o.Intensity, "period", o.Period,
		"reason", reason, "outcome", "the supervisor ends")
}

// logStop writes a record about a child that did not stop as it should. reason is nil if it is not known to have ended.
func (s *Server) logStop(h *halting, reason error) {
	c := h.c
	report := c.report.Swap(nil)
	switch {
	case reason == nil:
		s.log.Error("child cannot be stopped", "child", c.spec.ID, "pid", h.pid.String(),
			"outcome", "left behind: it was killed, and its end is not known")
	case h.late:
		s.log.Error("child killed", "child", c.spec.ID, "pid", h.pid.String(),
			"reason", fmt.Sprintf("it did not stop within %s", h.wait), "outcome", "stopped")
	case banyan.Abnormal(reason) && !errors.Is(reason, banyan.ErrKilled) && !errors.Is(reason, banyan.ErrNoProcess):
		s.logEnd(&ended{c, h.pid, reason, report}, "it was being stopped")
	}
}
