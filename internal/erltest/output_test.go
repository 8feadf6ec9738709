// SPDX-License-Identifier: Apache-2.0

package erltest

import (
	"strings"
	"testing"
	"time"
)

// What a node says to its standard error is read while it runs, as a failing Answer does; the race detector looks on.
func TestOutputOfARunningNode(t *testing.T) {
	e := Start(t, "erltest2", FreePort(t), "monster")
	e.Tell(t, `io:format(standard_error, "oh dear~n", [])`)
	for start := time.Now(); !strings.Contains(e.errs.String(), "oh dear\n"); {
		if time.Since(start) > 20*time.Second {
			t.Fatalf("it says %q", e.errs)
		}
	}
	if got := e.Answer(t); got != "ok" {
		t.Error(got)
	}
}
