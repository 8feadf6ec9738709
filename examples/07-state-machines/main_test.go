// SPDX-License-Identifier: Apache-2.0

package main

func Example() {
	main()
	// Output:
	// places: [1 2 3]
	// 3 <nil>
	// open, 1 inside
	// closed, 1 inside
	// open, 2 inside
	// closed, 2 inside
	// open, 3 inside
	// closed, 3 inside
	// handlers: [board] <nil>
}
