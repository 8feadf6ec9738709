// SPDX-License-Identifier: Apache-2.0

package host

import "slices"

// RaftVoters are the voters of a group as raft has them here.
func (c *Core) RaftVoters(group uint64) (list []uint64) {
	for id := range c.groups[group].rn.Status().Config.Voters.IDs() {
		list = append(list, id)
	}
	slices.Sort(list)
	return list
}
