// SPDX-License-Identifier: Apache-2.0

package needs

import "testing"

func TestRequired(t *testing.T) {
	for _, c := range []struct {
		list, what string
		want       bool
	}{
		{"", "erlang", false},
		{"all", "erlang", true},
		{"erlang", "erlang", true},
		{"erlang,root", "root", true},
		{"erlang, root", "root", true},
		{"erlang", "root", false},
		{"rooted", "root", false},
	} {
		if got := required(c.list, c.what); got != c.want {
			t.Errorf("required(%q, %q) = %v", c.list, c.what, got)
		}
	}
}

// ender is a test that notes how it ended.
type ender struct {
	testing.TB
	skipped, failed bool
}

func (e *ender) Name() string          { return "TestOfNeeds" }
func (e *ender) Helper()               {}
func (e *ender) Skip(...any)           { e.skipped = true }
func (e *ender) Fatalf(string, ...any) { e.failed = true; panic(e) }

func TestMissingSkipsOrFails(t *testing.T) {
	t.Setenv("BANYAN_REQUIRE", "")
	e := &ender{TB: t}
	Program(e, "unicorn", "no-such-program-anywhere")
	if !e.skipped || e.failed {
		t.Errorf("without BANYAN_REQUIRE: skipped %v, failed %v", e.skipped, e.failed)
	}
	t.Setenv("BANYAN_REQUIRE", "all")
	e = &ender{TB: t}
	func() {
		defer func() { _ = recover() }()
		Program(e, "unicorn", "no-such-program-anywhere")
	}()
	if e.skipped || !e.failed {
		t.Errorf("with BANYAN_REQUIRE=all: skipped %v, failed %v", e.skipped, e.failed)
	}
}
