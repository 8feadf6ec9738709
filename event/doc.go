// SPDX-License-Identifier: Apache-2.0

// Package event has event managers: OTP's gen_event, in Go. A manager is a process with any number of handlers, which come and
// go while it runs; an event goes to all of them.
//
//	alarms, err := event.Start[Alarm](node, banyan.Name("alarms"))      // or supervisor.Worker("alarms", event.New[Alarm], ...)
//	err = event.Add(ctx, alarms, "mail", NewMailer)                     // a constructor, as of a server
//	err = event.Notify(ctx, alarms, Alarm{"disk full"})                 // to all handlers, without waiting
//	err = event.SyncNotify(ctx, alarms, Alarm{"on fire"})               // all have handled it
//	n, err := event.Call(ctx, alarms, "mail", Sent{})                   // a typed query to one handler
//
// Events have a type, and a [Handler] has a method that takes it; where a manager's events are of several types, its E is an
// interface (or any), and [On] makes handlers for one of the types. A handler may leave, or make place for another, by what it
// returns: [Remove], [SwapTo].
//
// # Supervised handlers
//
// A handler that crashes is removed, and the manager lives. Whoever added it by [AddSup] is told by [Gone], and may add it again;
// the end of that process removes the handler.
//
// # Erlang
//
// gen_event:notify, sync_notify, call, which_handlers, delete_handler and stop work on a manager from Erlang nodes. Events are
// converted to E by the rules of the wire, or by Config.Decode. gen_event:call needs a handler with a TermCall method. A handler
// that Erlang calls {Module, Id} is "Module:Id" here. gen_event:add_handler is refused with undef: handlers are Go code.
//
// # Concurrency
//
// All functions may be called from any goroutine, AddSup from a process's own turn. Handlers run one after the other, in the
// manager's process: one that waits holds up the others.
//
// # Guarantees
//
//   - Handlers get events in the order in which they arrive, each before the next one; within one event the newest handler first.
//   - A crash of a handler, by error or panic, removes it and touches no other; it is one log record.
//   - A swap loses no event: it happens between two.
//   - The number of handlers is bounded, see Config.
//
// Not guaranteed: that a manager survives runtime.Goexit in a handler; nothing can. A handler that blocks is not told from one
// that works.
//
// # Differences from OTP
//
// Names of handlers are unique. An error of a query is its answer. Handlers are added on the manager's own node only. What
// Terminate of a handler leaves to its heir is the handler itself.
//
// # Costs
//
// An event is one message to the manager and one method call for each handler, some nanoseconds.
package event
