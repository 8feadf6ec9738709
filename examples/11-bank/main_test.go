// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"flag"
	"os"
	"regexp"
	"testing"
)

// TestMain: the test's program is the bank's branches, too.
func TestMain(m *testing.M) {
	for _, a := range os.Args[1:] {
		if a == "-branch" {
			main()
			return
		}
	}
	flag.Parse()
	os.Exit(m.Run())
}

func TestStory(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	want := `^three nodes open a bank; .*
50 transfers at each of 3, and every audit finds 3000
bank1@127.0.0.1 is killed
50 transfers at each of 2, and every audit finds 3000
bank1@127.0.0.1 is started again
50 transfers at each of 3, and every audit finds 3000
$`
	if !regexp.MustCompile(want).MatchString(out.String()) {
		t.Errorf("it tells:\n%s", out.String())
	}
}
