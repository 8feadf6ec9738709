// SPDX-License-Identifier: Apache-2.0

// Package goid tells whether two pieces of code run on the same goroutine, in about two nanoseconds.
//
// The runtime must know whether a *Self is used by the handler it was lent to or by a stray goroutine: only the first
// may give the worker away. Go has no public goroutine number, so this reads the goroutine's own address, which is
// unique while the goroutine lives and says nothing else. Where that is not written for an architecture, Supported is
// false and callers take their slower path, which needs no identity.
package goid
