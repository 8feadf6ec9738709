// SPDX-License-Identifier: Apache-2.0

package etf

import "slices"

// Key spells a value's term as a string, the same for all terms that are [Equal], so that any term can be the key of a Go map:
// its encoding, with the keys of maps in order. [DecodeTerm] gives the term again. Its errors are those of [Marshal].
func Key(v any) (string, error) {
	t, err := TermOf(v)
	if err != nil {
		return "", err
	}
	b, err := Marshal(ordered(t))
	return string(b), err
}

// ordered puts the keys of all maps in a generic term in order.
func ordered(t any) any {
	each := func(list []any) []any {
		out := make([]any, len(list))
		for i, e := range list {
			out[i] = ordered(e)
		}
		return out
	}
	switch t := t.(type) {
	case Tuple:
		return Tuple(each(t))
	case List:
		return List(each(t))
	case ImproperList:
		return ImproperList{Elems: each(t.Elems), Tail: ordered(t.Tail)}
	case Map:
		m := make(Map, len(t))
		for i, p := range t {
			m[i] = Pair{ordered(p.Key), ordered(p.Value)}
		}
		slices.SortFunc(m, func(a, b Pair) int { return Compare(a.Key, b.Key) })
		return m
	}
	return t
}
