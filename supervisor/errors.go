// SPDX-License-Identifier: Apache-2.0

package supervisor

import (
	"errors"
	"fmt"

	"github.com/banyan-go/banyan/internal/restart"
)

// What calls to a supervisor may fail with. Test with errors.Is.
var (
	// ErrNotFound: the supervisor has no such child (any more).
	ErrNotFound = restart.ErrNotFound
	// ErrExists: there is a child with this id. If it is stopped use RestartChild.
	ErrExists = restart.ErrExists
	// ErrRunning: the child runs; TerminateChild stops it.
	ErrRunning = restart.ErrRunning
	// ErrRestarting: the child crashed, and its restart is being tried again. TerminateChild calls that off.
	ErrRestarting = restart.ErrRestarting
	// ErrIntensity is why a supervisor ended that had to restart too often.
	ErrIntensity = errors.New("restart intensity reached")
)

// StartError says which child kept a supervisor from starting.
type StartError struct {
	Supervisor, Child string
	Err               error
}

// Error names both.
func (e *StartError) Error() string {
	return fmt.Sprintf("supervisor %q: child %q did not start: %v", e.Supervisor, e.Child, e.Err)
}

// Unwrap gives the child's error.
func (e *StartError) Unwrap() error { return e.Err }
