// SPDX-License-Identifier: Apache-2.0

package needs

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// Erlang needs a real erl, and gives its path.
func Erlang(t testing.TB) string {
	t.Helper()
	return program(t, "erlang", "erl")
}

// Elixir needs a real elixir, and gives its path.
func Elixir(t testing.TB) string {
	t.Helper()
	Erlang(t)
	return program(t, "elixir", "elixir")
}

// Browser needs a Chromium or Chrome, and gives its path.
func Browser(t testing.TB) string {
	t.Helper()
	return program(t, "browser", "chromium", "chromium-browser", "google-chrome", "headless-shell")
}

// RabbitMQ needs Debian's RabbitMQ, and gives the path of its server: not of the one in PATH, which changes the user.
func RabbitMQ(t testing.TB) string {
	t.Helper()
	return program(t, "rabbitmq", "/usr/lib/rabbitmq/bin/rabbitmq-server")
}

// Program needs a program of any name; what is the word for BANYAN_REQUIRE.
func Program(t testing.TB, what, name string) string {
	t.Helper()
	return program(t, what, name)
}

// Root needs the rights of root, for real network faults.
func Root(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		missing(t, "root", "this test needs the rights of root")
	}
}

func program(t testing.TB, what string, names ...string) string {
	t.Helper()
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	missing(t, what, "no "+strings.Join(names, " or ")+" in PATH")
	return ""
}

// missing ends the test, as a failure if what is missing is required.
func missing(t testing.TB, what, why string) {
	t.Helper()
	if required(os.Getenv("BANYAN_REQUIRE"), what) {
		t.Fatalf("MISSING %s: %s, and BANYAN_REQUIRE asks for it", what, why)
	}
	fmt.Fprintf(os.Stderr, "SKIPPED %s: %s (BANYAN_REQUIRE=%s makes this a failure)\n", t.Name(), why, what)
	t.Skip(why)
}

func required(list, what string) bool {
	have := strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
	return slices.Contains(have, "all") || slices.Contains(have, what)
}
