// SPDX-License-Identifier: Apache-2.0

//go:build !race

package banyan_test

const raceEnabled = false
