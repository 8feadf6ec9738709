// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"net"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist"
	"github.com/banyan-go/banyan/ets"
)

// shop starts a node with a port mapper and a cookie of its own, and gives the flags by which it is reached.
func shop(t *testing.T) (n *banyan.Node, flags []string) {
	t.Helper()
	for _, env := range []string{"BANYAN_NODE", "BANYAN_COOKIE_FILE", "BANYAN_EPMD_PORT", "BANYAN_TIMEOUT"} {
		t.Setenv(env, "")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port, cookie := l.Addr().(*net.TCPAddr).Port, cookieFile(t, "secret")
	l.Close()
	n, err = banyan.Start("shop@127.0.0.1", banyan.WithTransport(dist.New(dist.Config{CookieFile: cookie, Names: &dist.EPMD{Port: port}})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.Stop(context.Background()) })
	return n, []string{"--node", "shop@127.0.0.1", "--epmd-port", strconv.Itoa(port), "--cookie-file", cookie, "--timeout", "20s"}
}

// try runs the command and compares exit code and output; want is a regular expression for the whole of stdout.
func try(t *testing.T, code int, want string, flags []string, args ...string) (stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	c := root()
	c.SetArgs(append(args, flags...))
	c.SetOut(&out)
	c.SetErr(&errs)
	err := c.ExecuteContext(t.Context())
	if err != nil {
		errs.WriteString(err.Error())
	}
	if got := exitCode(err); got != code {
		t.Errorf("%v: exit code %d, want %d: %s", args, got, code, errs.String())
	}
	if !regexp.MustCompile(`^(?:` + want + `)$`).MatchString(out.String()) {
		t.Errorf("%v printed\n%s\nwant\n%s", args, out.String(), want)
	}
	return errs.String()
}

func TestTableCommand(t *testing.T) {
	n, flags := shop(t)
	try(t, 0, `NAME +KIND .*\n`, flags, "table", "ls") // none was ever made
	try(t, 0, `\[\]\n`, flags, "table", "ls", "--json")
	prices, err := ets.NewOrderedSet[string, int](n, "prices", ets.Cap(500))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 300 {
		_ = prices.Insert("p"+strconv.Itoa(100+i), i)
	}
	if _, err := ets.NewSet[int, int](n, "a\nb", ets.With(ets.Private)); err != nil {
		t.Fatal(err)
	}
	try(t, 0, `NAME +KIND +ROWS +MEMORY +ACCESS +OWNER +TYPES *
"a\\nb" +set +0 +~[0-9.]+ .?i?B +private +the node +int to int *
prices +ordered_set +300 +~[0-9.]+ KiB +protected +the node +string to int *
`, flags, "table", "ls")
	try(t, 0, `(?s)NAME .* HEIR +CAP .*prices .* - +500 +300 +0 .*\n`, flags, "table", "ls", "-o", "wide")
	try(t, 0, `"a\\nb"\nprices\n`, flags, "table", "ls", "-o", "name")
	try(t, 0, `\{"name":"a\\nb".*\}\n\{"name":"prices","node":"shop@127.0.0.1","kind":"ordered_set","types":"string to int","access":"protected",`+
		`"age_seconds":[0-9.]+,"rows":300,"cap":500,"bytes_estimate":\d+,"blocks":\d+,"writes":\d+,"splits":\d+,"joins":0,"copies":0,"expired":0,`+
		`"evicted":0,"refused":0,"events_lost":0\}\n`, flags, "table", "ls", "-o", "jsonl")

	if note := try(t, 0, `KEY +VALUE\n"p100" +0\n"p101" +1\n`, flags, "table", "scan", "prices", "-n", "2"); !strings.Contains(note, "first 2 rows") {
		t.Error(note)
	}
	try(t, 0, `\{"key":"p250","value":150\}\n\{"key":"p251","value":151\}\n`, flags, "table", "scan", "prices", "--from", "p250", "--before", `"p252"`, "-o", "jsonl")
	try(t, 0, `("p\d+"\n){300}`, flags, "table", "scan", "prices", "-n", "0", "-o", "name")

	try(t, exitNotFound, "", flags, "table", "scan", "nothing")
	try(t, exitDenied, "", flags, "table", "scan", "a\nb")
	try(t, exitUsage, "", flags, "table", "scan")
	try(t, exitUsage, "", flags, "table", "ls", "-o", "xml")
	try(t, exitUsage, "", flags, "table", "ls", "--no-such-flag")
	try(t, exitUsage, "", flags, "tabel", "ls")
	try(t, exitUsage, "", flags, "table", "scan", "prices", "-n", "-1")
	try(t, exitUsage, "", nil, "table", "ls")
}

func TestTableCommandIsRefused(t *testing.T) {
	_, flags := shop(t)
	wrong := cookieFile(t, "guess")
	if text := try(t, exitDenied, "", append(flags, "--cookie-file", wrong), "table", "ls"); !strings.Contains(text, "cookie") {
		t.Error(text)
	}
	try(t, exitUnreachable, "", append(flags, "--node", "nobody@127.0.0.1"), "table", "ls")
	t.Setenv("BANYAN_NODE", "shop@127.0.0.1")
	t.Setenv("BANYAN_EPMD_PORT", flags[3])
	t.Setenv("BANYAN_COOKIE_FILE", flags[5])
	t.Setenv("BANYAN_TIMEOUT", (20 * time.Second).String())
	try(t, 0, `NAME +KIND .*\n`, nil, "table", "ls")
}
