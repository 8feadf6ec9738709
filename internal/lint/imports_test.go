// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// room is a package, or a folder of them, and which other rooms it may import besides the standard library. The longest
// path that fits counts.
type room struct {
	path string // from the root; "" is the root package
	may  []string
	why  string
}

// leaves is internal/ without the rooms below it that are programs.
const leaves = "internal"

// rooms are the layers of the house, from the ground up. Imports point downwards only.
var rooms = []room{
	{leaves, nil,
		"the leaves import the standard library only, so that everything may stand on them"},
	{"", []string{leaves},
		"the runtime knows no network and no wire: it meets package dist through its own interface Transport"},
	{"etf", []string{leaves},
		"the term format is of use without the runtime, and shares only the identifiers of internal/term with it"},
	{"dist", []string{"", "etf", leaves},
		"the distribution serves the runtime; what is above it is found through node events and registered names"},
	{"supervisor", []string{"", leaves}, behaviours},
	{"app", []string{"", leaves}, behaviours},
	{"statem", []string{"", leaves}, behaviours},
	{"event", []string{"", leaves}, behaviours},
	{"task", []string{"", leaves}, behaviours},
	{"ets", []string{"", leaves}, "tables inside one node need the runtime and nothing else"},
	{"pg", []string{"", "etf", "dist", leaves}, middle},
	{"rpc", []string{"", "etf", "dist", leaves}, middle},
	{"erlio", []string{"", "etf", "dist", leaves}, middle},
	{"global", []string{"", "etf", "dist", leaves}, middle},
	{"cluster", []string{"", "etf", "dist", "supervisor", "app", leaves}, middle},
	{"db", []string{"", "etf", "dist", "cluster", "ets", "supervisor", "app", leaves}, middle},
	{"route", []string{"", "etf", "dist", "cluster", "pg", "supervisor", leaves}, middle},
	{"place", []string{"", "etf", "dist", "cluster", "db", "route", "pg", "supervisor", "app", leaves}, middle},
	{"introspect", []string{everything}, "it looks at everything; nothing looks at it from below"},
	{"observer", []string{"", "introspect", leaves}, "pictures are drawn of what introspect tells, by anybody's means"},
	{"metrics", []string{"", "introspect", leaves}, "figures come from introspect, by anybody's means"},
	{"banyantest", []string{"", "etf", "dist", leaves}, "the test kit stands on public packages and the simulated network"},
	{"internal/demo", []string{everything}, "the demo is a program"},
	{"internal/interopsoak", []string{everything}, "a program"},
	{"internal/soak", nil, "a program that runs tests"},
	{"internal/interoptarget", []string{everything}, "a program"},
	{"internal/rollingrestart", []string{everything}, "a program"},
	{"internal/compiletest", []string{""}, "what users may and may not write, as packages of their own"},
	{"internal/erltest", []string{leaves}, "real Erlang nodes for tests of any layer"},
	{"internal/rabbittest", nil, "it is a test of everything below"},
	{"internal/lint", nil, "it reads the code, it does not run it"},
	{"cmd", []string{everything, "internal/demo"}, "a program"},
	{"examples", []string{everything, "banyantest"}, "programs, for readers"},
}

const (
	everything = "*" // every room but the programs and the test kit
	behaviours = "behaviours stand on the runtime alone, so that any one can be left out, and work on one node without a network"
	middle     = "imports point downwards: etf, dist, then pg, rpc, global and cluster, then db and route, then place"
)

// never are the rooms that nobody imports but who names them, with the reason.
var never = map[string]string{
	"cmd":           "a command is an end: move what is of use to others into a package",
	"bench":         "benchmarks are an end, and a module of their own",
	"examples":      "examples are an end",
	"banyantest":    "only tests and examples import the test kit; production code must not carry package testing",
	"internal/lint": "rules are an end",

	"internal/compiletest":    "it is a test",
	"internal/interopsoak":    "a program is an end",
	"internal/soak":           "a program is an end",
	"internal/rabbittest":     "it is a test",
	"internal/interoptarget":  "a program is an end",
	"internal/rollingrestart": "a program is an end",
	"internal/demo":           "the demo is an end: move what is of use to others into a package",
}

