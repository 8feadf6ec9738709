// SPDX-License-Identifier: Apache-2.0

// Package twophase carries out transactions: in one group by one entry, over several groups by two-phase commit, as package txn describes it. A [Coordinator]
// prepares, decides and resolves; it ends what others have left in the way, and finds out what a view may have missed.
//
// It is plain code that waits where it must, but it has no clock, no network, no goroutine and no randomness of its own: all that is a [World]. Package db gives it
// a real one; package box a simulated one, in which coordinators die at any step, and a seed replays exactly. So what is simulated is what runs.
//
// Of an error of this package: one that wraps [ErrUnknown] says that the transaction may be committed, now or later; after any other one it surely is not.
package twophase
