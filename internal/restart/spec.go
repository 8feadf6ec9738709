// SPDX-License-Identifier: Apache-2.0

package restart

import (
	"errors"
	"fmt"
	"time"
)

// Strategy says who else is restarted with a child.
type Strategy uint8

// The strategies.
const (
	OneForOne  Strategy = iota // the child alone
	OneForAll                  // all children
	RestForOne                 // the child and those that were started after it
	Dynamic                    // the child alone; children are added while running, and leave the list as they end
)

// String is OTP's name (Dynamic is simple_one_for_one there).
func (s Strategy) String() string {
	return name(s, "one_for_one", "one_for_all", "rest_for_one", "dynamic")
}

// Type says when a child is restarted.
type Type uint8

// The restart types.
const (
	Permanent Type = iota // always
	Transient             // when it crashed
	Temporary             // never
)

// String is OTP's name.
func (t Type) String() string { return name(t, "permanent", "transient", "temporary") }

// AutoShutdown says whether the end of significant children ends the supervisor.
type AutoShutdown uint8

// The ways of auto-shutdown.
const (
	Never          AutoShutdown = iota
	AnySignificant              // the first one that ends
	AllSignificant              // the last one that ends
)

// String is OTP's name.
func (a AutoShutdown) String() string { return name(a, "never", "any_significant", "all_significant") }

// Class is all that matters of an exit reason.
type Class uint8

// The classes of exit reasons.
const (
	Normal Class = iota // normal, shutdown, {shutdown, _}
	Crash               // all others
)

// String is for logs and tests.
func (c Class) String() string { return name(c, "normal", "crash") }

func name[T ~uint8](v T, names ...string) string {
	if int(v) < len(names) {
		return names[v]
	}
	return fmt.Sprintf("unknown (%d)", v)
}

// Options are those of a supervisor. The zero value is one_for_one and gives up at the first restart.
type Options struct {
	Strategy     Strategy
	Intensity    int           // restarts allowed within Period
	Period       time.Duration // more than 0, unless Intensity is 0
	AutoShutdown AutoShutdown
}

// Validate names all that is wrong.
func (o Options) Validate() error {
	var errs []error
	if o.Strategy > Dynamic {
		errs = append(errs, fmt.Errorf("strategy %s: use one_for_one, one_for_all, rest_for_one or dynamic", o.Strategy))
	}
	if o.AutoShutdown > AllSignificant {
		errs = append(errs, fmt.Errorf("auto-shutdown %s: use never, any_significant or all_significant", o.AutoShutdown))
	}
	if o.Intensity < 0 {
		errs = append(errs, fmt.Errorf("intensity %d is negative: use 0 to give up at the first restart", o.Intensity))
	}
	if o.Intensity > 0 && o.Period <= 0 {
		errs = append(errs, fmt.Errorf("intensity %d in a period of %s: the period must be more than 0", o.Intensity, o.Period))
	}
	return errors.Join(errs...)
}

// Spec is what the rules need to know of a child.
type Spec struct {
	Type        Type
	Significant bool
}

// check says whether a child may stand under a supervisor with these options.
func (s Spec) check(o Options) error {
	switch {
	case s.Type > Temporary:
		return fmt.Errorf("restart type %s: use permanent, transient or temporary", s.Type)
	case s.Significant && s.Type == Permanent:
		return errors.New("a permanent child is always restarted and cannot be significant: make it transient or temporary")
	case s.Significant && o.AutoShutdown == Never:
		return errors.New("a significant child needs a supervisor with auto-shutdown: set any_significant or all_significant")
	}
	return nil
}
