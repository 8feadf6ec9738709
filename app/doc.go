// SPDX-License-Identifier: Apache-2.0

// Package app runs the applications of a node: started in the order of their dependencies, stopped in reverse. It is
// OTP's application, without its files: an application is a value.
//
//	err := app.Run(ctx, node,
//		app.New("db", dbTree, app.Needs("cluster"), app.Describe("replicated tables")),
//		app.New("cluster", clusterTree),
//		shopTree, // a tree is an application as it is: permanent, without dependencies, named as the tree
//	)
//
// Run returns when ctx ends (then with nil) or when an application ends that the node cannot do without.
//
// # What happens when an application ends by itself
//
//   - Permanent (the default): all others are stopped in reverse order, and Run returns an *EndError.
//   - Transient: the same, unless it ended with normal. Shutdown counts as an abnormal end here, as in OTP: a supervision
//     tree that gives up ends with it.
//   - Temporary: it is logged, and the others go on.
//
// # Order
//
// An application starts after all that it needs, and otherwise where it stands in the argument list; it starts when the one
// before it is ready. If one does not start those before it are stopped in reverse, and Run returns a *StartError. An
// application that is needed but not given, given twice, or needs itself by a detour is an error before anything starts.
//
// # Concurrency
//
// An App never changes once it is made. Run, Start and the methods of Running may be called from any goroutine. There is
// one set of applications on a node at a time; it belongs to a process with the name application_controller, the root of
// the node's tree.
//
// # Guarantees
//
// When Run has returned no application's top process is alive on this node. An application that does not stop within its
// time (Infinity unless StopTimeout says otherwise: a tree gives each of its children a time of its own) is killed. Run
// does not stop the node: call its Stop afterwards, which ends whatever runs besides the applications. Called before, it
// stops the applications in reverse order first.
//
// # Costs
//
// One process for all applications.
package app
