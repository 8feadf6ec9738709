// SPDX-License-Identifier: Apache-2.0

// Interoptarget is a Banyan node for others to test against: an Erlang or Elixir node, or a suite that drives one.
//
//	go run ./internal/interoptarget --name T@127.0.0.1 --cookie C [--hidden] [--tls FILE] [--ticktime 60s]
//
// It prints "ready T@127.0.0.1" when it can be connected to, and ends with SIGINT, SIGTERM, or the end of its standard
// input if --stdin is given. FILE is as for Erlang's -ssl_dist_optfile.
//
// What runs there:
//
//   - echo: {From, Msg}, From a pid or an alias, is answered {echo, Self, Msg}; all else is ignored.
//   - counter, a gen_server: {add, N} gives the new total, get gives it, {sleep, Ms} gives ok after that time; cast {add, N}.
//   - exiter: {exit, R} makes it end with the reason R. It is supervised, so it is back under its name at once.
//   - driver, a gen_server through which the node is a client of the caller's: see driver.go.
//   - rpc modules math, erlang, io, pg: see functions.go.
//   - the pg scope pg with a group workers, which holds echo and exiter; global unless the node is hidden.
package main
