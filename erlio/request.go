// SPDX-License-Identifier: Apache-2.0

package erlio

import (
	"fmt"
	"strings"

	"github.com/banyan-go/banyan/erlio/internal/iolib"
	"github.com/banyan-go/banyan/etf"
)

// maxNested bounds requests of requests.
const maxNested = 16

// reads reports whether a request has to wait for input.
func reads(req any) bool { return readsAt(req, maxNested) }

func readsAt(req any, depth int) bool {
	t, ok := req.(etf.Tuple)
	if !ok || len(t) < 2 || depth < 0 {
		return false
	}
	switch t[0] {
	case etf.Atom("get_line"), etf.Atom("get_chars"):
		return true
	case etf.Atom("requests"):
		l, _ := t[1].(etf.List)
		for _, r := range l {
			if readsAt(r, depth-1) {
				return true
			}
		}
	}
	return false
}

// serve answers one request, by the table of the I/O protocol.
func (l *Leader) serve(req any, depth int) any {
	if depth > maxNested {
		return failed(etf.Atom("request"))
	}
	tag, args := split(req)
	enc := etf.Atom("latin1") // of the old requests, which do not name one
	n := len(args)
	if n > 0 && (args[0] == etf.Atom("unicode") || args[0] == etf.Atom("latin1")) {
		enc, args = args[0].(etf.Atom), args[1:]
		n--
	}
	latin1 := enc == "latin1"
	switch {
	case tag == "put_chars" && n == 1:
		return l.put(args[0], latin1)
	case tag == "put_chars" && n == 3:
		return l.apply(args, latin1)
	case tag == "nl" && n == 0:
		return l.put([]byte("\n"), false)
	case tag == "get_line" && n == 1:
		return l.getLine(args[0], latin1)
	case tag == "get_chars" && n == 2:
		return l.getChars(args[0], args[1], latin1)
	case tag == "get_until" && n == 4, tag == "get_password" && n == 0:
		return failed(etf.Atom("enotsup"))
	case tag == "setopts" && n == 1:
		return l.setOptions(args[0])
	case tag == "getopts" && n == 0:
		return l.options()
	case tag == "get_geometry" && n == 1:
		return l.geometry(args[0])
	case tag == "requests" && n == 1:
		return l.several(args[0], depth)
	}
	return failed(etf.Atom("request"))
}

// split gives a request's name and arguments.
func split(req any) (etf.Atom, []any) {
	if a, ok := req.(etf.Atom); ok {
		return a, nil
	}
	t, _ := req.(etf.Tuple)
	if len(t) == 0 {
		return "", nil
	}
	a, _ := t[0].(etf.Atom)
	return a, t[1:]
}

// several serves a list of requests up to the first that fails; the last answer counts.
func (l *Leader) several(list any, depth int) any {
	reqs, ok := list.(etf.List)
	if !ok {
		return failed(etf.Atom("request"))
	}
	var last any = etf.Atom("ok")
	for _, r := range reqs {
		last = l.serve(r, depth+1)
		if t, ok := last.(etf.Tuple); ok && len(t) == 2 && t[0] == etf.Atom("error") {
			return last
		}
	}
	return last
}

func (l *Leader) geometry(what any) any {
	size := 0
	switch what {
	case etf.Atom("columns"):
		size = l.cfg.Columns
	case etf.Atom("rows"):
		size = l.cfg.Rows
	default:
		return failed(etf.Atom("request"))
	}
	if size <= 0 {
		return failed(etf.Atom("enotsup"))
	}
	return size
}

// put prints text.
func (l *Leader) put(chars any, latin1 bool) any {
	s, err := iolib.Text(chars, latin1, l.cfg.MaxText)
	if err != nil {
		return failed(etf.Atom("put_chars"))
	}
	return l.print(s)
}

// apply prints what a function of io_lib makes.
func (l *Leader) apply(mfa []any, latin1 bool) any {
	function, ok := mfa[1].(etf.Atom)
	list, isList := mfa[2].(etf.List)
	if !ok || !isList {
		return failed(etf.Atom("request"))
	}
	t, err := etf.TermOf(list) // registered structs became Go values on their way
	args, isList := t.(etf.List)
	if err != nil || !isList {
		return failed(function)
	}
	opts := iolib.Options{Limit: l.cfg.MaxText}
	var s string
	err = iolib.ErrFormat
	if mfa[0] == etf.Atom("io_lib") {
		switch {
		case (function == "format" || function == "fwrite") && len(args) == 2:
			if list, ok := args[1].(etf.List); ok {
				s, err = iolib.Format(args[0], list, opts)
			}
		case function == "write" && len(args) == 1:
			s, err = iolib.Format("~w", args, opts)
		case function == "nl" && len(args) == 0:
			s, err = "\n", nil
		}
	}
	if err != nil || latin1 && strings.ContainsFunc(s, beyondLatin1) {
		return failed(function)
	}
	return l.print(s)
}

func beyondLatin1(r rune) bool { return r > 0xFF }

// print writes to Out.
func (l *Leader) print(s string) any {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cfg.Out == nil || s == "" {
		return etf.Atom("ok")
	}
	b := []byte(s)
	if l.latin1 {
		b = b[:0:0]
		for _, r := range s {
			if beyondLatin1(r) {
				b = fmt.Appendf(b, `\x{%X}`, r)
			} else {
				b = append(b, byte(r))
			}
		}
	}
	if _, err := l.cfg.Out.Write(b); err != nil {
		l.node.Logger().Warn("group leader cannot write", "error", err)
		return failed(etf.Atom("eio"))
	}
	return etf.Atom("ok")
}
