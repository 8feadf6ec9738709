// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"encoding/binary"
	"math"
	"runtime"
	"runtime/metrics"
	"time"

	"github.com/banyan-go/banyan"
)

const (
	// loadEvery is how often a node looks at its own load; it reports it when it has changed by more than an eighth.
	loadEvery = time.Second
	// loadAtLeast is how often it reports it all the same.
	loadAtLeast = 10 * time.Second
	// perMember slows both down, by one and by ten times this for each member: all of them hear each report.
	perMember = 10 * time.Millisecond
	// countable is up to how many processes their turns are counted, one by one.
	countable = 20000
)

// meter measures this node's load.
type meter struct {
	node  *banyan.Node
	names []metrics.Sample
	turns map[banyan.PID]uint64 // of each process, when it was last looked at
	at    time.Time
}

func newMeter(n *banyan.Node) *meter {
	return &meter{node: n, names: []metrics.Sample{{Name: "/sched/goroutines/runnable:goroutines"}, {Name: "/memory/classes/heap/objects:bytes"}}}
}

// read measures. Turns are those of processes that live at both ends of the interval.
func (m *meter) read(now time.Time) Load {
	metrics.Read(m.names)
	s := m.node.Stats()
	l := Load{At: now, Processors: runtime.GOMAXPROCS(0), Processes: s.Processes, Queued: s.QueuedBytes, Turns: -1}
	if v := m.names[0].Value; v.Kind() == metrics.KindUint64 {
		l.Runnable = int(v.Uint64())
	}
	if v := m.names[1].Value; v.Kind() == metrics.KindUint64 {
		l.Memory = v.Uint64()
	}
	if s.Processes > countable {
		m.turns = nil
		return l
	}
	turns := make(map[banyan.PID]uint64, s.Processes)
	did := uint64(0)
	m.node.Processes(func(p banyan.ProcessInfo) bool {
		turns[p.PID] = p.Turns
		if before, ok := m.turns[p.PID]; ok && p.Turns > before {
			did += p.Turns - before
		}
		return true
	})
	if d := now.Sub(m.at).Seconds(); m.turns != nil && d > 0 {
		l.Turns = float64(did) / d
	}
	m.turns, m.at = turns, now
	return l
}

// differs reports whether a report is worth sending.
func (l Load) differs(old Load) bool {
	far := func(a, b, least float64) bool { return math.Abs(a-b) > max(least, max(a, b)/8) }
	return far(float64(l.Runnable), float64(old.Runnable), 2) || far(float64(l.Memory), float64(old.Memory), 1<<20) ||
		far(float64(l.Queued), float64(old.Queued), 4096) || far(float64(l.Processes), float64(old.Processes), 8) || far(l.Turns, old.Turns, 50)
}

// loadLoop reports this node's load.
func (c *Cluster) loadLoop() {
	m := newMeter(c.node)
	var sent Load
	for seq, n := uint32(1), 1; c.sleep(loadEvery+time.Duration(n)*perMember, nil); {
		now := time.Now()
		l := m.read(now)
		if sent.At.IsZero() || l.differs(sent) || now.Sub(sent.At) >= loadAtLeast+10*time.Duration(n)*perMember {
			sent = l
			c.g.Report(encodeLoad(c.node.Name(), c.id.Instance, seq, l))
			seq++
		}
		c.mu.Lock()
		c.core.report(c.node.Name(), c.id.Instance, seq, l)
		n = len(c.core.names)
		c.mu.Unlock()
	}
}

// A report is: the name's length and the name, instance, number, runnable, processors, memory, processes, queued, turns; and a byte more if it is the
// instance's last.
func encodeLoad(name banyan.Atom, instance uint64, seq uint32, l Load) []byte {
	b := appendText(nil, string(name))
	b = binary.BigEndian.AppendUint64(b, instance)
	b = binary.BigEndian.AppendUint32(b, seq)
	for _, v := range []uint64{uint64(max(l.Runnable, 0)), uint64(l.Processors), l.Memory, uint64(l.Processes), uint64(max(l.Queued, 0)), uint64(l.Turns + 1)} {
		b = binary.AppendUvarint(b, v)
	}
	return b
}

// goodbye is the report of an instance that leaves. Its record says so too, but of a node the gossip passes on only the last that it has heard, which soon is
// that it is gone: who hears that first never gets the record.
func goodbye(name banyan.Atom, instance uint64) []byte {
	return append(encodeLoad(name, instance, math.MaxUint32, Load{Turns: -1}), 1)
}

func decodeLoad(b []byte, at time.Time) (name banyan.Atom, instance uint64, seq uint32, l Load, last, ok bool) {
	if len(b) < 1 || len(b) < 1+int(b[0])+12 {
		return
	}
	name = banyan.Atom(b[1 : 1+int(b[0])])
	b = b[1+int(b[0]):]
	instance, seq = binary.BigEndian.Uint64(b), binary.BigEndian.Uint32(b[8:])
	b = b[12:]
	var v [6]uint64
	for i := range v {
		n := 0
		if v[i], n = binary.Uvarint(b); n <= 0 || v[i] > math.MaxInt64 {
			return name, instance, seq, l, false, false
		}
		b = b[n:]
	}
	l = Load{At: at, Runnable: int(v[0]), Processors: int(v[1]), Memory: v[2], Processes: int(v[3]), Queued: int64(v[4]), Turns: float64(v[5]) - 1}
	return name, instance, seq, l, len(b) > 0, true
}
