// SPDX-License-Identifier: Apache-2.0

package main

func Example() {
	main()
	// Output:
	// 60 <nil>
	// crashed: true
	// 60 <nil>
	// counter restarts: 1
	// audit restarts: 1
}
