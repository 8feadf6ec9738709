// SPDX-License-Identifier: Apache-2.0

// Command banyan is Banyan's command line. So far it has
//
//	banyan demo      a real job on three nodes of this machine that survives kill -9
//	banyan version   what this is
//
// Each subcommand is one file with a function that makes its cobra.Command; main.go lists them.
package main
