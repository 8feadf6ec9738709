// SPDX-License-Identifier: Apache-2.0

// Command ordeal has a database on five real nodes and lets everything happen to them that can be made to happen on one Linux machine, while clients work; then it
// asks package check whether what the clients saw can be explained. It needs root.
//
//	go run ./db/internal/ordeal -for 10m -seed 1     # faults of all kinds
//	go run ./db/internal/ordeal -members             # 3, 5 and 3 nodes again, and replicas that move, without other faults
//	go run ./db/internal/ordeal -kills 30            # how long writes stop when the node that leads most is killed
//
// Every node is a process in a network namespace of its own. What a node sends goes to a tun device, whose other end is the runner: it is the switch between
// them, and cuts, loses and delays packets as it is told (kernels without netem cannot delay). So the TCP and UDP of the nodes are the system's.
// Each node's folder is a small file system of its own, which can be filled.
//
// Clients are in the nodes. What they do is written down before they do it, and how it ended after, in a file that outlives the node: what has no end is of
// unknown outcome. All times are of one clock, the machine's CLOCK_BOOTTIME, so histories are merged as they are.
//
// The same seed gives the same faults in the same order; what the nodes make of them is different each time.
package main
