// SPDX-License-Identifier: Apache-2.0

// Package lint holds the rules of the house as Go tests: who may import whom and why, no pauses in tests, documented
// exports, and the like. It has no code besides its tests, and needs nothing but Go:
//
//	go test ./internal/lint
//	go test ./internal/lint -run API -update    # after a change of the public API: writes api/*.txt
//
// Every failure says how to mend it. A rule is changed here, in a commit that says why.
package lint
