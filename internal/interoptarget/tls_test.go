// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"github.com/banyan-go/banyan/internal/erltest"
	"github.com/banyan-go/banyan/internal/needs"
)

// A hidden target whose links are all under TLS, with both sides verified.
func TestInteropTLS(t *testing.T) {
	needs.Erlang(t)
	port := erltest.FreePort(t)
	opt := erltest.TLSFile(t)
	tls := []string{"-proto_dist", "inet_tls", "-ssl_dist_optfile", opt}
	tg := startTarget(t, "itt", port, "--hidden", "--tls", opt)
	x := peer(t, "ittx", port, tls...)
	e := peer(t, "itte", port, tls...)
	runScenarios(t, e, tg.name, x.Name, false)
}
