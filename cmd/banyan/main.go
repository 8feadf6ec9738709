// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := root().ExecuteContext(ctx)
	cancel()
	if err != nil {
		fmt.Fprintln(os.Stderr, "banyan:", err)
		os.Exit(exitCode(err))
	}
}

// root is the command with all its subcommands.
func root() *cobra.Command {
	c := &cobra.Command{
		Use:           "banyan",
		Short:         "Erlang/OTP's distributed system for Go",
		SilenceUsage:  true, // an error that is not about usage must stay readable
		SilenceErrors: true, // main prints it
	}
	c.AddCommand(dbCommand(), demoCommand(), demoNodeCommand(), demoPlainCommand(), nodeCommand(), pingCommand(), tableCommand(), versionCommand())
	return strict(c)
}
