// SPDX-License-Identifier: Apache-2.0

// Package etcd lets the nodes of a cluster find each other through etcd: each keeps its address in a key of its own, with a lease.
//
//	client, err := clientv3.New(clientv3.Config{Endpoints: endpoints})
//	nodes := etcd.Nodes{Client: client, Prefix: "/shop/nodes/"}
//	cfg.Discovery = []cluster.Discovery{nodes}
//
// What stands there only ever adds addresses to try: a node whose key is gone stays a member for as long as it is one, and an etcd that is
// empty, wrong or away changes nothing. Tested with an embedded etcd server of the version in go.mod.
//
// # Concurrency
//
// A Nodes holds no state; it may be shared.
//
// # Guarantees
//
// Whoever announces itself is found at once. A key is gone 15 seconds after its node, or at once if it stops in order.
//
// # Not guaranteed
//
// Who may write below the prefix can have addresses tried. Who answers there must know the cluster's secret to become a member.
//
// # Costs
//
// A watch, a read of the prefix for each change and every ten seconds, and a lease that is kept alive every five.
package etcd
