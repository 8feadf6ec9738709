// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"math/bits"
	"time"
)

// connected: more than half of the hosts have a node that is well, and all of these reach each other. `ok` is by host, from 0, and so are joined's arguments.
func connected(ok []bool, joined func(a, b int) bool) bool {
	for set := range 1 << len(ok) {
		if 2*bits.OnesCount(uint(set)) > len(ok) && clique(set, ok, joined) {
			return true
		}
	}
	return false
}

func clique(set int, ok []bool, joined func(a, b int) bool) bool {
	for a := range ok {
		if set&(1<<a) == 0 {
			continue
		}
		if !ok[a] {
			return false
		}
		for b := range a {
			if set&(1<<b) != 0 && !joined(a, b) {
				return false
			}
		}
	}
	return true
}

// watchMajority notes, until ctx ends, at which moments there was no connected majority. It looks twenty times a second.
func (f *fleet) watchMajority(ctx context.Context) (without []int64) {
	for pause(ctx, 50*time.Millisecond) {
		var ok []bool
		for _, s := range f.seats[1:] {
			ok = append(ok, s.is(well))
		}
		if !connected(ok, func(a, b int) bool { return f.net.joined(a+1, b+1) }) {
			without = append(without, now())
		}
	}
	return without
}
