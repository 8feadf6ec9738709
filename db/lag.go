// SPDX-License-Identifier: Apache-2.0

package db

import (
	"slices"
	"time"
)

// never is a lag of what had no contact at all.
const never = time.Duration(1<<63 - 1)

// lag implements shard: how long ago a node was heard that vouches for the leader. If the leader is here, that is as many voters as make a majority with it. A process
// that stood still knows that it has heard nobody meanwhile.
func (s *spread) lag() time.Duration {
	g, ok := s.m.watch.of(s.group)
	if !ok || g.leader == 0 {
		return never
	}
	silent := 0
	if !g.here {
		mem, ok := g.conf.Member(g.leader)
		if !ok {
			return never
		}
		silent = s.m.health.silence(mem.Node)
	} else {
		for _, half := range [][]uint64{g.conf.Raft.GetVoters(), g.conf.Raft.GetVotersOutgoing()} {
			var list []int
			for _, id := range half {
				if mem, ok := g.conf.Member(id); ok && mem.Node != s.m.number {
					list = append(list, s.m.health.silence(mem.Node))
				}
			}
			slices.Sort(list)
			if need := len(half) / 2; need > 0 && len(list) >= need {
				silent = max(silent, list[need-1])
			}
		}
		if len(g.conf.Members) == 1 {
			return 0
		}
	}
	if silent >= silentTicks {
		return never
	}
	return s.m.health.age(silent)
}
