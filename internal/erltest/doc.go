// SPDX-License-Identifier: Apache-2.0

// Package erltest starts real Erlang nodes for tests, and lets them evaluate expressions.
//
//	port := erltest.FreePort(t)                       // of an epmd that only this test uses
//	e := erltest.Start(t, "er1", port, "monster")     // er1@127.0.0.1
//	got := e.Eval(t, "net_adm:ping('go1@127.0.0.1')") // "pong", as ~0p prints it
//
// Where there is no erl the test is skipped, loudly; with BANYAN_REQUIRE=all it fails. A node has its own home directory,
// listens on loopback, and ends with its test.
//
// Beside that it has what tests of several programs share: ports, certificates (TLSFile), and the test's own program as another process (Self).
//
// # Concurrency
//
// One goroutine at a time may use a Node.
package erltest
