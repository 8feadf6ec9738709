// SPDX-License-Identifier: Apache-2.0

// Package sim measures how policies of package balance route, in simulated time: callers that ask at random moments, workers
// that serve one request at a time and may be slow or stand still, a network that takes 0.1 ms each way. A seed decides
// everything.
//
//	go run ./route/internal/sim/routersim -n 500000
//
// prints the table of docs/adr/011. What a caller knows is what a router can know: its own calls, and with each answer the
// worker's backlog and average service time. The oracle knows all queues and speeds at once; no router can.
//
// # Concurrency
//
// A run is one goroutine. Runs share nothing.
package sim
