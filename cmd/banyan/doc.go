// SPDX-License-Identifier: Apache-2.0

// Command banyan is Banyan's command line. So far it has
//
//	banyan demo      a real job on three nodes of this machine that survives kill -9
//	banyan node      list the nodes of a running cluster, show one, take one out of service and back, forget one
//	banyan ping      ask nodes whether they are there
//	banyan table     list the tables inside a running node, and print their rows
//	banyan version   what this is
//
// node, ping and table are hidden nodes for as long as a command takes; they need the cluster's cookie, and its certificates where links are encrypted. Results go to the standard output, as a table or
// as JSON whose field names are a contract, errors to the standard error. Exit codes: exit.go.
//
// Each subcommand is one file with a function that makes its cobra.Command; main.go lists them.
package main
