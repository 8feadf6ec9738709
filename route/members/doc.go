// SPDX-License-Identifier: Apache-2.0

// Package members gives routers and pools the members of a cluster: their zones and weights, who is leaving, and who is
// not heard.
//
//	nodes, err := members.Of(c) // c is what cluster.Start has returned
//	r := route.New(node, pg.In[*Stock](pg.Default, "stock"), route.Among(nodes), route.NearZone)
//	p := route.Pool("reader", NewReader, 12, route.Over(nodes), route.Spread(route.Zone))
//
// Without it they go by the links of their node (route.Links), which is enough where nodes are alike. It is a package of its own
// because programs that import package cluster are larger by what that needs.
//
// # Guarantees
//
//   - A member that drains is Draining as soon as this node hears it by its link or by gossip, whichever is first; one that is not heard is
//     Suspect; one that has left or is down is not listed.
//   - The list follows cluster.Cluster.Events: it begins with all members and misses no change.
//
// # Concurrency
//
// A process of the node keeps the list, and ends with the node. What Of returns may be used from anywhere.
package members
