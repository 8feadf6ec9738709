// SPDX-License-Identifier: Apache-2.0

package supervisor

import (
	"errors"
	"slices"
	"time"

	"github.com/banyan-go/banyan"
)

// killTimeout is how long to wait for the end of a child that was killed. On this node that takes no time, as a process
// that does not stop is declared dead; another node may not answer.
const killTimeout = 5 * time.Second

// forever is as long as the runtime's clock allows.
const forever = 100 * 365 * 24 * time.Hour

// stop ends the children in this order, each once the one before it is gone. Dynamic children, which have no order, are
// stopped all at once. They stay linked meanwhile: should the supervisor be killed in here, they end all the same.
// It returns false, and early, if the supervisor has been killed.
func (s *Server) stop(self *banyan.Self, list []*child) (alive bool) {
	if s.dynamic() {
		return len(list) == 0 || s.halt(self, list)
	}
	for _, c := range list {
		if !s.halt(self, []*child{c}) {
			return false
		}
	}
	return true
}

// halting is one child that is being stopped.
type halting struct {
	c    *child
	pid  banyan.PID
	wait time.Duration
	late bool // it was killed after its time
}

// halt stops a group of children at once and waits for all.
func (s *Server) halt(self *banyan.Self, list []*child) (alive bool) {
	group := make([]halting, len(list))
	pids := make([]banyan.PID, len(list))
	for i, c := range list {
		group[i] = halting{c: c, pid: c.pid, wait: c.spec.patience()}
		pids[i] = c.pid
		delete(s.byPID, c.pid) // its Exit message is old news
		c.pid = banyan.PID{}
	}
	w, err := watch(self, pids) // an error is not the end of it: see watching
	if errors.Is(err, banyan.ErrKilled) {
		return false
	}
	for i := range group {
		reason := banyan.ErrShutdown
		if group[i].wait == Kill {
			reason = banyan.ErrKill
		}
		_ = banyan.SendExit(self, group[i].pid, reason)
	}
	begin := time.Now()
	for _, d := range patiences(group) {
		gone, err := w.wait(self, d-time.Since(begin))
		if errors.Is(err, banyan.ErrKilled) {
			return false
		}
		if gone {
			break
		}
		ends := w.ends(self, false)
		for i := range group {
			h := &group[i]
			if _, ended := ends[h.pid]; h.wait == d && !ended {
				h.late = true
				_ = banyan.SendExit(self, h.pid, banyan.ErrKill)
			}
		}
	}
	if _, err := w.wait(self, killTimeout); errors.Is(err, banyan.ErrKilled) {
		return false
	}
	ends := w.ends(self, true)
	for i := range group {
		s.logStop(&group[i], ends[group[i].pid])
	}
	return true
}

// patiences are the times at which the patience with some of the group ends, in order.
func patiences(group []halting) []time.Duration {
	var ds []time.Duration
	for _, h := range group {
		if h.wait != Kill && !slices.Contains(ds, h.wait) {
			ds = append(ds, h.wait)
		}
	}
	slices.Sort(ds)
	return ds
}
