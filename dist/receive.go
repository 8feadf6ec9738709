// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"fmt"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist/internal/control"
	"github.com/banyan-go/banyan/dist/internal/frame"
	"github.com/banyan-go/banyan/dist/internal/handshake"
	"github.com/banyan-go/banyan/etf"
)

// receiver turns the frames of one link into signals. It belongs to the link's reader and reuses all it holds. An error of
// any of its methods means that the link cannot be kept.
type receiver struct {
	l      *link
	port   port
	to     deliverer // the port, or turns
	ends   control.Ends
	in     frame.InCache
	pieces *frame.Assembler
	atoms  []etf.Atom
	dec    etf.Decoder
	msg    control.Message
	again  control.Again
	types  lastType

	untyped any // where one is read into; empty between
}

// maxUnfinished is how many messages of one peer may be in pieces at a time.
const maxUnfinished = 4096

func newReceiver(l *link) *receiver {
	r := &receiver{l: l, port: l.t.port, to: l.t.port, ends: control.Ends{Local: l.t.name, Peer: l.peer}}
	r.pieces = frame.NewAssembler(frame.Limits{MaxMessage: l.t.cfg.MaxMessage + frameOverhead,
		MaxTotal: 2*l.t.cfg.MaxMessage + frameOverhead, MaxSequences: maxUnfinished})
	r.dec.Env = l.t.port
	if n, ok := l.t.port.(interface{ Node() *banyan.Node }); ok {
		r.dec.Env = n.Node()
	}
	return r
}

// frame handles one frame.
func (r *receiver) frame(body []byte) error {
	kind, seq, id, rest, err := frame.Parse(body)
	if err != nil {
		return err
	}
	if kind != frame.Tick && (kind == frame.Plain) != r.l.plain {
		return fmt.Errorf("%w: a frame of a form that was not agreed", frame.ErrProtocol)
	}
	if (kind == frame.First || kind == frame.Next) && !r.fragments() {
		return fmt.Errorf("%w: a fragment, which was not agreed", frame.ErrProtocol)
	}
	var whole *frame.Message
	switch kind {
	case frame.Tick:
		r.l.sawTick()
		return nil
	case frame.Plain:
		return r.message(nil, rest)
	case frame.Next:
		whole, err = r.pieces.Next(seq, id, rest)
	default:
		var n int
		if r.atoms, n, err = r.in.ParseHeader(rest, r.atoms); err != nil {
			return err
		}
		if kind == frame.Whole {
			return r.message(r.atoms, rest[n:])
		}
		whole, err = r.pieces.First(seq, id, r.atoms, rest[n:])
	}
	if err != nil || whole == nil {
		return err
	}
	return r.assembled(whole)
}

// fragments reports whether they were agreed.
func (r *receiver) fragments() bool { return !r.l.plain && r.l.flags.Has(handshake.Fragments) }

// assembled handles a message that came in pieces. Its buffer is given away to the binary that most of it is, if there is one:
// whoever sends large messages is spared a copy of each. One that is much too large for the message is not.
func (r *receiver) assembled(m *frame.Message) error {
	r.dec.Owned, r.dec.Lent = cap(m.Data)-len(m.Data) <= len(m.Data)/4, false
	err := r.message(m.Atoms, m.Data)
	r.dec.Owned = false
	if !r.dec.Lent {
		r.pieces.Recycle(m)
	}
	return err
}

// message handles a control term and its payload.
func (r *receiver) message(atoms []etf.Atom, data []byte) error {
	d, m := &r.dec, &r.msg
	d.Reset(data, atoms, r.l.t.cfg.Limits)
	if err := r.version(); err != nil {
		return err
	}
	if err := r.again.Decode(d, r.ends, atoms, m); err != nil {
		return err
	}
	r.l.t.stats.received.Add(1)
	s, deliver := &m.Signal, true
	if m.Payload != control.NoPayload {
		if err := r.version(); err != nil {
			return err
		}
	}
	var err error
	switch m.Payload {
	case control.NoPayload:
		if m.HasReason {
			s.Reason = termReason(m.Reason)
		}
	case control.Reason:
		var t any
		if t, err = d.Term(); err == nil {
			s.Reason = termReason(t)
		}
	case control.Args:
		deliver, err = r.args(m)
	case control.Body:
		deliver, err = r.body(s)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", frame.ErrProtocol, err)
	}
	if n := d.Len(); n != 0 {
		return fmt.Errorf("%w: %d bytes behind a message", frame.ErrProtocol, n)
	}
	if s.Name == netKernel && (s.Op == banyan.OpMonitor || s.Op == banyan.OpDemonitor) {
		return nil // it is alive for as long as the link is, and the end of that the peer sees by itself
	}
	if deliver {
		r.to.Deliver(r.l, s)
	}
	return nil
}

// version reads what is before each term where they stand alone.
func (r *receiver) version() error {
	if !r.l.plain {
		return nil
	}
	if err := r.dec.Version(); err != nil {
		return fmt.Errorf("%w: %w", frame.ErrProtocol, err)
	}
	return nil
}

// args reads the arguments of a spawn request. An option that nobody knows is answered here.
func (r *receiver) args(m *control.Message) (deliver bool, err error) {
	t, err := r.dec.Term()
	if err != nil {
		return false, err
	}
	args, ok := t.(etf.List)
	if !ok || len(args) != m.Arity {
		return false, fmt.Errorf("arguments that are no list of %d", m.Arity)
	}
	s := &m.Signal
	if m.BadOption {
		r.l.send(&banyan.Signal{Op: banyan.OpSpawnReply, Ref: s.Ref, To: s.From, Err: "badopt"}, false)
		return false, nil
	}
	s.Spawn.Args = args
	if at := r.port.SpawnArgs(s.Spawn); at != nil {
		r.typedArgs(s.Spawn, at)
	}
	return true, nil
}

// typedArgs gives the arguments of a constructor their Go types.
func (r *receiver) typedArgs(req *banyan.SpawnRequest, at *banyan.SpawnArgs) {
	v, into := at.New()
	for i, p := range into {
		if err := etf.FromTerm(req.Args[i], p, r.dec.Env); err != nil {
			req.Bad = at.Bad(req.Function, i, err)
			return
		}
	}
	req.Value = v
}
