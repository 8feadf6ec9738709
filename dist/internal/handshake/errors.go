// SPDX-License-Identifier: Apache-2.0

package handshake

import "errors"

var (
	// ErrProtocol: the peer sent what the protocol does not allow at this point.
	ErrProtocol = errors.New("handshake: protocol violated")
	// ErrCookie: the peer does not know our cookie.
	ErrCookie = errors.New("handshake: wrong cookie")
	// ErrFlags: the peer lacks what this version needs.
	ErrFlags = errors.New("handshake: the peer is too old or speaks too little")
	// ErrName: a name that is none, or another one than was dialled.
	ErrName = errors.New("handshake: wrong node name")
	// ErrRefused: the acceptor said not_allowed.
	ErrRefused = errors.New("handshake: refused by the peer")
	// ErrReflected: the peer challenged us with our own challenge.
	ErrReflected = errors.New("handshake: our own challenge came back")
	// ErrClosed: the peer closed the connection before the handshake ended.
	ErrClosed = errors.New("handshake: closed by the peer")
)
