// SPDX-License-Identifier: Apache-2.0

// Package balance decides which of several targets gets the next message. It is pure: the time is an argument, chance is
// injected, and nothing in it waits or sends. Package route puts it to work; package sim measures it.
//
// A [Group] has members ([Group.Set]). [Group.Pick] chooses one, [Group.Begin] and [Group.End] frame each message, and what
// a target tells of itself comes in by [Group.Report]. From these the group knows, for each target: how many messages are
// out and since when, how long answers take, how many failed.
//
// # Concurrency
//
// A Group is not safe for concurrent use.
package balance
