// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"errors"
	"fmt"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist/internal/handshake"
)

var (
	// ErrCookie: the two nodes have different cookies. Give both the same one.
	ErrCookie = handshake.ErrCookie
	// ErrRefused: the peer does not want us: it is stopping, or has a list of allowed nodes.
	ErrRefused = handshake.ErrRefused
	// ErrWrongName: another node answers where the one dialled should be. Use the name the node itself bears.
	ErrWrongName = handshake.ErrName
	// ErrTooLarge: a message is larger than Config.MaxMessage. Send it in parts.
	ErrTooLarge = errors.New("dist: message too large")
	// ErrTick: the peer was silent for longer than the tick time. It, or the network, is dead or stuck.
	ErrTick = errors.New("dist: the peer is silent (net_tick_timeout)")

	errClosed       = errors.New("dist: closed by the peer")
	errReplaced     = errors.New("dist: the peer made a new link")
	errStopped      = errors.New("dist: the transport is closed")
	errCrossed      = errors.New("dist: the peer has made another link in the meantime")
	errDisconnected = errors.New("dist: disconnected")
	errOverrun      = errors.New("dist: the peer does not read and signals that must not be lost pile up")
)

// unreachable is the error of a node that could not be connected to. errors.Is finds ErrNoConnection and the cause.
func unreachable(node banyan.Atom, cause error) error {
	return fmt.Errorf("connecting to %s: %w: %w", node, banyan.ErrNoConnection, cause)
}
