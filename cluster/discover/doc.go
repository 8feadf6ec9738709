// SPDX-License-Identifier: Apache-2.0

// Package discover has ways to find the nodes of a cluster, for cluster.Config.Discovery: a fixed list, the environment, a file that may
// change, a directory in which nodes leave their addresses, DNS, and
// multicast DNS on the local network. Kubernetes, etcd, Consul and NATS are modules of their own, below contrib.
//
//	cfg.Discovery = []cluster.Discovery{discover.Env("SHOP_NODES"), discover.DNS{Name: "shop.internal"}}
//
// They only find addresses to try. A node that is no longer found stays a member as long as it is one; what is wrong, empty, half or
// somebody else's changes nothing.
//
// # Concurrency
//
// The values hold no state, and may be shared by clusters.
//
// # Guarantees
//
// Each Discover ends with its ctx. A file, directory or name that is not there yet is looked for again.
//
// # Not guaranteed
//
// That a change is seen at once: files are looked at every second, DNS every five, both more often at first. That mDNS is only heard by
// the cluster's nodes, or only said by them: a wrong address is tried, and whoever answers there must know the cluster's secret.
//
// # Costs
//
// A look at the file, or a question to the resolver, each time.
package discover
