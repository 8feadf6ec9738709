// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/cluster"
	"github.com/banyan-go/banyan/db"
	"github.com/banyan-go/banyan/dist"
	"github.com/banyan-go/banyan/ets"
)

// The exit codes. They are a contract with scripts.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitUnreachable = 4 // or no answer in time
	exitDenied      = 5
	exitPartial     = 6 // some nodes did not answer; what the others said is printed
)

// coded is an error with an exit code of its own.
type coded struct {
	code int
	err  error
}

// Error is the error's.
func (e coded) Error() string { return e.err.Error() }

// Unwrap is the error.
func (e coded) Unwrap() error { return e.err }

// usage is an error of who wrote the command.
func usage(format string, args ...any) error { return coded{exitUsage, fmt.Errorf(format, args...)} }

// exitCode is the code for an error.
func exitCode(err error) int {
	var c coded
	switch {
	case err == nil:
		return 0
	case errors.As(err, &c):
		return c.code
	case errors.Is(err, ets.ErrBounds), errors.Is(err, db.ErrKeyText), strings.HasPrefix(err.Error(), "unknown command"): // cobra has no type for it
		return exitUsage
	case errors.Is(err, dist.ErrCookie), errors.Is(err, dist.ErrRefused), errors.Is(err, dist.ErrNotAllowed), errors.Is(err, dist.ErrTLS), errors.Is(err, ets.ErrAccess):
		return exitDenied
	case errors.Is(err, cluster.ErrUnknown), errors.Is(err, cluster.ErrNoCluster), errors.Is(err, ets.ErrNoTable), errors.Is(err, db.ErrNoTable),
		errors.Is(err, banyan.ErrNoProcess): // nobody there serves what was asked for
		return exitNotFound
	case errors.Is(err, banyan.ErrNoConnection), errors.Is(err, banyan.ErrTimeout), errors.Is(err, context.DeadlineExceeded),
		errors.Is(err, db.ErrNoQuorum):
		return exitUnreachable
	}
	return exitFailed
}

// strict makes a command's wrong flags and arguments errors of usage.
func strict(c *cobra.Command) *cobra.Command {
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return coded{exitUsage, err} })
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return coded{exitUsage, fmt.Errorf("%w: usage: %s", err, c.UseLine())}
			}
			return nil
		}
	}
	return c
}
