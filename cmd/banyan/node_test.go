// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/cluster"
	"github.com/banyan-go/banyan/cluster/discover"
	"github.com/banyan-go/banyan/dist"
	"github.com/banyan-go/banyan/internal/erltest"
)

// testCluster is real nodes with a port mapper and a cookie of their own.
type testCluster struct {
	t      *testing.T
	port   int
	cookie string // its file
	tls    string // the file of certificates; empty: links are not encrypted
	dir    string
	nodes  map[string]*banyan.Node
	c      map[string]*cluster.Cluster
}

func newTestCluster(t *testing.T, names ...string) *testCluster {
	t.Helper()
	k := newTestPlace(t)
	for _, name := range names {
		k.start(name)
	}
	for _, name := range names {
		k.await(name, "all members", func(all []cluster.Member) bool {
			return len(all) == len(names) && !slices.ContainsFunc(all, func(m cluster.Member) bool { return !m.Usable() })
		})
	}
	return k
}

// newTestPlace is where nodes can be started.
func newTestPlace(t *testing.T) *testCluster {
	t.Helper()
	for _, env := range []string{"BANYAN_NODE", "BANYAN_COOKIE_FILE", "BANYAN_EPMD_PORT", "BANYAN_TIMEOUT", "BANYAN_TLS"} {
		t.Setenv(env, "")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &testCluster{t: t, port: l.Addr().(*net.TCPAddr).Port, cookie: cookieFile(t, "right"), dir: t.TempDir(),
		nodes: map[string]*banyan.Node{}, c: map[string]*cluster.Cluster{}}
	l.Close()
	return k
}

func cookieFile(t *testing.T, cookie string) string {
	path := filepath.Join(t.TempDir(), "cookie")
	if err := os.WriteFile(path, []byte(cookie), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (k *testCluster) start(name string) {
	k.t.Helper()
	cfg := dist.Config{CookieFile: k.cookie, Names: &dist.EPMD{Port: k.port}}
	if k.tls != "" {
		cfg.TLS = &dist.TLS{OptFile: k.tls}
	}
	n, err := banyan.Start(name, banyan.WithTransport(dist.New(cfg)))
	if err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(func() { n.Stop(context.Background()) })
	k.nodes[name] = n
	if k.c[name], err = cluster.Start(k.t.Context(), n, cluster.Config{Secret: "right", Version: "1.2", Zone: "east",
		Discovery: []cluster.Discovery{discover.Dir(k.dir)}}); err != nil {
		k.t.Fatal(err)
	}
}

// await waits until a node sees its members so.
func (k *testCluster) await(name, what string, ok func([]cluster.Member) bool) {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(k.t.Context(), 30*time.Second)
	defer cancel()
	for range k.c[name].Events(ctx) {
		if ok(slices.Collect(k.c[name].Members())) {
			return
		}
	}
	k.t.Fatalf("%s does not see %s", name, what)
}

// run is one command, and what it prints and ends with.
func (k *testCluster) run(args ...string) (out string, code int, err error) {
	k.t.Helper()
	c := root()
	var b bytes.Buffer
	c.SetOut(&b)
	c.SetErr(&b)
	c.SetArgs(append(args, "--epmd-port", fmt.Sprint(k.port)))
	if !slices.Contains(args, "--cookie-file") {
		c.SetArgs(append(args, "--epmd-port", fmt.Sprint(k.port), "--cookie-file", k.cookie))
	}
	err = c.ExecuteContext(k.t.Context())
	return b.String(), exitCode(err), err
}

// A cluster whose links are encrypted answers a command that has the certificates, and no other.
func TestCommandsOverTLS(t *testing.T) {
	k := newTestPlace(t)
	k.tls = erltest.TLSFile(t)
	k.start("tls@127.0.0.1")
	if out, code, err := k.run("ping", "tls@127.0.0.1", "--tls", k.tls); code != 0 {
		t.Errorf("%d, %v: %s", code, err, out)
	}
	if out, code, err := k.run("node", "ls", "--node", "tls@127.0.0.1", "--tls", k.tls); code != 0 || !strings.Contains(out, "tls@127.0.0.1") {
		t.Errorf("%d, %v: %s", code, err, out)
	}
	if out, code, err := k.run("ping", "tls@127.0.0.1", "--timeout", "2s"); code != exitDenied || !strings.Contains(fmt.Sprint(err, out), "--tls") {
		t.Errorf("without certificates: %d: %s", code, out)
	}
	if out, code, err := k.run("ping", "tls@127.0.0.1", "--tls", k.tls+".not"); code == 0 || err == nil || !strings.Contains(err.Error(), k.tls+".not") {
		t.Errorf("a file that is not there: %d, %v: %s", code, err, out)
	}
}

func TestNodeCommands(t *testing.T) {
	k := newTestCluster(t, "a@127.0.0.1", "b@127.0.0.1")
	want := func(code int, pattern string, args ...string) string {
		t.Helper()
		out, got, err := k.run(args...)
		text := out
		if err != nil {
			text += err.Error()
		}
		if got != code || !regexp.MustCompile(pattern).MatchString(text) {
			t.Errorf("%s: exit code %d, want %d; want %q:\n%s", strings.Join(args, " "), got, code, pattern, text)
		}
		return out
	}
	at := []string{"--node", "a@127.0.0.1"}
	ask := func(args ...string) []string { return append(args, at...) }

	want(0, `(?m)^NAME +STATE +REACH .*\na@127.0.0.1 +up +reachable .*\nb@127.0.0.1 +up +reachable`, ask("node", "ls")...)
	want(0, `ADDR +INSTANCE\n`, ask("node", "ls", "-o", "wide")...)
	want(0, `^a@127.0.0.1\nb@127.0.0.1\n$`, ask("node", "ls", "-o", "name")...)
	want(0, `pong +[0-9.]+ ms`, "ping", "b@127.0.0.1")
	want(0, `state +up\n(?s:.*)links +a@127.0.0.1`, "node", "info", "b@127.0.0.1")

	want(0, `would drain b@`, "node", "drain", "b@127.0.0.1", "--dry-run")
	want(0, `^drained b@127.0.0.1\n$`, "node", "drain", "b@127.0.0.1")
	want(0, `b@127.0.0.1 +draining`, "node", "ls", "--node", "b@127.0.0.1")
	want(0, `^in service b@127.0.0.1\n$`, "node", "undrain", "b@127.0.0.1")
	want(0, `b@127.0.0.1 +up`, "node", "ls", "--node", "b@127.0.0.1")

	want(2, `name@host`, "node", "ls")
	want(2, `usage: banyan node drain NODE`, "node", "drain")
	want(2, `unknown flag`, "node", "ls", "--what")
	want(2, `want name@host`, "ping", "b")
	want(2, `unknown command`, "nodes")
	want(2, `want table, wide`, ask("node", "ls", "-o", "yaml")...)
	want(3, `no member of that name`, ask("node", "forget", "nobody@127.0.0.1")...)
	want(1, `the member answers`, ask("node", "forget", "b@127.0.0.1")...)
	want(1, `the member answers`, ask("node", "forget", "b@127.0.0.1", "--dry-run")...)
	want(4, `not reached`, "node", "info", "nobody@127.0.0.1")
	want(4, `1 of 1`, "ping", "nobody@127.0.0.1")
	want(6, `1 of 2`, "ping", "nobody@127.0.0.1", "a@127.0.0.1")
	want(5, `cookie`, ask("node", "ls", "--cookie-file", cookieFile(t, "wrong"))...)

	want(0, `^drained b@127.0.0.1\n$`, "node", "drain", "b@127.0.0.1", "--leave")
	k.await("a@127.0.0.1", "b left", func(all []cluster.Member) bool { return all[1].State == cluster.Left })
	want(3, `no part in a cluster`, "node", "undrain", "b@127.0.0.1")
	if err := k.c["b@127.0.0.1"].Err(); !errors.Is(err, cluster.ErrLeft) {
		t.Errorf("b: %v", err)
	}
}

// The names of fields are a contract with scripts.
func TestNodeJSON(t *testing.T) {
	k := newTestCluster(t, "a@127.0.0.1")
	keys := func(out string, err error) []string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		out = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(out), "["), "]")
		var m map[string]any
		if err := json.Unmarshal([]byte(out), &m); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return slices.Sorted(func(yield func(string) bool) {
			for k := range m {
				if !yield(k) {
					return
				}
			}
		})
	}
	member := []string{"addr", "creation", "incarnation", "instance", "load", "name", "reach", "roles", "state", "version", "weight", "zone"}
	out, _, err := k.run("node", "ls", "--node", "a@127.0.0.1", "--json")
	if got := keys(out, err); !reflect.DeepEqual(got, member) {
		t.Errorf("ls: %v", got)
	}
	more := slices.Sorted(slices.Values(append([]string{"began", "cluster", "go", "links", "max_processes", "os_pid", "program", "system"}, member...)))
	out, _, err = k.run("node", "info", "a@127.0.0.1", "-o", "jsonl")
	if got := keys(out, err); !reflect.DeepEqual(got, more) {
		t.Errorf("info: %v", got)
	}
	out, _, err = k.run("ping", "a@127.0.0.1", "--json")
	if got := keys(out, err); !reflect.DeepEqual(got, []string{"connect_ms", "node", "ok", "round_ms"}) {
		t.Errorf("ping: %v", got)
	}
}
