// SPDX-License-Identifier: Apache-2.0

// Package placement decides which nodes have a replica of which group, and which step a group takes next to get there.
//
// It is arithmetic: what the nodes are and what the group is in, the step out. Each group's leader asks it for its own group, from the
// list of nodes that all replicate, so there is no plan to keep, and nothing to resume: who leads next goes on from what the group's
// configuration says. Steps go one after the other, and none leaves a group with fewer voters than it may have:
//
//	add a learner where a replica is wanted and none is
//	once all wanted voters have the log: promote them and end those that are not wanted, in one joint change
//	hand over, if the leader is not wanted itself
//	end learners that are not wanted
//
// # How many voters
//
//	nodes   data groups              meta group
//	1, 2    1 voter, 1 learner       1 voter, 1 learner: two voters would stop when either of them does
//	3, 4    3 voters                 3 voters, a learner on each other node
//	5 up    3 voters                 5 voters, a learner on each other node
//
// That is for three copies; [Rule] has the others. An even number of nodes, where there are too few, has one voter fewer, and a learner.
//
// A replica that is lost while its store is well (it does not fit to its log, say) is removed before the store gets another one: a store has one replica of a group.
//
// Which nodes vote for a group is by rendezvous hashing: the nodes with the highest hashes of group and node. A node that comes or
// goes changes only the groups that it is, or will be, among the highest of.
package placement
