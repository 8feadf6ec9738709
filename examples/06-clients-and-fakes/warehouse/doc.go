// SPDX-License-Identifier: Apache-2.0

// Package warehouse is a server that understands the messages of package stock.
package warehouse
