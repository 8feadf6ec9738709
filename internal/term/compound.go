// SPDX-License-Identifier: Apache-2.0

package term

// Tuple is an Erlang tuple of any size. It is here, and not in etf, for those who read plain messages of Erlang processes and
// may not import the wire.
type Tuple []any
