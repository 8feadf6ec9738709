// SPDX-License-Identifier: Apache-2.0

package etf

import (
	"reflect"
	"unsafe"

	"github.com/banyan-go/banyan/internal/typereg"
)

var errorType = reflect.TypeFor[error]()

// errorPlan is the plan of the interface error: {error, Reason}, and nil for none.
func errorPlan() *plan {
	return &plan{typ: errorType,
		enc: func(e *Encoder, p unsafe.Pointer) error { return e.error(*(*error)(p)) },
		dec: decError}
}

// error writes {error, Reason}. The reason is what the distribution makes of the error; one that cannot be written is
// replaced by its text.
func (e *Encoder) error(err error) error {
	if v := reflect.ValueOf(err); err == nil || v.Kind() == reflect.Pointer && v.IsNil() { // its Error method need not bear that
		return e.atom("nil")
	}
	e.Tuple(2)
	if err := e.atom("error"); err != nil {
		return err
	}
	if e.err != nil {
		return e.err
	}
	start, depth := len(e.buf), e.depth
	if e.nested(errorForm().Term(err)) == nil && e.err == nil {
		return nil
	}
	e.buf, e.depth, e.err = e.buf[:start], depth, nil
	return e.nested(Tuple{goError, []byte(err.Error())})
}

// decError reads it. Erlang's ok and undefined are no error either.
func decError(d *Decoder, p unsafe.Pointer) error {
	const what = "{error, Reason}, ok or nil"
	start := d.pos
	if d.Peek() == KindAtom {
		switch text, _, err := d.atomText(); {
		case err != nil:
			return err
		case text == "nil" || text == "undefined" || text == "ok":
			*(*error)(p) = nil
			return nil
		case text == "error": // Elixir's :error
			*(*error)(p) = errorOf(Atom("error"))
			return nil
		}
		d.pos = start
		return d.want(what)
	}
	if d.Peek() != KindTuple {
		return d.want(what)
	}
	n, err := d.TupleHeader()
	if err != nil {
		return err
	}
	if n != 2 || d.Peek() != KindAtom {
		d.pos = start
		return d.want(what)
	}
	if text, _, err := d.atomText(); err != nil {
		return err
	} else if text != "error" {
		d.pos = start
		return d.want(what)
	}
	was := d.resolve
	d.resolve = false // a reason goes back as it came
	reason, err := d.term()
	d.resolve = was
	if err == nil {
		*(*error)(p) = errorOf(reason)
	}
	return err
}

func errorOf(reason any) error { return errorForm().Error(reason) }

func errorForm() typereg.ErrorForm {
	if form, ok := typereg.Errors(); ok {
		return form
	}
	return plainErrors
}

// What follows is for programs that use this package without the distribution, which knows more of errors.

const goError Atom = "go_error"

// reasonError is a reason as an error. It goes back as the same reason.
type reasonError struct{ reason any }

func (e *reasonError) Error() string {
	if t, ok := e.reason.(Tuple); ok && len(t) == 2 && t[0] == any(goError) {
		if text, ok := t[1].([]byte); ok {
			return string(text)
		}
	}
	return Format(e.reason)
}

var plainErrors = typereg.ErrorForm{Term: plainReason, Error: func(reason any) error { return &reasonError{reason} }}

func plainReason(err error) any {
	if r, ok := err.(*reasonError); ok {
		return r.reason
	}
	return Tuple{goError, []byte(err.Error())}
}
