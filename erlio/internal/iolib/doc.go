// SPDX-License-Identifier: Apache-2.0

// Package iolib evaluates the format strings of Erlang's io_lib:format/2 on terms: what a process on an Erlang node asks
// its group leader to do.
//
//	text, err := iolib.Format(etf.List{126, 112, 126, 110}, etf.List{etf.Tuple{etf.Atom("ok"), 1}}, iolib.Options{}) // "{ok,1}\n"
//
// All directives of OTP 25 are known, with field width, precision, padding, * and the modifiers t and l; the modifiers k
// and K of later ones are read and change nothing, as maps are printed in the order of their keys anyway. ~p breaks lines
// where OTP does.
//
// # Concurrency
//
// Functions only; terms must not be changed meanwhile.
//
// # Guarantees
//
// For terms without pids, references, ports and funs the text is OTP's, as random terms and formats show against a real
// one. The text is never longer than Options.Limit.
//
// # Not guaranteed
//
// Pids, references, ports and funs print as package etf prints them: with the node's name, where OTP has a number that
// means something on one node only. Text beyond Latin-1 is measured in code points that are not combining marks, where OTP
// counts grapheme clusters. Maps of more than 32 keys are in the order of their keys, where OTP has none.
//
// # Costs
//
// Linear in the text, but for a term that is nested deeply and broken over lines, whose indentation grows with the depth.
package iolib
