// SPDX-License-Identifier: Apache-2.0

package main

func Example() {
	main()
	// Output:
	// one tea <nil>
	// one tea <nil>
	// one tea, the last <nil>
	// sorry, no tea <nil>
}
