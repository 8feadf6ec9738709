// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"encoding/binary"
	"sync"

	pb "go.etcd.io/raft/v3/raftpb"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/db/internal/host"
	"github.com/banyan-go/banyan/supervisor"
)

// The registered names of a node's part in the database.
const (
	frameDoor = "banyan_db_frames"
	askDoor   = "banyan_db"
)

func init() {
	banyan.RegisterCast[frameNote]("banyan_db_frame")
	banyan.RegisterCast[frameNudge]("banyan_db_nudge")
}

// carrier brings the frames of the raft host to other nodes, over the links that the nodes have. A frame is dropped when there is no link or no room
// in it, or when too many wait: raft sends again.
//
// Each node has two senders, processes of its own, because what one process sends keeps its order on a link: entries and snapshots of
// some hundred kilobytes wait for each other, and what must be on time (beats, votes, acknowledgements) passes them.
type carrier struct {
	beats, entries *sender
}

// Send implements host.Transport, for the host on the disk.
func (c *carrier) Send(f *host.Frame) { c.send(f, isFrame) }

// ramCarrier is the carrier for the host in memory.
type ramCarrier struct{ *carrier }

// Send implements host.Transport.
func (c ramCarrier) Send(f *host.Frame) { c.send(f, isRAMFrame) }

func (c *carrier) send(f *host.Frame, kind byte) {
	light, heavy := split(f)
	if light != nil {
		c.beats.put(parcel{to: f.To, kind: kind, frame: light})
	}
	if heavy != nil {
		c.entries.put(parcel{to: f.To, kind: kind, frame: heavy})
	}
}

// split parts a frame into what is small and urgent, and what is neither. All appends go one way, however small: one that overtakes
// another is refused. A frame without messages is a beat.
func split(f *host.Frame) (light, heavy *host.Frame) {
	n := 0
	for i := range f.Messages {
		if isHeavy(&f.Messages[i]) {
			n++
		}
	}
	switch n {
	case 0:
		return f, nil
	case len(f.Messages):
		return nil, f
	}
	a, b := *f, *f
	a.Messages, b.Messages = make([]host.Message, 0, len(f.Messages)-n), make([]host.Message, 0, n)
	for _, m := range f.Messages {
		if isHeavy(&m) {
			b.Messages = append(b.Messages, m)
		} else {
			a.Messages = append(a.Messages, m)
		}
	}
	return &a, &b
}

func isHeavy(m *host.Message) bool {
	return m.Kind == host.KindChunk || m.Kind == host.KindRaft && m.Raft.GetType() == pb.MsgApp
}

// parcel is a frame, or a whisper, on its way to a node.
type parcel struct {
	to      uint64
	kind    byte
	frame   *host.Frame
	whisper []byte
}

// sender is a queue and the process that encodes and sends what is in it. It never waits for a link.
type sender struct {
	m     *member
	name  banyan.Atom // of the process
	limit int         // parcels that may wait

	mu    sync.Mutex
	queue []parcel // Invariant: if there is a parcel in it, a nudge is on its way to the process, or the process is about to look
}

// sending is the process's own.
type sending struct {
	*sender
	buf []byte
}

// spec is the process. One that starts again begins with nothing: raft sends again.
func (s *sender) spec() supervisor.Spec {
	return supervisor.Worker(string(s.name), func(context.Context, *banyan.Self) (*sending, error) {
		s.drop()
		return &sending{sender: s}, nil
	}, supervisor.With(banyan.Name(s.name)))
}

func (s *sender) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue = nil
}

// put queues a parcel, or drops it. It never waits: it is called by the host's core.
func (s *sender) put(p parcel) {
	s.mu.Lock()
	n := len(s.queue)
	if n < s.limit {
		s.queue = append(s.queue, p)
	}
	s.mu.Unlock()
	if n == 0 && banyan.Cast(s.m.ctx, banyan.At[*sending](s.name, s.m.node.Name()), frameNudge{}) != nil {
		s.drop() // the process is being started again, or ends with the database
	}
}

// frameNudge tells a sender that parcels wait. There is one in its mailbox at most.
type frameNudge struct{}

