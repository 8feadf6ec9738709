// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package main

// Without means to poll a socket the plain side is not run.
var plainPollingPingPong, plainPollingEchoServer work
