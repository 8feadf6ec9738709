// SPDX-License-Identifier: Apache-2.0

package main

import "slices"

// suite is every test, in the order of the table.
func suite() []*test {
	return slices.Concat(idleTests(), pingPongTests(), fanInTests(), pairsTests(), ringTests(), callTests(), failureTests(),
		skynetTests(), sliceTests(), blockingTests(), cpuTests(), remotePingPongTests(), remoteOneWayTests(),
		remoteCallTests(), remoteBulkTests(), remoteKillTests(), restartTests(), etsTests(), dbTests())
}

// find gives a test by its name.
func find(name string) *test {
	for _, t := range suite() {
		if t.name == name {
			return t
		}
	}
	return nil
}

// What every figure of one kind is called.
func rate(label string, target, factor float64) figure {
	return figure{key: "rate", label: label, unit: "/s", target: target, factor: factor}
}

func nanoseconds(label string, target, factor float64) figure {
	return figure{key: "ns", label: label, unit: "ns", lower: true, target: target, factor: factor}
}

func peak(target float64) figure {
	return figure{key: "peak", label: "peak RSS", unit: "MB", lower: true, target: target}
}

// manyProcesses lets Erlang have more processes than its default.
var manyProcesses = []string{"+P", "4000000"}
