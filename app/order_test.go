// SPDX-License-Identifier: Apache-2.0

package app

import (
	"slices"
	"strings"
	"testing"
)

func TestOrder(t *testing.T) {
	app := func(name string, needs ...string) Application { return New(name, nil, Needs(needs...)) }
	for _, tc := range []struct {
		name string
		apps []Application
		want string // names in order, or the error
	}{
		{"as given", []Application{app("a"), app("b"), app("c")}, "a b c"},
		{"needs first", []Application{app("a", "c"), app("b"), app("c")}, "c a b"},
		{"needs of needs, and what is needed twice", []Application{app("a", "b", "c"), app("b", "d"), app("c", "d"), app("d")}, "d b c a"},
		{"nothing", nil, ""},
		{"missing", []Application{app("db", "cluster")}, `app: "db" needs "cluster", which is not among the applications: add it`},
		{"circle", []Application{app("x", "a"), app("a", "b"), app("b", "c"), app("c", "a")}, "app: applications need each other in a circle: a -> b -> c -> a: take one of the needs away"},
		{"itself", []Application{app("a", "a")}, "a -> a"},
		{"twice", []Application{app("a"), app("a")}, `two applications named "a"`},
		{"no name", []Application{app("")}, "application 1 has no name"},
		{"nil", []Application{nil}, "argument 1 is nil"},
		{"mode", []Application{New("a", nil, Mode(7))}, "unknown (7)"},
		{"all mistakes at once", []Application{app("a", "x", "y")}, "\"y\""},
	} {
		got, err := order(tc.apps)
		var names []string
		for _, a := range got {
			names = append(names, a.name)
		}
		s := strings.Join(names, " ")
		if err != nil {
			if got != nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s: %v, want %s", tc.name, err, tc.want)
			}
		} else if s != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, s, tc.want)
		}
	}
}

func TestSettings(t *testing.T) {
	a := New("a", nil, Describe("what"), Needs("x"), Needs("y"), Transient, StopTimeout(5))
	if a.Name() != "a" || a.Description() != "what" || !slices.Equal(a.Needs(), []string{"x", "y"}) || a.Mode() != Transient || a.stop != 5 {
		t.Errorf("%+v", a)
	}
	if Permanent.String() != "permanent" || Transient.String() != "transient" || Temporary.String() != "temporary" {
		t.Error("mode names")
	}
}
