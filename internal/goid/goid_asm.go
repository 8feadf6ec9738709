// SPDX-License-Identifier: Apache-2.0

//go:build amd64 || arm64

package goid

// Supported says whether ID works on this architecture.
const Supported = true

// ID is the current goroutine's identity, never 0. It may be used again after the goroutine has ended.
func ID() uintptr
