// SPDX-License-Identifier: Apache-2.0

// Package task runs functions in processes of their own, and waits for their results: Elixir's Task, Task.Supervisor and
// async_stream, in Go.
//
//	func (m Report) Call(s *Shop, self *banyan.Self) (string, error) {
//		sales, err := task.Async(self, loadSales)    // both at the same time
//		...
//		stock, err := task.Async(self, loadStock)
//		...
//		a, err := sales.Await(self)
//		b, err := stock.Await(self)
//
// and for many items:
//
//	for page, err := range task.Stream(self, self, slices.Values(urls), fetch, task.MaxConcurrency(20)) {
//
// What this adds to goroutines: a panic is an error at whoever awaits, not the end of the program; a task ends with its
// owner, whatever ends that; it can be killed; it stands in the tree under a [Supervisor], and has a pid to link with and to
// monitor. A stream keeps order, bounds what runs, and leaves nothing behind when its loop is left.
//
// # Concurrency
//
// All functions and methods may be called from any goroutine; pass self as ctx in a handler, and the worker does other things
// meanwhile. The function of a task runs in a goroutine, shares what it refers to with its owner, and hands over its result
// without a copy: that is the one place where two processes can share memory. Leave what a task uses alone until it is done.
//
// # Guarantees
//
//   - Await and Yield give what the function returned; or a banyan.ProcessError with the exit reason, which holds the panic and
//     its stack; or the reason why the wait was given up.
//   - A linked owner gets an exit signal when its task panics, as from any link; and no message, also if it traps exits, when
//     a task ends as it should.
//   - When its owner or its supervisor ends, the function's context ends; a supervisor kills what has not ended in time.
//   - A stream never has more than MaxConcurrency functions at work, nor, when ordered, more than four times as many results
//     kept behind a slow one.
//
// Not guaranteed: that a function stops. Go cannot stop a goroutine: one that does not look at its context runs on until it returns,
// though its task is dead for everybody. The node waits for it when it stops.
//
// # Differences from Elixir
//
// Await that comes to its deadline does not end the caller, only the task. Anybody may await, and again. A stream's items do
// not take the consumer with them when they crash; each is an error in its place. Start counts an error as a crash.
//
// # Costs
//
// A task is an idle server and a goroutine. Starting and awaiting one costs about 10 us, and one item of a stream about as
// much; functions that wait cost nothing more, however many they are. Functions that compute share the processors with
// the node's processes as Go shares them among goroutines: bound their number, by MaxTasks or MaxConcurrency.
package task
