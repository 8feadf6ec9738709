// SPDX-License-Identifier: Apache-2.0

//go:build race

package box

// raceDetector makes everything some ten times slower: what runs under it is shorter.
const raceDetector = true
