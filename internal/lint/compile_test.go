// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var want = regexp.MustCompile("// want `(.*)`")

// TestWrongMessagesDoNotCompile builds the programs in testdata/compile. A line that says "// want" must not compile, with
// that error; a program without such a line must.
func TestWrongMessagesDoNotCompile(t *testing.T) {
	dirs, err := filepath.Glob("testdata/compile/*")
	if err != nil || len(dirs) == 0 {
		t.Fatal("no programs in testdata/compile", err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			src, err := os.ReadFile(filepath.Join(dir, "main.go"))
			if err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command("go", "build", "-o", os.DevNull, "./"+filepath.ToSlash(dir)).CombinedOutput()
			wanted := false
			for i, line := range strings.Split(string(src), "\n") {
				m := want.FindStringSubmatch(line)
				if m == nil {
					continue
				}
				wanted = true
				re := regexp.MustCompile(fmt.Sprintf(`main\.go:%d:\d+: .*%s`, i+1, m[1]))
				if err == nil {
					t.Errorf("it compiles, although line %d is wrong: %s", i+1, strings.TrimSpace(line))
				} else if !re.Match(out) {
					t.Errorf("want the error %q, got\n%s", re, out)
				}
			}
			if !wanted && err != nil {
				t.Errorf("it should compile: %v\n%s", err, out)
			}
		})
	}
}
