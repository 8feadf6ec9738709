// SPDX-License-Identifier: Apache-2.0

//go:build race

package route_test

const raceEnabled = true
