// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"log/slog"

	"github.com/banyan-go/banyan"
)

// port is what this package needs of *banyan.Port. It exists so that a test can stand in for a node.
type port interface {
	Name() banyan.Atom
	Creation() uint32
	Up(peer banyan.Peer)
	Down(peer banyan.Peer, reason error)
	Deliver(peer banyan.Peer, s *banyan.Signal)
	Target(s *banyan.Signal) *banyan.Target
	SpawnArgs(s *banyan.SpawnRequest) *banyan.SpawnArgs
	PendingReply(ref banyan.Reference) (banyan.ReplyType, bool)
	Complete(rt banyan.ReplyType, value any, err error)
	Logger() *slog.Logger
}

// deliverer is where what has arrived goes: the port, or turns.
type deliverer interface {
	Deliver(peer banyan.Peer, s *banyan.Signal)
	Complete(rt banyan.ReplyType, value any, err error)
}

// turner is a port whose processes can have their turns on the reader. A test's stand-in need not be one.
type turner interface {
	NewTurns(over func()) *banyan.Turns
}

var _ turner = (*banyan.Port)(nil)
var _ port = (*banyan.Port)(nil)
