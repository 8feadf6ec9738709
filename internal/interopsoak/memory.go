// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"slices"
)

// sample is the resident memory of our program and of each Erlang node, in MB.
type sample []int64

func (c *cluster) sample() sample {
	s := sample{resident(os.Getpid()) >> 20}
	for _, e := range c.theirs {
		s = append(s, resident(e.cmd.Process.Pid)>>20)
	}
	return s
}

// grown says which program takes more in the last third of the time than in the second: by medians, as both rise and fall
// with the big messages on their way.
func grown(all []sample) (out []string) {
	third := len(all) / 3
	if third < 3 {
		return nil
	}
	for i := range all[0] {
		median := func(part []sample) int64 {
			var v []int64
			for _, s := range part {
				v = append(v, s[i])
			}
			slices.Sort(v)
			return v[len(v)/2]
		}
		before, after := median(all[third:2*third]), median(all[2*third:])
		if after > before*6/5+32 {
			out = append(out, fmt.Sprintf("memory of program %d grew from %d to %d MB", i, before, after))
		}
	}
	return out
}
