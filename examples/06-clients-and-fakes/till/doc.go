// SPDX-License-Identifier: Apache-2.0

// Package till is a client of a stock. It knows the messages, not the server.
package till
