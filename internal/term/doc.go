// SPDX-License-Identifier: Apache-2.0

// Package term holds the identifiers that processes and the wire share: atoms, pids, references and ports.
// The root package and etf alias them, so that neither has to import the other. All are comparable values:
// equality is Erlang's =:=, and the creation (the incarnation of the node) is part of it.
//
//	pid := term.PID{Node: "shop@host", ID: 17, Serial: 3, Creation: 4}
//
// Values are immutable and free to share.
package term
