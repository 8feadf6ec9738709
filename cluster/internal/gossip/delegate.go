// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"encoding/binary"
	"fmt"
	"net"
	"strconv"
	"sync"

	"github.com/hashicorp/memberlist"
)

// delegate is what memberlist calls.
type delegate struct {
	h         Handler
	reports   *memberlist.TransmitLimitedQueue
	lastWords *memberlist.TransmitLimitedQueue // last reports: they go first, and more often, for they do not come again

	mu   sync.Mutex
	meta []byte // guarded by mu; never changed in place
	last bool   // guarded by mu; our last report has been given
	// lasts are the last reports of others, the newest behind. Guarded by mu; not changed in place.
	lasts [][]byte
}

// lastsKept is how many last reports are kept for those who have missed them.
const lastsKept = 64

func newDelegate(h Handler, meta []byte, nodes func() int) *delegate {
	return &delegate{h: h, meta: meta, reports: &memberlist.TransmitLimitedQueue{NumNodes: nodes, RetransmitMult: 3},
		lastWords: &memberlist.TransmitLimitedQueue{NumNodes: nodes, RetransmitMult: 8}}
}

func (d *delegate) set(meta []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.meta = meta
}

// NodeMeta is what we say of ourselves.
func (d *delegate) NodeMeta(int) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.meta
}

// report is a report on its way; a newer one of the same node takes its place.
type report struct {
	of string
	b  []byte
}

func (r report) Invalidates(memberlist.Broadcast) bool { return false }
func (r report) Name() string                          { return r.of }
func (r report) Message() []byte                       { return r.b }
func (r report) Finished()                             {}

func (d *delegate) queue(of string, b []byte) { d.reports.QueueBroadcast(report{of, b}) }

// report tells one of our own.
func (d *delegate) report(b []byte, last bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	of, ok := reportOf(b)
	if !ok || d.last {
		return
	}
	if d.last = last; last {
		d.lastWords.QueueBroadcast(report{of, b})
		return
	}
	d.queue(of, b)
}

// reportOf is the name that a report begins with, so that those who pass it on know which one it replaces.
func reportOf(b []byte) (of string, ok bool) {
	if len(b) == 0 || len(b) < 1+int(b[0]) {
		return "", false
	}
	return string(b[1 : 1+int(b[0])]), true
}

// NotifyMsg is a report of another node, or after a zero a whisper.
func (d *delegate) NotifyMsg(b []byte) {
	if len(b) > 0 && b[0] == 0 {
		d.h.Whisper(append([]byte(nil), b[1:]...))
		return
	}
	of, ok := reportOf(b)
	if !ok {
		return
	}
	b = append([]byte(nil), b...) // memberlist uses the buffer again
	switch d.h.Report(b) {
	case New:
		d.queue(of, b)
	case Last:
		d.lastWords.QueueBroadcast(report{of, b})
		d.keep(b)
	}
}

// keep notes a last report. Gossip reaches nearly all nodes of a large cluster, and not all: where many reports are on their way, one is sent less often.
func (d *delegate) keep(b []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lasts = append(d.lasts[max(0, len(d.lasts)-lastsKept+1):], b)
}

// GetBroadcasts fills up packets with reports.
func (d *delegate) GetBroadcasts(overhead, limit int) [][]byte {
	list := d.lastWords.GetBroadcasts(overhead, limit)
	for _, b := range list {
		limit -= overhead + len(b)
	}
	return append(list, d.reports.GetBroadcasts(overhead, limit)...)
}

// LocalState is what is exchanged beside what each node says of itself: the last reports, each behind its length.
func (d *delegate) LocalState(bool) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []byte
	for _, b := range d.lasts {
		all = append(binary.AppendUvarint(all, uint64(len(b))), b...)
	}
	return all
}

// MergeRemoteState takes LocalState of another one. What is damaged ends it.
func (d *delegate) MergeRemoteState(all []byte, _ bool) {
	for n := 0; len(all) > 0 && n < lastsKept; n++ {
		size, head := binary.Uvarint(all)
		if head <= 0 || size > uint64(len(all)-head) {
			return
		}
		b := all[head : head+int(size)]
		all = all[head+int(size):]
		if len(b) > 0 && b[0] != 0 { // whispers are not exchanged
			d.NotifyMsg(b)
		}
	}
}

// NotifyAlive lets in only what is understood.
func (d *delegate) NotifyAlive(n *memberlist.Node) error {
	id, ok := parseID(n.Name)
	if !ok {
		return fmt.Errorf("%q is not name#instance", n.Name)
	}
	return d.h.Check(id, n.Meta)
}

func (d *delegate) alive(n *memberlist.Node) {
	if id, ok := parseID(n.Name); ok {
		d.h.Alive(id, net.JoinHostPort(n.Addr.String(), strconv.Itoa(int(n.Port))), append([]byte(nil), n.Meta...))
	}
}

// NotifyJoin is for ourselves too.
func (d *delegate) NotifyJoin(n *memberlist.Node) { d.alive(n) }

// NotifyUpdate is for ourselves too.
func (d *delegate) NotifyUpdate(n *memberlist.Node) { d.alive(n) }

// NotifyLeave is for both who is given up and who has left.
func (d *delegate) NotifyLeave(n *memberlist.Node) {
	if id, ok := parseID(n.Name); ok {
		d.h.Silent(id)
	}
}
