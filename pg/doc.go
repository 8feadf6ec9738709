// SPDX-License-Identifier: Apache-2.0

// Package pg is OTP's pg: named groups of processes over all nodes that are linked. Erlang and Elixir nodes take part.
//
//	pg.Start(node, pg.Default)                               // or as a child: supervisor.Spec{ID: "pg", Start: pg.Default.Launch}
//	workers := pg.In[*Worker](pg.Default, banyan.Atom("workers"))
//	err := workers.Join(ctx, ref)                             // ref is a server of this node
//	left, err := banyan.Call(ctx, workers.Any(), Take{"tea", 2})  // one member, of this node if there is one
//	for r := range banyan.CallAll(ctx, workers, Left{"tea"}) {}  // all members
//
// A [Scope] is a set of groups, and a process of that name on each node; scopes of one name find each other. There,
// pg:get_members(workers) lists ours, and [Scope.Members] theirs. [Scope.Monitor] tells of joins and leaves.
//
// # Protocol
//
// Scopes of one name send each other, and nothing else:
//
//   - {discover, Me}, by name when there is a new link and by pid: who are you? From OTP 26 on it may have a third element.
//   - the cast {sync, Me, [{Group, [Pid]}]} in answer: all my members. It replaces whatever was known of me.
//   - {join, Me, Group, Pid or [Pid]} and {leave, Me, Pid, [Group]}, as it happens. We take lists of pids in both.
//
// A scope of OTP crashes at any other message, and at a leave from a group that it has not heard of. So a change is
// sent only to scopes that have had our sync. A scope of OTP looks for others when a visible node comes up; ours does
// when any node does, and every ten seconds on hidden ones where it found none. When a link is full the change is not waited for: the
// other scope gets all our members anew once there is room.
//
// # Concurrency
//
// Everything may be called from any goroutine. Reading members does not involve the scope's process: it is a look into a
// table under a read lock, and sees joins and leaves of this node as soon as they have returned.
//
// # Guarantees
//
//   - A member leaves when its process ends; all members of a node leave when the link to it does.
//   - Nodes whose links stay up see, in the end, the same members, whatever happened before.
//   - The processes of a node that drains (banyan.Node.SetDraining, which package cluster calls) are in no group, for itself and for all others,
//     Erlang's nodes too; those that still run when it is taken back into service are members again.
//   - A process is a member as often as it joined. It must leave as often.
//   - Monitor gives the members of one moment, and every change after it, in order.
//   - One node is bounded in members (Config); nothing that a node sends ends a scope.
//
// # Not guaranteed
//
// Agreement at one moment: a member that was seen a moment ago may be dead, and there is no order between nodes. Two parts
// of a cluster that are cut off from each other have their own members.
//
// # Costs
//
// A join is a call of the scope's process and one message to each node. Each node holds all members of all nodes, some 50 bytes
// each. A member that leaves is searched for in its group's list.
package pg
