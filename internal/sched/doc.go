// SPDX-License-Identifier: Apache-2.0

// Package sched runs turns of tasks on a bounded number of workers.
//
// A task is something that sometimes has work (a server process) and then wants one turn. At most as many turns run at
// once as there are tokens, GOMAXPROCS of them; so the node's own goroutines (links, heartbeats, timers) never stand
// behind a crowd. A plain goroutine takes part through [Plain]: it holds a token while it runs.
//
//	s := sched.New(runtime.GOMAXPROCS(0), turn) // turn(task, coro) does the work
//	s.Ready(&owner.Task, nil)                   // from anywhere; once until its turn begins
//	s.Close()
//
// # How
//
//   - A token has a LIFO slot, a queue and one holder, a worker goroutine (or a Plain). Go's scheduler calls these P and M.
//   - A worker runs turns inside a coroutine ([Coro], iter.Pull). A turn that must wait calls [Coro.Park]: the coroutine
//     yields to its worker, which goes on with another coroutine under the same token. Parking costs two coroutine
//     switches, about 130 ns, instead of two goroutine switches.
//   - A monitor ticks each millisecond while something runs. It takes the token from a turn that has run for a tick and
//     gives it to another worker: at once if the machine has idle capacity (the turn is blocked in I/O), after ten ticks
//     and more otherwise (a crowd of CPU-bound turns is not multiplied). The worker that lost its token ends its turn
//     and becomes a spare.
//   - A queue belongs to its worker until tasks wait in it for 0.1 ms or turns are not short: then others may take from it,
//     and one is woken. Before that, a second processor would spend more on fetching what the tasks share than it could help.
//   - While long turns run on all tokens, one more token serves the tasks that are known to be quick. So a timer or a
//     link's messages wait for the slices in which Go shares its processors among goroutines, not for handlers that
//     compute for long or for ever.
//   - Tasks whose turns are short go before those of which that is not known, and these before those whose turns ran
//     long; but none is starved: every fourth and eighth pick is theirs.
//
// # Concurrency
//
// Ready, Now and Close may be called from any goroutine. Park only from the goroutine that runs the turn, see Coro.Mine.
// A task must not be made ready again before its turn began (the owner keeps that state under its own lock).
package sched
