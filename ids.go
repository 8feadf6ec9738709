// SPDX-License-Identifier: Apache-2.0

package banyan

import "github.com/banyan-go/banyan/internal/term"

// Atom is an Erlang atom: a constant whose value is its own name. Node names and registered names are atoms.
type Atom = term.Atom

// PID identifies one process of one incarnation of one node, for ever. It is a comparable value.
type PID = term.PID

// Reference is Erlang's reference: it identifies a monitor, an alias or a call.
type Reference = term.Reference
