// SPDX-License-Identifier: Apache-2.0

// Package nats lets the nodes of a cluster find each other through NATS: each says its address on a subject.
//
//	conn, err := nats.Connect(url)
//	nodes := banyannats.Nodes{Conn: conn, Subject: "shop.nodes"}
//	cfg.Discovery = []cluster.Discovery{nodes}
//
// What is said only ever adds addresses to try. A node that is silent stays a member for as long as it is one; what is empty, too long or
// somebody else's changes nothing. It needs no JetStream. Tested with an embedded nats-server of the version in go.mod.
//
// # Concurrency
//
// A Nodes holds no state; it may be shared.
//
// # Guarantees
//
// A node that begins to look hears of those that are there within a round trip, and of those that come within one of theirs.
//
// # Not guaranteed
//
// Who may publish on the subject can have addresses tried. Who answers there must know the cluster's secret to become a member.
//
// # Costs
//
// A message of each node every ten seconds, and an answer of each for every node that asks.
package nats
