// SPDX-License-Identifier: Apache-2.0

// Package box runs whole clusters of raft hosts in one goroutine: the host in a box. Clock, network and disks are
// simulated; the host, raft and pebble are the real ones. A seed decides everything, so that a failure replays exactly.
//
// A [Sim] is a queue of events in simulated time: ticks of nodes, frames that arrive, batches that the disk has written,
// entries that were applied, clients that ask, and the nemesis: crashes at any point (also in the middle of a sync, with any part of
// what was not synced kept or torn) and of all nodes at once, failing syncs and reads, disks that are slow, full, damaged or lost, clocks that jump, partitions whole and one-way, loss, copies,
// delay and disorder of frames, pauses, members that move.
//
// Clients do one of two things. Either they read and write registers, one at a time ([Options].Clients); or each node has a process that runs transactions over
// groups ([Options].Traders): the coordinator of package twophase and the machine of package txn, as package db uses them. Its plain code runs in coroutines, which
// take turns by the simulation's events. A process dies with its node, at any moment, and a coordinator now and then without it; whoever comes next ends its sessions,
// whoever meets its locks its transactions.
//
// After every event [Sim] checks what must always hold: one leader for each term, equal entries at equal places, what was
// committed stays in every later leader's log, equal states at equal places. At the end everything heals, and the histories of all
// keys must be linearizable ([porcupine]). Of transactions all views must see as much money and as many tokens as there are, the lists that they append to must be
// strictly serializable (package check), and every row must be writable: no lock stays for ever.
//
//	s := box.New(box.Options{Seed: 7})
//	err := s.Run() // nil, or what was violated, and when
//
// Programs do not import it: it is for tests and for internal/soak.
//
// [porcupine]: https://github.com/anishathalye/porcupine
package box