// roomOf finds a package's room; ok is false for a package nobody has thought of.
func roomOf(rel string) (r room, ok bool) {
	for _, c := range rooms {
		if rel == c.path || (c.path != "" && strings.HasPrefix(rel, c.path+"/")) {
			if !ok || len(c.path) > len(r.path) {
				r, ok = c, true
			}
		}
	}
	return r, ok
}

func (r room) allows(to room) bool {
	if r.path == to.path || slices.Contains(r.may, to.path) {
		return true
	}
	return slices.Contains(r.may, everything) && never[to.path] == ""
}

func TestImportDirection(t *testing.T) {
	for _, goos := range []string{"linux", "darwin", "windows"} {
		for _, p := range list(t, goos) {
			if !ours(p.ImportPath) {
				continue
			}
			from, ok := roomOf(p.rel())
			if !ok {
				t.Errorf("%s has no rule.\n\tMend: add it to rooms in internal/lint/imports_test.go: what may it import, and why?", p.ImportPath)
				continue
			}
			for _, imp := range p.Imports {
				if !ours(imp) {
					continue
				}
				if to, ok := roomOf(rel(imp)); ok && !from.allows(to) {
					t.Errorf("(%s) %s imports %s, which it may not: %s.%s\n\tMend: move what both need further down, or let the lower one define an interface.",
						goos, p.ImportPath, imp, from.why, because(to))
				}
			}
			for _, imp := range append(p.TestImports, p.XTestImports...) {
				if to, ok := roomOf(rel(imp)); ours(imp) && ok && to.path != "banyantest" && never[to.path] != "" && to.path != from.path && !from.allows(to) {
					t.Errorf("a test of %s imports %s: %s.", p.ImportPath, imp, never[to.path])
				}
			}
		}
	}
}

func because(to room) string {
	if why := never[to.path]; why != "" {
		return " And " + why + "."
	}
	return ""
}

// TestNoNetwork keeps sockets out of the lower floors, also by way of others.
func TestNoNetwork(t *testing.T) {
	pkgs := list(t, "linux")
	for _, p := range pkgs {
		if !ours(p.ImportPath) {
			continue
		}
		switch r, _ := roomOf(p.rel()); r.path {
		case "", "etf", "supervisor", "app", "statem", "event", "task", "ets":
			for _, bad := range []string{"net", "net/http", "os/exec"} {
				if slices.Contains(p.Deps, bad) {
					t.Errorf("%s depends on %s, by way of %v.\n\tMend: sockets and programs belong into dist or above; take an interface instead.",
						p.ImportPath, bad, via(pkgs, p, bad))
				}
			}
		}
	}
}

// via names the direct imports of p through which it comes to depend on something.
func via(pkgs map[string]pkg, p pkg, on string) (list []string) {
	for _, imp := range p.Imports {
		if imp == on || slices.Contains(pkgs[imp].Deps, on) {
			list = append(list, imp)
		}
	}
	return list
}

// TestGossipOnlyWithCluster: a program that does not use package cluster, or what stands on it, must not carry memberlist.
func TestGossipOnlyWithCluster(t *testing.T) {
	const gossip, cluster = "github.com/hashicorp/memberlist", "github.com/banyan-go/banyan/cluster"
	pkgs := list(t, "linux")
	carried := false
	for _, p := range pkgs {
		if !ours(p.ImportPath) || !slices.Contains(p.Deps, gossip) {
			continue
		}
		carried = true
		if p.ImportPath != cluster && !strings.HasPrefix(p.ImportPath, cluster+"/") && !slices.Contains(p.Deps, cluster) {
			t.Errorf("%s depends on %s by way of %v, without package cluster", p.ImportPath, gossip, via(pkgs, p, gossip))
		}
		switch r, _ := roomOf(p.rel()); r.path {
		case "", "etf", "dist", "supervisor", "app", "statem", "event", "task", "ets", "pg", "rpc", "global", "erlio":
			t.Errorf("%s depends on %s, by way of %v.\n\tMend: only what is above cluster may.", p.ImportPath, gossip, via(pkgs, p, gossip))
		}
	}
	if !carried {
		t.Error("nothing depends on memberlist: this test looks for the wrong thing")
	}
}

