// SPDX-License-Identifier: Apache-2.0

// Chapter 1: hello.
//
// A process is a value that only its own messages touch. Here it is a Counter. A message is a value with a method that takes
// the process's state: Add has a method Call, so it is answered, with an int. The compiler knows that: Call returns an int
// here, and sending Add to a process that is not a *Counter does not compile.
//
//	go run ./examples/01-hello
package main
