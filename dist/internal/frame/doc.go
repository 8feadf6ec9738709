// SPDX-License-Identifier: Apache-2.0

// Package frame is the layer between the bytes of a connection and the terms of a message: the distribution header with
// the atom caches of both directions, and fragments. It does no I/O.
//
//	dst = out.AppendHeader(dst, table.Atoms())        // sending; the terms hold ATOM_CACHE_REF i
//	atoms, n, err = in.ParseHeader(body, atoms)       // receiving; the terms begin at body[n:]
//	msg, err = pieces.First(seq, id, atoms, body[n:]) // fragments, until msg is not nil
//
// Concurrency: an OutCache belongs to whoever holds the link's lock, an InCache and an Assembler to the link's reader.
//
// Guarantees: no input makes this package panic, and none makes it hold more than the limits of the Assembler say;
// memory grows with what was received, at most eight times ahead of it, or 4 MiB for all unfinished messages together.
//
// Costs: a known atom is a hash and a comparison when sending, two bytes read when receiving; neither allocates.
package frame
