// SPDX-License-Identifier: Apache-2.0

// Rollingrestart restarts every node of a cluster while calls come in at a steady rate, and counts them.
//
//	go run ./internal/rollingrestart                         # 5,000 calls a second, three nodes
//	go build -tags rollingnext -o /tmp/next ./internal/rollingrestart
//	go run ./internal/rollingrestart --next /tmp/next        # to another build and back, under calls
//
// Three nodes, programs of their own, each with four servers in a group; a fourth node calls the group through a router, so many times a
// second whether answers come or not. For some seconds nothing happens, to know how long calls take. Then each node in turn gets
// SIGTERM: it drains, leaves and ends; and is started again under its name. With --next each is replaced by the other build first, whose
// messages have a field more, and then by this one again.
//
// Each server writes down what it has handled. In the end every call must have been answered, and handled once: sent = answered + errors,
// with no errors, nothing handled twice, and nothing answered that was not handled. Anything else makes the command exit 1.
package main
