// SPDX-License-Identifier: Apache-2.0

// Package launch runs the demo: it starts the node processes, kills and restarts them, shows how far they are, and in the
// end compares their index with the one that a plain program computes. It has no part in the work: nodes talk to each
// other only, and say to the launcher, through a pipe, what they see.
//
//	err := launch.Run(ctx, launch.Options{Dir: dir, Nodes: 3, Out: os.Stdout})
//
// # Processes
//
// A node is this program once more, with the argument demo-node; the plain computation is another child (demo-plain), so
// that its time is its own. A node gets its configuration, with a cookie drawn for this run, as the first line of its
// standard input; when that input ends, the launcher is gone and the node ends too. On Linux the kernel kills it besides.
//
// # Concurrency
//
// Run may be called from several goroutines at once; runs share nothing. One goroutine per run decides (Run's own). Each child
// has one that reads its reports and waits for its end. Run returns when all have ended and no child is left; only a
// reader of Options.In may stay, in a read that nothing can interrupt.
package launch
