// SPDX-License-Identifier: Apache-2.0

// Package erlio is Erlang's I/O protocol, both ends of it: a group leader that prints what processes on other nodes write
// with io:format and gives them lines to read, and functions that write to and read from the group leader of a process.
//
//	leader, err := banyan.Spawn(node, erlio.New(erlio.Config{Out: os.Stdout, In: os.Stdin}), banyan.Name("user"))
//
// Erlang's io:format({user, 'shop@host'}, ...) cannot name a process of another node, but io:format(Pid, "~p~n", [Term])
// prints here, and so does all that a function prints which Banyan starts on an Erlang node: a process sends its group
// leader along, or this node's registered user if it has none.
//
//	fmt.Fprintln(erlio.NewWriter(self), "hello")                  // to whoever started this process, on whatever node
//	line, err := erlio.GetLine(self, self.GroupLeader(), "name? ")
//
// # Concurrency
//
// A Leader is a server of its own. It prints requests in the order of their arrival, each as a whole; what reads waits in
// a queue, and does not keep others from printing. The functions may be called from any process or goroutine; in a handler
// they give the worker away while they wait.
//
// # Guarantees
//
// The requests of OTP 25 are answered as its own group leaders do, put_chars with io_lib:format/2, fwrite/2, write/1 and
// nl/0 too: what the directives print is as in OTP, line breaks included, but for pids, references, ports and funs. A
// request that is none is answered {error, request}, a format that cannot be evaluated {error, format}, so that the remote
// io:format raises badarg. Text, lines and waiting requests are bounded.
//
// # Not guaranteed
//
// There is no line editing, echo or password input, and get_until, which brings a function to run here, is answered
// {error, enotsup}: io:read and io:fread do not work. A reply that the asking node does not take for 5 seconds is dropped.
//
// # Costs
//
// A write is two messages, to the leader and back. Each call of the client side uses a process that lives until the reply.
package erlio
