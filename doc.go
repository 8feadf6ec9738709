// SPDX-License-Identifier: Apache-2.0

// Package banyan is Erlang/OTP's way of building systems, for Go: isolated processes that talk by messages, supervision,
// and the same calls between nodes as inside one.
//
//	type Counter struct{ n int }
//
//	type Add struct{ N int }
//
//	func (m Add) Call(c *Counter, self *banyan.Self) (int, error) { c.n += m.N; return c.n, nil }
//
//	node, err := banyan.Start("shop@127.0.0.1")
//	ref, err := banyan.SpawnState(node, &Counter{})
//	n, err := banyan.Call(node.Context(ctx), ref, Add{2}) // n is an int
//
// # Messages
//
// A message is a value with a method that takes the server's state: Call answers, Cast does not. So the compiler proves
// that the target understands the message and knows the type of the reply. What is not for a server's own types (Down and
// Exit, timers, terms from Erlang) comes to its Info method.
//
// # Concurrency
//
//   - All functions, and the methods of Node, Ref, Later and Timer, may be used from any goroutine.
//   - A process handles one message at a time; its state needs no lock and must not be shared.
//   - A *Self belongs to its process's own code. A stray goroutine that uses one is treated as an outside caller.
//   - Handlers may block, in Call or in I/O: others go on meanwhile.
//
// # Guarantees
//
//   - Isolation: a message travels as it is only if nothing in it can be changed, and is deep-copied otherwise; so are
//     replies. A panic, runtime.Goexit or error in a handler ends that one process. Errors count as immutable.
//   - Order: what one process sends to another arrives in that order, signals included. A goroutine outside of processes
//     has that for its own sends.
//   - A call ends with a reply, the server's error, an error that is ErrNotDelivered (safe to send again), ErrDied or a
//     deadline (it may have been handled). Late replies are dropped and counted.
//   - Bounds: mailboxes are bounded in messages and bytes, and the node in bytes queued; what does not fit is an error at
//     the sender, or a dead letter if the sender is on another node.
//
// Not guaranteed: that a handler can be stopped. A killed process is dead for everybody else at once, but its goroutine
// runs on until the handler returns; Node.Stuck lists it.
//
// # Costs
//
// An idle server takes about 400 bytes and no goroutine. A message to a server costs 50 to 100 ns, a call from a handler
// about 300 ns, without allocation if message and reply are flat and small. See bench/ for the figures beside others'.
package banyan
