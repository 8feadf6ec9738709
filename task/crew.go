// SPDX-License-Identifier: Apache-2.0

package task

import (
	"sync"

	"github.com/banyan-go/banyan"
)

// crew is the process between a stream's consumer and its tasks: it starts them, is linked with them and hears of their
// ends, and takes them with it when it ends. It is linked with the consumer if that is a process.
type crew struct {
	cfg  streamConfig
	jobs map[banyan.PID]*hand
	// waiting is a consumer that waits for the end of any task.
	waiting *banyan.Later[struct{}]

	mu    sync.Mutex
	ended []int // numbers of items whose tasks have ended, not yet taken by the consumer
}

// hand is one task at work.
type hand struct {
	item  int
	w     ender
	timer *banyan.Timer
}

// ender is a work, of any type.
type ender interface{ die(reason error) }

func newCrew(c streamConfig) *crew { return &crew{cfg: c, jobs: map[banyan.PID]*hand{}} }

// take gives the consumer what has ended.
func (c *crew) take() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.ended
	c.ended = nil
	return e
}

// end notes that a task is over.
func (c *crew) end(item int) error {
	c.mu.Lock()
	c.ended = append(c.ended, item)
	c.mu.Unlock()
	if l := c.waiting; l != nil {
		c.waiting = nil
		_ = l.Reply(struct{}{}) // the consumer may have gone
	}
	return nil
}

// hire starts a task for an item.
type hire struct {
	item  int
	w     ender
	start func(self *banyan.Self, opts ...banyan.SpawnOption) (banyan.PID, error)
}

// Immutable lets it be sent: what it refers to belongs to the task.
func (hire) Immutable() {}

// Cast starts it.
func (m hire) Cast(c *crew, self *banyan.Self) error {
	pid, err := m.start(self, logged(self.Node(), "the consumer of its stream is told"))
	if err != nil {
		m.w.die(err)
		return c.end(m.item)
	}
	h := &hand{item: m.item, w: m.w}
	if c.cfg.timeout >= 0 {
		h.timer = self.SendAfter(c.cfg.timeout, late{pid})
	}
	c.jobs[pid] = h
	return nil
}

// late is the message of the timer of a task.
type late struct{ pid banyan.PID }

// Info hears of the ends of tasks, and of those that take too long.
func (c *crew) Info(self *banyan.Self, m any) error {
	switch m := m.(type) {
	case banyan.Exit:
		h := c.jobs[m.From]
		if h == nil {
			self.Stop(nil) // the stream is over
			return nil
		}
		delete(c.jobs, m.From)
		if h.timer != nil {
			h.timer.Stop()
		}
		h.w.die(m.Reason) // unless it left a result
		return c.end(h.item)
	case late:
		if h := c.jobs[m.pid]; h != nil {
			h.w.die(banyan.ErrTimeout)
			return banyan.SendExit(self, m.pid, banyan.ErrKill)
		}
	}
	return nil
}

// anyEnd waits for the end of a task that the consumer does not know of.
type anyEnd struct{}

// Call answers at once if there is one.
func (anyEnd) Call(c *crew, self *banyan.Self) (struct{}, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.ended) == 0 {
		l := banyan.Defer[struct{}](self)
		c.waiting = &l
	}
	return struct{}{}, nil
}

// Terminate ends what still runs.
func (c *crew) Terminate(self *banyan.Self, _ error) {
	pids := make([]banyan.PID, 0, len(c.jobs))
	for pid := range c.jobs {
		pids = append(pids, pid)
	}
	endAll(self, pids, 0)
}
