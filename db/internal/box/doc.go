// SPDX-License-Identifier: Apache-2.0

// Package box runs whole clusters of raft hosts in one goroutine: the host in a box. Clock, network and disks are
// simulated; the host, raft and pebble are the real ones. A seed decides everything, so that a failure replays exactly.
//
// A [Sim] is a queue of events in simulated time: ticks of nodes, frames that arrive, batches that the disk has written,
// entries that were applied, clients that ask, and the nemesis: crashes at any point (also in the middle of a sync, with any part of
// what was not synced kept or torn) and of all nodes at once, failing syncs and reads, disks that are slow, full, damaged or lost, clocks that jump, partitions whole and one-way, loss, copies,
// delay and disorder of frames, pauses, members that move.
//
// After every event [Sim] checks what must always hold: one leader for each term, equal entries at equal places, what was
// committed stays in every later leader's log, equal states at equal places. At the end everything heals, and the histories of all
// keys must be linearizable ([porcupine]).
//
//	s := box.New(box.Options{Seed: 7})
//	err := s.Run() // nil, or what was violated, and when
//
// Programs do not import it: it is for tests and for internal/soak.
//
// [porcupine]: https://github.com/anishathalye/porcupine
package box
