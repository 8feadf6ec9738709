// SPDX-License-Identifier: Apache-2.0

// Package banyantest is the test kit: nodes for a test, processes that record what they get, and whole clusters in one
// test process, over a network in memory whose latency and faults come from a seed.
//
// # One node
//
//	n := banyantest.Node(t)                             // stopped at the end of the test, which fails if anything is left
//	p := banyantest.NewProbe(t, n)
//	banyan.Send(n.Context(t.Context()), p.PID(), "hello")
//	banyantest.Expect[string](p, time.Second)           // or the test fails, and says what came instead
//
// # A cluster
//
//	synctest.Test(t, func(t *testing.T) {
//		c := banyantest.Cluster(t, banyantest.Nodes("a@sim", "b@sim"), banyantest.Seed(7))
//		p := banyantest.NewProbe(t, c.Node("a@sim"))
//		m := p.Monitor(pidOnB)
//		c.Partition("a@sim", "b@sim")                   // an hour passes in no time
//		banyantest.Expect(p, time.Hour, func(d banyan.Down) bool { return d.Monitor == m })
//	})
//
// The nodes speak Erlang's distribution protocol with package dist, as they do outside of tests; only sockets are replaced.
// Inside synctest.Test all time is virtual: time-outs and ticks cost nothing, and the same test takes the same virtual time
// on every run. Outside of it a cluster works too, in real time.
//
// # Faults
//
// [Sim.Partition] cuts two nodes off from each other, [Sim.Drop] one direction: streams stall, as TCP does, and neither side is
// told until its tick time is over. [Sim.Heal] lets them go on. [Sim.Delay] changes latency. [Sim.Reset] breaks connections.
// [Sim.Kill] ends a node without a goodbye, [Sim.Restart] starts it anew: a new incarnation, with new pids.
//
// # Seeds
//
// The seed decides every latency. It is 1 unless [Seed] or BANYAN_SEED says otherwise, and is printed when a test fails. The
// order in which Go runs goroutines that are ready at one instant is not part of it: a test must hold for any such order.
//
// # Concurrency
//
// Probes and clusters may be used from any goroutine of the test, but Expect and its like only from the test's own, since
// they end the test.
//
// # What is left
//
// When the last node of the kit stops, goroutines of the runtime that were started since the first one did are looked for,
// and fail the test with their stacks. Tests that run in parallel and start nodes by banyan.Start themselves use
// [NoLeakCheck].
package banyantest
