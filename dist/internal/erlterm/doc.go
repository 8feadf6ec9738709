// SPDX-License-Identifier: Apache-2.0

// Package erlterm reads terms as people write them in Erlang's configuration files: atoms, integers, strings, binaries of
// one string, tuples and lists, with comments, ended by a full stop.
//
//	t, err := erlterm.Parse([]byte(`[{server, [{certfile, "node.pem"}]}].`))
//	// etf.List{etf.Tuple{etf.Atom("server"), etf.List{etf.Tuple{etf.Atom("certfile"), "node.pem"}}}}
//
// Concurrency: Parse keeps nothing between calls.
//
// Guarantees: no input makes it panic. A file over MaxSize bytes, nested deeper than MaxDepth, is refused; an error says the
// line. Not read, and said so: floats, maps, funs, pids, macros, integers over 64 bits, lists with a tail.
package erlterm
