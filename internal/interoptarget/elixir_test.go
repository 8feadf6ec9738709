// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"

	"github.com/banyan-go/banyan/internal/erltest"
	"github.com/banyan-go/banyan/internal/needs"
)

// report makes a test of each scenario.
func report(t *testing.T, all []ran) {
	t.Helper()
	for _, r := range all {
		t.Run(r.target+": "+strings.TrimPrefix(r.name, "test "), func(t *testing.T) {
			if r.failure != "" {
				t.Error(r.failure)
			}
		})
	}
	t.Logf("%d scenarios from Elixir", len(all))
}

// A visible target, driven by Elixir, which prints there too.
func TestElixirVisible(t *testing.T) {
	needs.Elixir(t)
	port := erltest.FreePort(t)
	tg := startTarget(t, "exv", port)
	e := startElixir(t, "exve", port, true, []*target{tg})
	report(t, e.run(t))
	for _, want := range []string{"puts: Grüße from exve@127.0.0.1\n", "written a\n", `inspected by exve@127.0.0.1: %{a: [1, "b"]}` + "\n",
		"formatted by exve@127.0.0.1 {ok,1.5}\n", "led: exve@127.0.0.1\n"} {
		if got := tg.out.String(); !strings.Contains(got, want) {
			t.Errorf("the target printed\n%s\nwithout %q", got, want)
		}
	}
}

// A hidden target.
func TestElixirHidden(t *testing.T) {
	needs.Elixir(t)
	port := erltest.FreePort(t)
	tg := startTarget(t, "exh", port, "--hidden")
	e := startElixir(t, "exhe", port, false, []*target{tg})
	report(t, e.run(t))
}

// A hidden target whose links are under TLS, with both sides verified.
func TestElixirTLS(t *testing.T) {
	needs.Elixir(t)
	port := erltest.FreePort(t)
	opt := erltest.TLSFile(t)
	tg := startTarget(t, "ext", port, "--hidden", "--tls", opt)
	e := startElixir(t, "exte", port, false, []*target{tg}, "-proto_dist inet_tls -ssl_dist_optfile "+opt)
	report(t, e.run(t))
}
