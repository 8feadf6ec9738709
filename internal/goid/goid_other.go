// SPDX-License-Identifier: Apache-2.0

//go:build !amd64 && !arm64

package goid

// Supported says whether ID works on this architecture.
const Supported = false

// ID is 0: nobody can be recognised.
func ID() uintptr { return 0 }
