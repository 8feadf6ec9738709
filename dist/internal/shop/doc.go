// SPDX-License-Identifier: Apache-2.0

// Package shop has nothing but a test: the table of docs/wire.md, which shows how Go values look in Erlang and Elixir. Each
// row of the page is a value here that is encoded, printed, read by a real Erlang and a real Elixir, sent back by them, and
// decoded again. The package has the name that the types of the page should have.
//
//	go test ./dist/internal/shop -update // write docs/wire.md anew
//
// # Concurrency
//
// There is nothing to call.
package shop
