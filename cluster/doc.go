// SPDX-License-Identifier: Apache-2.0

// Package cluster is membership: nodes find each other, know who is there, how each of them is doing, and who is gone. It links them, so
// that pg, global and rpc work across all without anybody naming a node.
//
//	c, err := cluster.Start(ctx, node, cluster.Config{
//		Discovery: []cluster.Discovery{discover.Static("host1:7946", "host2:7946", "host3:7946")},
//	})
//	for m := range c.Members() { ... }                       // name, state, reach, zone, load
//	for e := range c.Events(ctx) { ... }                     // a snapshot, then every change
//	err = c.Drain(ctx)                                       // no new work, finish, goodbye; c.DrainOn does it at a signal
//
// Nodes gossip (hashicorp/memberlist, in Go, over TCP and UDP on one port), encrypted with a key from Config.Secret, or the cookie, and
// Config.Cluster. Real Erlang nodes take no part: they are linked as always, and are no members.
//
// # Who is a member
//
// A node is its name and, in gossip, a number drawn at its start: shop@host1#1f2e. It starts Joining, looks whether another living node has its
// name, and then is Up; later Draining, and Left. Its incarnation rises with each life of the name.
//
// A second living node of a name is refused: Start returns ErrNameInUse, and the first one logs an error. The
// successor of one that was killed is let in at once, because nobody answers at the predecessor's address any more; one that is silent
// (stopped, or cut off) is waited for until gossip has given it up. If it then comes back it has been replaced: it ends with
// ErrReplaced. Two that come to life on both sides of a split are found out when it heals: the older one stays.
//
// # Suspicion is not proof
//
// State is what a member says of itself, or Down, which is final for its incarnation. Reach is how well this node hears it, and
// nothing more; it changes back. Suspect: the link to it broke or cannot be made, which is known within milliseconds, or nothing comes over it, which
// is known within a second. Unreachable: the gossip has given
// it up, after 1.2 to 3 s. An Unreachable member may be alive and busy, and believe the same of us: nothing here decides
// that it is dead. Give new work to members that are [Member.Usable]; what must be done once only needs more than this package.
//
// # Partial cuts
//
// Two members that cannot reach each other while others hear both are Indirect to each other: no longer linked, which what was linked or monitored across
// hears once, and nobody is down. New calls between them go through a third member, in order and with all that links do, until there
// is a straight way again; then what waits on the detour hears of its end once, and new calls go straight.
//
// How it is told from silence: members show life on their links every 200 ms. Who hears nothing for 600 ms asks up to five others, who say how long ago
// they heard that member on their own links; one that has heard it since is evidence. Without any it is silence, and left to gossip.
// It takes three members, and a transport like package dist's; real Erlang nodes get no more than their ticks, and pass nothing on.
//
// # Leaving
//
// Drain makes a node Draining, so that nobody gives it new work, waits until it has handled and answered what it has, and leaves. Quiesce does the
// same and stays, until Undrain. What reaches the node later all the same, from those who hold a PID of it, is answered as long as it
// runs, and with banyan.ErrNotDelivered when it stops. Tools ask another node for all of this through At.
//
// # Down
//
// Down comes from evidence: a successor has taken the name, or an operator has called Forget. A node that cannot be a member
// any more (Err: ErrReplaced, ErrNameInUse) goes on as a node without a cluster; stop it on Done.
//
// # Splits
//
// memberlist alone does not heal a split that lasts longer than its memory. Each node goes on trying the addresses of members it does not hear,
// and of candidates that discovery found: every second while it misses somebody, every five otherwise, three at a time.
// Clusters of different names never merge, and who does not have the secret is refused; both logs say who it was.
//
// # Concurrency
//
// All methods of Cluster may be called from any goroutine. Readers of Events do not hold up anything: one that is 1024 events
// behind gets a new Snapshot instead.
//
// # Guarantees
//
//   - Each node has, for each name, one member, whatever it hears and in whatever order; nodes that have heard the same agree on its
//     instance and state.
//   - Events begin with a snapshot and lead from it, without a gap, to what Members gives.
//   - Discovery only ever adds addresses to try. Wrong, empty or failing answers change nothing.
//   - What is known is bounded: 10,000 names, 8 lives each, 4096 candidates (those found last), 1024 declarations of Forget.
//
// # Not guaranteed
//
// That all nodes see the same at one moment. That an Unreachable node is dead, or that an Up one is alive now. That a name is unique while
// the cluster is split.
//
// # Costs
//
// memberlist and what it needs are linked into programs that import this package, and into no others: docs/dependencies.md has the
// figures. A node probes one other every 250 ms and gossips to three when there is news. All members are linked: n*(n-1)/2 links, and
// on each link that is idle both ends send a tick of 4 bytes every 200 ms; half as often with more than 64 links, a quarter as often with more than
// 128, where silence and cuts are noticed later. docs/clustering.md has what that costs.
// Leaving takes a goodbye: a second as a rule.
//
// memberlist's choices come from the global generator of math/rand, so a seed of the simulated network does not decide them: a
// test in virtual time must hold for any.
package cluster
