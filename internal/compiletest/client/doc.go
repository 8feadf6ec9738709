// SPDX-License-Identifier: Apache-2.0

// Package client uses a shop of which it knows the API only.
package client
