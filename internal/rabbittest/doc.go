// SPDX-License-Identifier: Apache-2.0

// Package rabbittest shows a Banyan node at work with a large Erlang program that nobody here wrote: RabbitMQ, as Debian
// ships it. It holds tests only.
//
//	go test ./internal/rabbittest
//
// A test starts a broker of its own on loopback, with its files in a temporary folder, and a hidden Banyan node beside it. By
// calls of functions that RabbitMQ has for itself and its tools the node asks for the broker's status, declares queues, lists
// them and deletes one, with RabbitMQ's records as Go structs. It watches processes of the broker: one that is deleted, one
// that is killed and started again by its supervisor, and all of them when the broker is killed.
//
// Where there is no RabbitMQ the test is skipped, loudly; with BANYAN_REQUIRE=all it fails.
package rabbittest
