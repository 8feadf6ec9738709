// SPDX-License-Identifier: Apache-2.0

// Package disk holds what the log store and the state store of a node have in common below them: a file system that
// dies of its first failed sync, and pebble's options.
//
// The rule that it enforces: a sync that failed is never tried again. After a failed fsync a kernel may drop the dirty
// pages and report success the next time, so that a second try is a lie about what is on the disk. A [Guard] therefore
// remembers the first failure of a write, of a sync, or of creating or renaming a file, and fails everything after it.
// What stands on a guard that has failed is dead: its owner drops it, and starts again from what the disk really holds.
//
// A Guard may be used by any goroutine.
package disk
