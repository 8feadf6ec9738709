// SPDX-License-Identifier: Apache-2.0

// Package page is the demo's status page: plain HTML that the server renders and sends again, as server-sent events, while
// somebody looks.
//
//	s, err := page.Start("127.0.0.1:0", look, page.Actions{Kill: kill, Add: add})
//	fmt.Println(s.URL())
//	defer s.Close()
//
// # Concurrency
//
// look and the actions are called from the goroutines of requests, several at once. Close ends all of them and waits.
//
// # Security
//
// The page is for the people at this machine: it answers only to requests that name the address it listens at (no other
// web site can point a name of its own at it), and a node is killed or added only with the token that the page itself holds.
package page
