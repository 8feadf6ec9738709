// SPDX-License-Identifier: Apache-2.0

package app

import (
	"fmt"
	"math"
	"time"

	"github.com/banyan-go/banyan"
)

// Starter starts an application's top process and returns when it is ready. It must hand opts on to Spawn or Go. A
// *supervisor.Tree is one.
type Starter interface {
	Launch(parent *banyan.Self, opts ...banyan.SpawnOption) (banyan.PID, error)
}

// Application is what Run takes: an *App, or a tree as it is.
type Application interface {
	Starter
	Name() string
}

// StartFunc is a function as a Starter.
type StartFunc func(parent *banyan.Self, opts ...banyan.SpawnOption) (banyan.PID, error)

// Launch calls it.
func (f StartFunc) Launch(parent *banyan.Self, opts ...banyan.SpawnOption) (banyan.PID, error) {
	return f(parent, opts...)
}

// Mode says what the end of an application means for the others. It is an Option.
type Mode uint8

// The modes.
const (
	// Permanent: its end is the end of all. This is the default.
	Permanent Mode = iota
	// Transient: so it is, unless it ends with normal.
	Transient
	// Temporary: the others go on.
	Temporary
)

// String is OTP's name.
func (m Mode) String() string {
	switch m {
	case Permanent:
		return "permanent"
	case Transient:
		return "transient"
	case Temporary:
		return "temporary"
	}
	return fmt.Sprintf("unknown (%d)", uint8(m))
}

// Infinity is a stop time-out that never comes.
const Infinity = time.Duration(math.MaxInt64)

// App is an application with all that can be said about it.
type App struct {
	name        string
	start       Starter
	description string
	needs       []string
	mode        Mode
	stop        time.Duration
}

// Option changes an App: Describe, Needs, StopTimeout, Permanent, Transient, Temporary.
type Option interface{ set(*App) }

type option func(*App)

func (o option) set(a *App) { o(a) }
func (m Mode) set(a *App)   { a.mode = m }

// New makes an application. start may be nil: then it is a library, which others can need but which runs nothing.
func New(name string, start Starter, opts ...Option) *App {
	a := &App{name: name, start: start, stop: Infinity}
	for _, o := range opts {
		o.set(a)
	}
	return a
}

// Describe says in a line what the application is for.
func Describe(line string) Option { return option(func(a *App) { a.description = line }) }

// Needs names applications that must be running first.
func Needs(names ...string) Option {
	return option(func(a *App) { a.needs = append(a.needs, names...) })
}

// StopTimeout is how long the application may take to stop before it is killed.
func StopTimeout(d time.Duration) Option { return option(func(a *App) { a.stop = d }) }

// Name is the application's name.
func (a *App) Name() string { return a.name }

// Description is the line of Describe.
func (a *App) Description() string { return a.description }

// Needs are the names of the applications that must run first.
func (a *App) Needs() []string { return append([]string(nil), a.needs...) }

// Mode says what its end means for the others.
func (a *App) Mode() Mode { return a.mode }

// Launch starts it; the zero PID if it is a library.
func (a *App) Launch(parent *banyan.Self, opts ...banyan.SpawnOption) (banyan.PID, error) {
	if a.start == nil {
		return banyan.PID{}, nil
	}
	return a.start.Launch(parent, opts...)
}

// asApp makes an App of any Application.
func asApp(a Application) *App {
	if x, ok := a.(*App); ok {
		return x
	}
	return New(a.Name(), a)
}
