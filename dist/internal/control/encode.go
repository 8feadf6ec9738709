// SPDX-License-Identifier: Apache-2.0

package control

import (
	"errors"
	"fmt"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// ErrSignal: a signal that lacks what its operation needs.
var ErrSignal = errors.New("dist: not a signal that can be sent")

// Encode writes the control message of s and says what payload must follow. nobody is a pid of this node, which stands in
// where the format wants a sender and s has none.
func Encode(e *etf.Encoder, nobody banyan.PID, s *banyan.Signal) (Payload, error) {
	from := s.From
	if from.IsZero() {
		from = nobody
	}
	switch s.Op {
	case banyan.OpSend:
		if s.To.IsZero() {
			return 0, fmt.Errorf("%w: a message to nobody", ErrSignal)
		}
		if s.From.IsZero() { // from no process: the older form, which names none
			head(e, 3, opSend)
			e.Atom("")
		} else {
			head(e, 3, opSendSender)
			e.PID(s.From)
		}
		e.PID(s.To)
		return Body, e.Err()
	case banyan.OpSendName:
		head(e, 4, opRegSend)
		e.PID(from)
		e.Atom("")
		e.Atom(s.Name)
		return Body, e.Err()
	case banyan.OpSendAlias:
		head(e, 3, opAliasSend)
		e.PID(from)
		e.Ref(s.Ref)
		return Body, e.Err()
	case banyan.OpLink:
		pair(e, opLink, s)
		return NoPayload, e.Err()
	case banyan.OpExit:
		pair(e, opPayloadExit, s)
		return Reason, e.Err()
	case banyan.OpExit2:
		pair(e, opPayloadExit2, s)
		return Reason, e.Err()
	case banyan.OpGroupLeader:
		pair(e, opGroupLeader, s)
		return NoPayload, e.Err()
	case banyan.OpUnlink:
		return NoPayload, unlink(e, opUnlinkID, s)
	case banyan.OpUnlinkAck:
		return NoPayload, unlink(e, opUnlinkIDAck, s)
	case banyan.OpMonitor:
		watch(e, opMonitorP, s)
		return NoPayload, e.Err()
	case banyan.OpDemonitor:
		watch(e, opDemonitorP, s)
		return NoPayload, e.Err()
	case banyan.OpDown:
		head(e, 4, opPayloadMonitorPExit)
		pidOrName(e, s.From, s.Name)
		e.PID(s.To)
		e.Ref(s.Ref)
		return Reason, e.Err()
	case banyan.OpSpawn:
		return Args, spawn(e, s)
	case banyan.OpSpawnReply:
		spawnReply(e, s)
		return NoPayload, e.Err()
	}
	return 0, fmt.Errorf("%w: operation %d", ErrSignal, s.Op)
}

func head(e *etf.Encoder, arity int, op int64) {
	e.Tuple(arity)
	e.Int(op)
}

// pair writes {Op, From, To}.
func pair(e *etf.Encoder, op int64, s *banyan.Signal) {
	head(e, 3, op)
	e.PID(s.From)
	e.PID(s.To)
}

// unlink writes {Op, ID, From, To}.
func unlink(e *etf.Encoder, op int64, s *banyan.Signal) error {
	if s.ID == 0 {
		return fmt.Errorf("%w: unlinking needs an id", ErrSignal)
	}
	head(e, 4, op)
	e.Uint(s.ID)
	e.PID(s.From)
	e.PID(s.To)
	return e.Err()
}

// watch writes {Op, From, ToPidOrName, Ref}.
func watch(e *etf.Encoder, op int64, s *banyan.Signal) {
	head(e, 4, op)
	e.PID(s.From)
	pidOrName(e, s.To, s.Name)
	e.Ref(s.Ref)
}

// pidOrName writes the name if there is one: a monitor by name is answered by name.
func pidOrName(e *etf.Encoder, p banyan.PID, name banyan.Atom) {
	if name != "" {
		e.Atom(name)
		return
	}
	e.PID(p)
}

// spawn writes {29, ReqId, From, GroupLeader, {M, F, Arity}, Opts}.
func spawn(e *etf.Encoder, s *banyan.Signal) error {
	req := s.Spawn
	if req == nil || len(req.Args) > 255 {
		return fmt.Errorf("%w: a spawn of nothing, or with over 255 arguments", ErrSignal)
	}
	leader := req.GroupLeader
	if leader.IsZero() {
		leader = s.From
	}
	head(e, 6, opSpawnRequest)
	e.Ref(s.Ref)
	e.PID(s.From)
	e.PID(leader)
	e.Tuple(3)
	e.Atom(req.Module)
	e.Atom(req.Function)
	e.Int(int64(len(req.Args)))
	n := 0
	for _, set := range []bool{req.Link, req.Monitor} {
		if set {
			n++
		}
	}
	if n > 0 {
		e.List(n)
	}
	if req.Link {
		e.Atom("link")
	}
	if req.Monitor {
		e.Atom("monitor")
	}
	e.Nil()
	return e.Err()
}

// spawnReply writes {31, Ref, To, Flags, PidOrAtom}.
func spawnReply(e *etf.Encoder, s *banyan.Signal) {
	var flags int64
	if s.Linked {
		flags |= spawnLinked
	}
	if s.Monitored {
		flags |= spawnMonitored
	}
	head(e, 5, opSpawnReply)
	e.Ref(s.Ref)
	e.PID(s.To)
	e.Int(flags)
	pidOrName(e, s.From, s.Err)
}
