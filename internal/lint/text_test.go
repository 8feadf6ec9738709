// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"path"
	"regexp"
	"strings"
	"testing"
)

// The words that are looked for are put together here, or this file would break its own rules.
const (
	pause = "time." + "Sleep("
	todo  = "TO" + "DO"
	fixme = "FIX" + "ME"
)

func TestNoPausesInTests(t *testing.T) {
	for _, f := range readTree(t) {
		if !f.isTest() {
			continue
		}
		for i, line := range f.lines() {
			if strings.Contains(line, pause) && !strings.Contains(line, "//lint:sleep ") {
				t.Errorf("%s:%d: %s in a test.\n\tMend: wait for what you wait for (a channel, banyantest.Expect), or run in synctest.Test."+
					" Where the pause is what is tested, write //lint:sleep and the reason behind it.", f.path, i+1, pause+")")
			}
		}
	}
}

const maxLines = 800

func TestFilesAreShort(t *testing.T) {
	for _, f := range readTree(t) {
		if n := len(f.lines()); f.isGo() && n > maxLines {
			t.Errorf("%s has %d lines, more than %d.\n\tMend: one idea per file; split it.", f.path, n, maxLines)
		}
	}
}

func TestSPDX(t *testing.T) {
	const want = "// SPDX-License-Identifier: Apache-2.0"
	for _, f := range readTree(t) {
		if f.isGo() && f.lines()[0] != want {
			t.Errorf("%s does not begin with the licence.\n\tMend: make its first line %q.", f.path, want)
		}
	}
}

var (
	openWork = regexp.MustCompile(`\b(` + todo + `|` + fixme + `|XXX)\b`)
	issue    = regexp.MustCompile(`#\d+`)
)

func TestOpenWorkHasAnIssue(t *testing.T) {
	for _, f := range readTree(t) {
		for i, line := range f.lines() {
			if openWork.MatchString(line) && !issue.MatchString(line) && f.path != "docs/adr/000-template.md" && !strings.HasPrefix(f.path, "internal/lint/") {
				t.Errorf("%s:%d: open work without an issue: %s\n\tMend: write %s(#12): what, or do it.", f.path, i+1, strings.TrimSpace(line), todo)
			}
		}
	}
}

// workplace finds what is true only where the code was written: folders of one machine, and talk of how it was written.
var workplace = regexp.MustCompile(`(?i)(/` + `work/|/` + `root/|/` + `home/[a-z]|\b(this|my|our|another|previous|last|next|first) ` + `session\b|\bsub` + `agent)`)

func TestNoWorkplaces(t *testing.T) {
	for _, f := range readTree(t) {
		for i, line := range f.lines() {
			if m := workplace.FindString(line); m != "" {
				t.Errorf("%s:%d: %q names a workplace: %s\n\tMend: say it so that it is true on every machine.", f.path, i+1, m, strings.TrimSpace(line))
			}
		}
	}
}

const maxReadme = 120

func TestReadme(t *testing.T) {
	files := map[string]file{}
	for _, f := range readTree(t) {
		files[f.path] = f
	}
	readme := files["README.md"]
	if n := len(readme.lines()); n > maxReadme {
		t.Errorf("README.md has %d lines, more than %d.\n\tMend: move what is not for the first five minutes to docs/.", n, maxReadme)
	}
	for _, link := range regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`).FindAllStringSubmatch(readme.text, -1) {
		if _, ok := files[path.Clean(link[1])]; !ok && !isFolder(files, link[1]) {
			t.Errorf("README.md links to %s, which is not there.", link[1])
		}
	}
	hello := files["examples/01-hello/main.go"]
	_, code, _ := strings.Cut(hello.text, "\n\n")
	if !strings.Contains(readme.text, "```go\n"+strings.TrimSpace(code)+"\n```") {
		t.Errorf("README.md does not show examples/01-hello/main.go as it is.\n\tMend: paste it, from the package clause on, between ```go and ```.")
	}
	n := 0
	for _, line := range hello.lines() {
		if strings.TrimSpace(line) != "" {
			n++
		}
	}
	if n > 25 {
		t.Errorf("hello world has %d lines that are not blank, more than 25.", n)
	}
}

func isFolder(files map[string]file, name string) bool {
	name = strings.TrimSuffix(name, "/") + "/"
	for p := range files {
		if strings.HasPrefix(p, name) {
			return true
		}
	}
	return false
}

var testName = regexp.MustCompile("`(?:([\\w./]+)\\.)?((?:Test|Fuzz|Benchmark|Example)\\w*)`")

// TestDocsNameRealTests keeps the proofs that the documents give.
func TestDocsNameRealTests(t *testing.T) {
	have := map[string]bool{}
	decl := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark|Example)\w*)\(`)
	for _, f := range readTree(t) {
		if f.isTest() {
			for _, m := range decl.FindAllStringSubmatch(f.text, -1) {
				dir := path.Dir(f.path)
				if dir == "." {
					dir = "banyan"
				}
				have[m[1]], have[dir+"."+m[1]] = true, true
			}
		}
	}
	for _, f := range readTree(t) {
		if path.Ext(f.path) != ".md" {
			continue
		}
		for i, line := range f.lines() {
			for _, m := range testName.FindAllStringSubmatch(line, -1) {
				name := m[2]
				if m[1] != "" {
					name = m[1] + "." + m[2]
				}
				if !have[name] {
					t.Errorf("%s:%d names %s as a proof, and there is no such test.\n\tMend: name the test that shows it, or take the promise back.", f.path, i+1, name)
				}
			}
		}
	}
}
