// SPDX-License-Identifier: Apache-2.0

package route

import (
	"context"
	"errors"
	"fmt"

	"github.com/banyan-go/banyan"
)

// Broadcast casts a note to all. It tries each one, and the error holds all that failed.
func Broadcast[S any, M banyan.Note[S]](ctx context.Context, to banyan.Many[S], m M) error {
	refs, err := to.ResolveAll(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, ref := range refs {
		if err := banyan.Cast(ctx, ref, m); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// ErrTooFew: fewer answers came than Gather was asked for.
var ErrTooFew = errors.New("too few answers")

// Gather asks all and returns the first n answers, in the order in which they came; the other calls are given up. If there
// cannot be n it returns those that came, and ErrTooFew with what went wrong with the others. All answers as they come, errors
// too, are banyan.CallAll's.
func Gather[S, R any, Q banyan.Query[S, R]](ctx context.Context, to banyan.Many[S], q Q, n int, opts ...banyan.CallOption) ([]R, error) {
	var got []R
	var errs []error
	if n <= 0 {
		return nil, nil
	}
	for r := range banyan.CallAll(ctx, to, q, opts...) {
		if r.Err != nil {
			errs = append(errs, r.Err)
			continue
		}
		if got = append(got, r.Value); len(got) == n {
			return got, nil
		}
	}
	return got, fmt.Errorf("%w: %d of %d: %w", ErrTooFew, len(got), n, errors.Join(errs...))
}
