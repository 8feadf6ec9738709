// SPDX-License-Identifier: Apache-2.0

package typereg

import "sync/atomic"

// ErrorForm is how errors become reasons and reasons errors, which only who knows their codes can say.
type ErrorForm struct {
	Term  func(error) any        // the generic term of an error, not nil
	Error func(reason any) error // its inverse; never nil
}

var errorForm atomic.Pointer[ErrorForm]

// SetErrors tells how errors travel. The distribution does so when the program starts; the last one counts.
func SetErrors(f ErrorForm) { errorForm.Store(&f) }

// Errors returns what SetErrors got; ok is false before.
func Errors() (f ErrorForm, ok bool) {
	if p := errorForm.Load(); p != nil {
		return *p, true
	}
	return ErrorForm{}, false
}