// TestEnginesOnlyWithDB: a program that does not use package db, or what stands on it, links neither raft nor pebble.
func TestEnginesOnlyWithDB(t *testing.T) {
	const db = "github.com/banyan-go/banyan/db"
	pkgs := list(t, "linux")
	for _, engine := range []string{"go.etcd.io/raft/v3", "github.com/cockroachdb/pebble/v2"} {
		carried := false
		for _, p := range pkgs {
			if !ours(p.ImportPath) || !slices.Contains(p.Deps, engine) {
				continue
			}
			carried = true
			if p.ImportPath != db && !strings.HasPrefix(p.ImportPath, db+"/") && !slices.Contains(p.Deps, db) {
				t.Errorf("%s depends on %s by way of %v, without package db", p.ImportPath, engine, via(pkgs, p, engine))
			}
			switch r, _ := roomOf(p.rel()); r.path {
			case "db", "place", "cmd", "examples", "internal/demo", "observer", "introspect":
			default:
				t.Errorf("%s depends on %s, by way of %v.\n\tMend: only db and what is above it may.", p.ImportPath, engine, via(pkgs, p, engine))
			}
		}
		if !carried {
			t.Errorf("nothing depends on %s: this test looks for the wrong thing", engine)
		}
	}
}

// dependency is a row of the table in docs/dependencies.md: | `module` | `where`, `where` | reason |
var dependency = regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ([^|]+) \\| ([^|]+) \\|$")

// TestThirdParty allows modules of others only where docs/dependencies.md says so.
func TestThirdParty(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join(root, "docs", "dependencies.md"))
	if err != nil {
		t.Fatal(err)
	}
	where := map[string][]string{}
	for _, m := range dependency.FindAllStringSubmatch(string(doc), -1) {
		for _, w := range strings.Split(m[2], ",") {
			where[m[1]] = append(where[m[1]], strings.Trim(w, " `"))
		}
	}
	const mend = "\n\tMend: add a row to the table in docs/dependencies.md with the reason, or do without."
	pkgs := list(t, "linux")
	for _, p := range pkgs {
		if !ours(p.ImportPath) {
			continue
		}
		for _, imp := range slices.Concat(p.Imports, p.TestImports, p.XTestImports) {
			if q := pkgs[imp]; ours(imp) || imp == "C" || q.Standard || q.Module == nil && !strings.Contains(strings.Split(imp, "/")[0], ".") {
				continue
			}
			mod := moduleOf(imp, where)
			if mod == "" {
				t.Errorf("%s imports %s, of a module that is not in docs/dependencies.md.%s", p.ImportPath, imp, mend)
				continue
			}
			if !slices.ContainsFunc(where[mod], func(w string) bool { return p.rel() == w || strings.HasPrefix(p.rel(), w+"/") }) {
				t.Errorf("%s imports %s, which is allowed in %v only.%s", p.ImportPath, imp, where[mod], mend)
			}
		}
	}
	for _, mod := range direct(t) {
		if where[mod] == nil {
			t.Errorf("go.mod requires %s, which is not in docs/dependencies.md.%s", mod, mend)
		}
		delete(where, mod)
	}
	for mod := range where {
		t.Errorf("docs/dependencies.md lists %s, which go.mod does not require.\n\tMend: remove the row.", mod)
	}
}

func moduleOf(imp string, known map[string][]string) (mod string) {
	for m := range known {
		if (imp == m || strings.HasPrefix(imp, m+"/")) && len(m) > len(mod) {
			mod = m
		}
	}
	return mod
}

// direct are the modules that go.mod requires for ourselves.
func direct(t *testing.T) (mods []string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	in := false
	for _, line := range strings.Split(string(b), "\n") {
		f := strings.Fields(line)
		switch {
		case len(f) >= 2 && f[0] == "require" && f[1] == "(":
			in = true
		case len(f) == 1 && f[0] == ")":
			in = false
		case strings.HasSuffix(line, "// indirect"):
		case in && len(f) >= 2:
			mods = append(mods, f[0])
		case len(f) >= 3 && f[0] == "require":
			mods = append(mods, f[1])
		}
	}
	return mods
}
