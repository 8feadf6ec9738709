// SPDX-License-Identifier: Apache-2.0

// Package epmd is Erlang's port mapper daemon: its protocol, a client and a server. The daemon knows, for one host, which
// node listens on which port.
//
//	c := &epmd.Client{Addr: "127.0.0.1:4369"}
//	info, err := c.Lookup(ctx, "shop")         // info.Port
//	reg, err := c.Register(ctx, epmd.Info{Name: "shop", Port: 4711})
//	<-reg.Lost()                               // the daemon is gone
//
// A Server takes the daemon's place where none runs: real Erlang nodes register with it and find each other.
//
// Concurrency: a Client may be used from any goroutine; each request is a connection of its own. A Server is served by one
// goroutine per connection; Close ends them all and waits.
//
// Guarantees: nothing a client or a daemon sends makes this package panic or hold more than a few kilobytes per
// connection. The server bounds connections, names and how long a client may take to ask; it takes registrations from
// loopback only; it cannot be stopped over the network (KILL_REQ is answered NO, STOP_REQ is ignored).
//
// Not guaranteed: that a name found is a live node. Whoever can connect to the daemon from this host can register.
//
// Costs: a registration holds one connection for the life of the node.
package epmd
