// SPDX-License-Identifier: Apache-2.0

// Package shop is the server behind shopapi. It has a message of its own besides, whose state is the pointer.
package shop
