// SPDX-License-Identifier: Apache-2.0

package banyan

import "time"

// Load is how busy a server is, as it says itself with a reply: see Trial.End. Only routed calls are asked for it, on this node
// and between Banyan nodes.
type Load struct {
	Known   bool          // the server said something; the rest is zero otherwise
	Backlog int           // messages that wait in its mailbox
	Service time.Duration // how long a routed call keeps it busy, on average of late; 0 if it does not know yet
}

const (
	serviceSamples = 16                           // what the average forgets: each sample counts for one of so many
	quickService   = int64(20 * time.Microsecond) // the clock is not read for each call that takes less
	quickEach      = 16                           // but for one of so many
)

// measure reads the clock before a call that is to tell the load, but not before each of many quick ones: 0 then. For the
// process's own turn.
func (p *Self) measure() int64 {
	if p.unmeasured > 0 {
		p.unmeasured--
		return 0
	}
	return max(p.node.sched.Exact(), 1)
}

// told is what the process says of itself after a call that began then; 0: it was not measured. For the process's own turn.
func (p *Self) told(began int64) Load {
	took := int64(0)
	if began != 0 {
		took = max(p.node.sched.Exact()-began, 1)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.related()
	if took != 0 {
		if r.service == 0 {
			r.service = float64(took)
		}
		r.service += (float64(took) - r.service) / serviceSamples
		if int64(r.service) < quickService && took < quickService {
			p.unmeasured = quickEach - 1
		}
	}
	n := p.queueLen()
	if b := p.inner; b != nil { // those of the batch that are handled do not wait
		n += len(b.env) - b.pos - int(p.batch.Load())
	}
	return Load{Known: true, Backlog: n, Service: time.Duration(r.service)}
}

// toldLater is told from any goroutine, of a reply that was deferred.
func (p *Self) toldLater() Load {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := Load{Known: true, Backlog: p.queueLen()}
	if p.ext != nil {
		l.Service = time.Duration(p.ext.service)
	}
	return l
}
