// SPDX-License-Identifier: Apache-2.0

package erltest_test

import (
	"testing"

	"github.com/banyan-go/banyan/internal/erltest"
)

func TestEval(t *testing.T) {
	e := erltest.Start(t, "erltest1", erltest.FreePort(t), "monster")
	for expr, want := range map[string]string{
		"node()":                       "'erltest1@127.0.0.1'",
		"X = [1,2],\n\t\tlists:sum(X)": "3",
		"exit(foo)":                    "{exit,foo}",
		"1 + foo":                      "{error,badarith}",
	} {
		if got := e.Eval(t, expr); got != want {
			t.Errorf("%s: got %s, want %s", expr, got, want)
		}
	}
	e.Until(t, "length(nodes())", "0")
}
