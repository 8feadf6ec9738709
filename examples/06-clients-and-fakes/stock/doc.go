// SPDX-License-Identifier: Apache-2.0

// Package stock holds the messages that a stock understands, and nothing of any server that does.
package stock
