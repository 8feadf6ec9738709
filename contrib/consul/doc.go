// SPDX-License-Identifier: Apache-2.0

// Package consul lets the nodes of a cluster find each other through the catalog of Consul: each registers itself as an instance of one service.
//
//	cfg.Discovery = []cluster.Discovery{consul.Service{Name: "shop-gossip"}}
//
// What Consul says only ever adds addresses to try: an instance that is not listed any more stays a member for as long as it is one, and an
// answer that is empty, partial, wrong or of another service changes nothing; nor does an instance's health. Tested against answers in
// the form of Consul's HTTP API, not against a real agent.
//
// # Concurrency
//
// A Service holds no state; it may be shared.
//
// # Guarantees
//
// A change is heard of at once, by a blocking query. An instance is critical 15 seconds after its node's last word, and gone after a minute more.
//
// # Not guaranteed
//
// Who may register in Consul can have addresses tried. Who answers there must know the cluster's secret to become a member.
//
// # Costs
//
// One waiting request, and one each five seconds that says that this node lives. No dependency but the standard library.
package consul
