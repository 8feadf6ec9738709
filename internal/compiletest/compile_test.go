// SPDX-License-Identifier: Apache-2.0

package compiletest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What the compiler must say about each program: all of these words, so that one sees what does not fit. Of a wrong target
// it names the message and the server that the message is for; Go 1.26 does not print the target's own type there (it
// infers S through Resolve, and reports before S is put in).
var refused = map[string][]string{
	"calltarget": {"Take", "Call(*Stock, "},
	"calldest":   {"Take", "Call(*Stock, "},
	"casttarget": {"Refill", "Cast(*Stock, "},
	"callstray":  {"Stray", "Call"},
	"caststray":  {"Stray", "missing method Cast"},
	"callnote":   {"Refill", "Call"},
	"castquery":  {"Take", "missing method Cast"},
	"reply":      {"int", "string"},
	"callall":    {"Take", "Call(*Stock, "},
	"nametarget": {"Take", "Call(*Stock, "},
	"pid":        {"PID", "Dest"},
	"register":   {"Refill", "Call"},
}

func build(program string) (string, error) {
	out, err := exec.Command("go", "build", "-o", os.DevNull, "./testdata/"+program).CombinedOutput()
	return string(out), err
}

func TestProgramsThatMustNotCompile(t *testing.T) {
	if out, err := build("ok"); err != nil {
		t.Fatalf("the program without a mistake: %v\n%s", err, out)
	}
	dirs, err := filepath.Glob("testdata/*")
	if err != nil || len(dirs) != len(refused)+1 {
		t.Fatalf("%d programs, %d expectations, %v", len(dirs)-1, len(refused), err)
	}
	for name, words := range refused {
		t.Run(name, func(t *testing.T) {
			out, err := build(name)
			if err == nil {
				t.Fatal("it compiles")
			}
			t.Log(out)
			for _, w := range words {
				if !strings.Contains(out, w) {
					t.Errorf("the message does not name %s:\n%s", w, out)
				}
			}
			if n := strings.Count(out, "main.go:"); n != 1 {
				t.Errorf("%d errors, want that one:\n%s", n, out)
			}
		})
	}
}