// Cast sends what waits.
func (frameNudge) Cast(s *sending, self *banyan.Self) error {
	s.mu.Lock()
	parcels := s.queue
	s.queue = nil
	s.mu.Unlock()
	for _, p := range joined(parcels) {
		name := s.m.peers.name(p.to)
		if name == "" {
			continue
		}
		s.buf = append(appendEnvelope(s.buf[:0], p.kind, s.m.cluster, s.m.node.Name()), p.whisper...)
		if p.frame != nil {
			var err error
			if s.buf, err = p.frame.Append(s.buf); err != nil {
				return err // numbers and bytes: it cannot fail
			}
		}
		_ = banyan.Cast(banyan.NoWait(self), banyan.At[*door](frameDoor, name), frameNote{s.buf}) // dropped: raft sends again
	}
	if cap(s.buf) > 1<<20 {
		s.buf = nil
	}
	return nil
}

// joinBytes is how long a frame may become by joining others to it, about.
const joinBytes = 64 << 10

// joined makes one frame of those that wait for the same node, as far as they are short: each costs its way over the link. The order of what goes to a node is kept.
func joined(parcels []parcel) []parcel {
	if len(parcels) < 2 {
		return parcels
	}
	type way struct {
		to   uint64
		kind byte
	}
	type end struct{ at, bytes int }
	last := map[way]end{}
	list := parcels[:0]
	for _, p := range parcels {
		w := way{p.to, p.kind}
		size := 0
		if p.frame != nil {
			size = frameBytes(p.frame)
			if e, ok := last[w]; ok && e.bytes+size <= joinBytes {
				into := list[e.at].frame
				into.Messages = append(into.Messages, p.frame.Messages...)
				last[w] = end{e.at, e.bytes + size}
				continue
			}
			last[w] = end{len(list), size}
		}
		list = append(list, p)
	}
	return list
}

// frameBytes is about how long a frame will be.
func frameBytes(f *host.Frame) (n int) {
	for i := range f.Messages {
		m := &f.Messages[i]
		n += 64 + len(m.Data)
		for _, e := range m.Raft.GetEntries() {
			n += 32 + len(e.GetData())
		}
	}
	return n
}

// An envelope says what is in it and whose it is: kind(1), the cluster(8), the length(1) of the sender's name, and the name.
const (
	isFrame = iota + 1
	isWhisper
	isRAMFrame // of the host in memory
)

func appendEnvelope(b []byte, kind byte, cluster uint64, name banyan.Atom) []byte {
	b = binary.BigEndian.AppendUint64(append(b, kind), cluster)
	b = append(b, byte(len(name)))
	return append(b, name...)
}

func cutEnvelope(b []byte) (kind byte, cluster uint64, name banyan.Atom, rest []byte, ok bool) {
	if len(b) < 10 || len(b) < 10+int(b[9]) {
		return 0, 0, "", nil, false
	}
	end := 10 + int(b[9])
	return b[0], binary.BigEndian.Uint64(b[1:]), banyan.Atom(b[10:end]), b[end:], true
}

// door takes frames in: a process under a name that all nodes know.
type door struct{ m *member }

// frameNote is a frame or a whisper, in its envelope.
type frameNote struct{ Data []byte }

// Cast hands the frame to the host. One that is not for this database, or is no frame, costs nothing but itself.
func (m frameNote) Cast(g *door, _ *banyan.Self) error {
	in := g.m
	kind, cluster, name, rest, ok := cutEnvelope(m.Data)
	if !ok {
		in.badFrames.Add(1)
		return nil
	}
	if cluster != in.cluster {
		in.stranger(name, cluster)
		return nil
	}
	e := &in.db.engine
	switch kind {
	case isFrame:
	case isRAMFrame:
		e = &in.db.ram
	case isWhisper:
		in.hear(name, rest)
		return nil
	default:
		in.badFrames.Add(1)
		return nil
	}
	f, err := host.Decode(rest)
	if err != nil || f.From == 0 || f.From == in.number || f.To != in.number {
		in.badFrames.Add(1)
		return nil
	}
	in.peers.learn(f.From, name)
	e.host.Do(func(c *host.Core) { c.Receive(f) })
	return nil
}
