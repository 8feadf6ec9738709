// SPDX-License-Identifier: Apache-2.0

// Package lease decides, by a majority of voters and without writing anything while all is well, which lives of nodes hold a lease, and which
// may be declared over. It is pure: no goroutine, no clock, no network, no disk. Whoever runs a [Core] tells it the time and what came, and
// carries out its [Work].
//
// A life is a node's number and its incarnation. What is promised:
//
//	When a life is declared Down, its own clock is past the end of its lease, and it never gets another one.
//
// # Holding
//
// A node sends a beat to all voters ten times per TTL. A voter that takes it supports the life until the time of receipt + TTL, on its own
// clock and in memory only, and acknowledges. The node holds its lease until the time at which it sent the newest beat that a majority has
// acknowledged + TTL*(1-2*Drift): never counted from when the acknowledgement came. Neither a leader nor a log is needed for that.
//
// # Burying
//
//	asking    the leader's own support has ended: it asks the voters whether theirs has. Nothing is changed by that
//	claiming  a majority said yes: it asks for grants of round r. A voter whose support has ended writes down that it grants r, and from
//	          then on refuses the beats of that life
//	proposing a majority has granted r: Down goes into the log
//	otherwise, if the majority does not come together: Cancel(r) goes into the log. Voters that hear of it void their grants of r, and support again
//
// Rounds are numbered by the cancelled ones. Down of round r is refused by the log when r is cancelled, so grants of different rounds never
// count together. A grant is durable, for its voter may be started again between the grant and the Down. A support is not: a
// voter that has just started grants nothing for TTL*(1+2*Drift), for it may have given supports before.
//
// A voter that was stopped for a while has missed beats that wait in its socket: it says no until it has run for a third of a TTL.
//
// # Changing the voters
//
// The voters are a row of the log, with its version in each beat. From one list to the next the row first holds both: then a majority of each is needed, to
// hold and to bury. The old list goes when a majority of it has written down that it takes no more beats of an older version, or is gone for ever, and one
// TTL*(1+2*Drift) has passed: whoever knows of the old list only has lost its lease by then.
//
// # Clocks
//
// Clocks may differ by any amount, and may go wrong by Drift (1 %) in rate. They must go on while the machine sleeps.
package lease
