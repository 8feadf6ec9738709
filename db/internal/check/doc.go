// SPDX-License-Identifier: Apache-2.0

// Package check says whether what clients have seen of a database can be explained by transactions that took effect one
// after the other, each at a moment between its call and its return.
//
// [Lists] is the main checker: transactions append to lists and read them, which shows in each list the order of all writes
// before the read. From these orders follow edges between transactions: one wrote before another (ww), one read what
// another wrote (wr), one read what another then wrote over (rw), one had returned before the other was called
// (realtime). A cycle is a proof that no such order exists, and its edges say of which kind the anomaly is: [Class].
//
// Transactions whose outcome nobody knows are open intervals: they took effect if somebody saw so, at any time after their call.
//
// Beside it: [Registers] for single keys (porcupine), [Bank] for sums, [Holds] for names with at most one holder.
// A [Recorder] collects histories, a [Mix] makes transactions for them.
//
// The times of a history must come from one clock.
package check
