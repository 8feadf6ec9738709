// SPDX-License-Identifier: Apache-2.0

// Package restart decides what a supervisor does when a child ends. It is the core of package supervisor and of the
// node's own tree: no process, clock, goroutine or I/O, only a list of children and the rules of OTP's supervisor.
//
//	core, err := restart.New[string](restart.Options{Strategy: restart.RestForOne, Intensity: 3, Period: 5 * time.Second})
//	err = core.Add("stock", restart.Spec{Type: restart.Permanent})
//	core.Started("stock")
//	d := core.Exited("stock", restart.Crash, now) // d.Outcome, and what to stop and start in which order
//
// # The rules, in our words
//
//   - Children stand in the order in which they were added. They are started in this order and stopped in reverse.
//   - A permanent child is restarted however it ended. A transient child is restarted after a crash; after an orderly end
//     (normal, shutdown, or shutdown with more to say) it stays in the list, stopped. A temporary child is never restarted
//     and leaves the list when it ends, also when it is stopped because of a sibling.
//   - OneForOne and Dynamic restart the child alone. OneForAll first stops all others in reverse, then starts all in order.
//     RestForOne does so with those that stand behind the child. Children that stood stopped are started along with the
//     group, as in OTP.
//   - Dynamic children leave the list when they end and are not restarted, whatever their type.
//   - Each restart is entered in a window. One more than Intensity within Period, and the supervisor gives up: it stops all
//     children in reverse order and ends.
//   - A restart whose start fails is tried again, and each try is entered in the window. Children behind the one that
//     failed stay stopped until then.
//   - When a significant child ends by itself and is not restarted, AnySignificant shuts the supervisor down;
//     AllSignificant does when no other significant child is left that runs or is being restarted. A child that somebody
//     stopped does not count as ended by itself.
//   - A permanent child cannot be significant, and no child can be when auto-shutdown is Never.
//
// # Concurrency
//
// A Core belongs to one goroutine. The slices of a Decision are valid until the next call of a method that returns one.
//
// # Costs
//
// A decision about one child is O(1), about a group it is in the size of the group. The window keeps at most Intensity time
// stamps in a ring, so that a supervisor that restarts all the time costs what one does that never did.
package restart
