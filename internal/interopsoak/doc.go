// SPDX-License-Identifier: Apache-2.0

// Interopsoak keeps three Banyan nodes and two real Erlang nodes busy with each other for a long time, and counts.
//
//	go run ./internal/interopsoak --for 10m [--seed N]
//
// Time is cut into phases. In each, every node sends numbered messages to every other (but Erlang to Erlang), most of them
// small, some of 1 to 5 MB; makes calls; and has processes started on the others, which it is linked with and watches, and
// which are then killed or lost with the link. Some links are cut at random moments. At the end of a phase:
//
//   - over a link that was not cut each message has arrived once, in order; over one that was, none twice and none out of
//     order,
//   - each call has ended once, those over living links with the right answer,
//   - each monitor has fired once, and each link to a process that ended.
//
// Memory of all three programs is written down after each phase; the last third must not be above the second by more than a
// fifth and 32 MB. Any violation is told and makes the command exit 1. Messages and phases come from the seed; the network is the real
// one of loopback.
package main
