// SPDX-License-Identifier: Apache-2.0

// Package shopapi is what clients of the shop need: the messages, and the interface that a server behind them has.
package shopapi
