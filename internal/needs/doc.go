// SPDX-License-Identifier: Apache-2.0

// Package needs skips tests whose machine lacks something, with one loud line, unless BANYAN_REQUIRE says that it must be
// there:
//
//	func TestWithErlang(t *testing.T) {
//		erl := needs.Erlang(t)
//		cmd := exec.Command(erl, "-noshell", ...)
//
// BANYAN_REQUIRE is a list of erlang, elixir, rabbitmq, root, browser, separated by commas, or all. What it names fails the test
// in place of skipping it, so that CI cannot pass by testing nothing.
package needs
