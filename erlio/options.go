// SPDX-License-Identifier: Apache-2.0

package erlio

import "github.com/banyan-go/banyan/etf"

// options answers getopts.
func (l *Leader) options() any {
	l.mu.Lock()
	defer l.mu.Unlock()
	enc := etf.Atom("unicode")
	if l.latin1 {
		enc = "latin1"
	}
	return etf.List{etf.Tuple{etf.Atom("binary"), l.binary}, etf.Tuple{etf.Atom("encoding"), enc}}
}

// setOptions knows binary, list, and encoding. An unknown one changes nothing of all.
func (l *Leader) setOptions(list any) any {
	opts, ok := list.(etf.List)
	if !ok {
		return failed(etf.Atom("request"))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	binary, latin1 := l.binary, l.latin1
	for _, o := range opts {
		name, value := o, any(etf.Atom("true"))
		if t, ok := o.(etf.Tuple); ok && len(t) == 2 {
			name, value = t[0], t[1]
		}
		is, isBool := truth(value)
		enc, isEnc := encoding(value)
		switch {
		case name == etf.Atom("binary") && isBool:
			binary = is
		case name == etf.Atom("list") && isBool:
			binary = !is
		case name == etf.Atom("encoding") && isEnc:
			latin1 = enc
		default:
			e, isEnc := encoding(name) // alone
			if !isEnc || !is {
				return failed(etf.Atom("enotsup"))
			}
			latin1 = e
		}
	}
	l.binary, l.latin1 = binary, latin1
	return etf.Atom("ok")
}

func truth(v any) (is, ok bool) {
	switch v {
	case etf.Atom("true"), true:
		return true, true
	case etf.Atom("false"), false:
		return false, true
	}
	return false, false
}

func encoding(v any) (latin1, ok bool) {
	switch v {
	case etf.Atom("unicode"), etf.Atom("utf8"):
		return false, true
	case etf.Atom("latin1"):
		return true, true
	}
	return false, false
}
