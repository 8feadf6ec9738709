// SPDX-License-Identifier: Apache-2.0

// Package supervisor keeps processes running: OTP's supervisor, in Go.
//
// A tree is a value. It says who runs, in which order, and what happens when one ends; starting it gives a process that
// sees to it:
//
//	tree := supervisor.New("shop", supervisor.RestForOne, supervisor.Intensity(3, 5*time.Second),
//		supervisor.Worker("stock", NewStock, supervisor.With(banyan.Name("stock"))),
//		supervisor.Worker("audit", NewAudit, supervisor.Transient, supervisor.Shutdown(time.Second)),
//		supervisor.New("readers", supervisor.Dynamic),
//	)
//	sup, err := tree.Start(node)   // or app.Run(ctx, node, tree)
//
// Children are started in order; if one fails those before it are stopped in reverse and the start fails. When a child
// ends, its restart type says whether it is restarted, and the strategy who is restarted with it. More restarts than the
// intensity allows end the supervisor, so that the next one above may try with a fresh state. The rules in full stand in
// OTP's manual; where Go differs is told below.
//
// # Extending
//
// A child is a [Spec]: a name, a function that starts a process and returns its pid, and how to treat it. Any package can
// make one; what the function starts may be a server, a plain process, another supervisor, or a process on another node:
// the supervisor links with it, and the loss of its node is its exit with banyan.ErrNoConnection.
//
// # Children while running
//
// [StartChild], [TerminateChild], [RestartChild], [DeleteChild], [Which] and [Count] are calls to a running supervisor. A
// supervisor with the strategy [Dynamic] is made for them: its children have no order, are known by their pid, leave
// the list when they end, and are stopped all at once. All calls but StartChild and Stop may come from another node.
//
// # Concurrency
//
// A Tree is immutable and may be started any number of times, from anywhere. A supervisor does one thing at a time, as in
// OTP: while it waits for a child to start or to stop, calls to it wait too. Start functions run in the supervisor; what
// they start runs its constructor in its own process. They must not call their own supervisor.
//
// # Guarantees
//
//   - A child is never started while the one before it under the same name may still run on this node: it is linked, and
//     its end is known before the restart.
//   - No child outlives its supervisor, unless it traps exits and ignores them: children stay linked while they are being
//     stopped, also when the supervisor is killed in the middle of it.
//   - A child that does not stop in time is killed, and one that cannot even be killed (on a node that does not answer) is
//     reported and left behind: it holds up nobody for ever.
//   - A name that is not free yet when a child is restarted is waited for. It is not counted as a restart for the first
//     five seconds.
//   - One log record for each crash of a child, with what was done about it; one when the intensity is reached.
//
// Not guaranteed: that a child which was killed inside a handler has stopped working. Go cannot stop a goroutine; such a
// process is declared dead, refused everywhere and listed by Node.Stuck until its handler returns.
//
// # Differences from OTP
//
// An intensity that is reached ends the supervisor with the reason Shutdown(ErrIntensity) instead of the bare shutdown. A
// failed start is Shutdown(*StartError), so that it is logged once, where it happened. A restart that fails because a name
// is taken waits. [Stop] ends a supervisor from outside.
//
// # Costs
//
// A restart is the start of a process, two map updates and a step in a ring of time stamps: some microseconds, whatever the
// number of children and of restarts in the window. Stopping a child takes one small helper process that watches it.
package supervisor
