// SPDX-License-Identifier: Apache-2.0

package main

func Example() {
	main()
	// Output:
	// take 2: 1 <nil>
	// take 2: out of stock true
	// await 2: 4 <nil>
	// await coffee: true
}
