// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/banyan-go/banyan/internal/needs"
)

// A few phases: that the soak works, and can fail.
func TestSoak(t *testing.T) {
	needs.Erlang(t)
	var out strings.Builder
	if err := soak(t.Context(), 4*time.Second, 1, &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	t.Log(out.String())
}

func TestJudge(t *testing.T) {
	for name, c := range map[string]struct {
		t    tallyOut
		cut  bool
		want int
	}{
		"all":           {tallyOut{Count: 10, Last: 10}, false, 0},
		"one is lost":   {tallyOut{Count: 9, Last: 10}, false, 1},
		"lost by a cut": {tallyOut{Count: 9, Last: 10}, true, 0},
		"doubled":       {tallyOut{Count: 10, Last: 9, Back: 1}, true, 1},
		"changed":       {tallyOut{Count: 10, Last: 10, Bad: 1}, false, 1},
	} {
		total := &counts{}
		total.judge("a@h", "b@h", c.t, 10, c.cut, 1)
		if len(total.violations) != c.want {
			t.Errorf("%s: %v", name, total.violations)
		}
	}
}

func TestGrown(t *testing.T) {
	flat := make([]sample, 30)
	up := make([]sample, 30)
	for i := range flat {
		flat[i], up[i] = sample{100 + int64(i%3)}, sample{100 + int64(i)*20}
	}
	if g := grown(flat); g != nil {
		t.Error(g)
	}
	if g := grown(up); len(g) != 1 {
		t.Error(g)
	}
	if pause(context.Background(), time.Microsecond) != nil {
		t.Error("a pause must end")
	}
}
