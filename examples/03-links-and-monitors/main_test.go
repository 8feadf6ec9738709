// SPDX-License-Identifier: Apache-2.0

package main

func Example() {
	main()
	// Output:
	// down: the machine is broken
	// exit: panic: assignment to entry in nil map
	// it was a panic, with its stack: true
	// the watcher is to end: the machine is broken
}
