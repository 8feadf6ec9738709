// SPDX-License-Identifier: Apache-2.0

package discover_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan/cluster"
	"github.com/banyan-go/banyan/cluster/discover"
)

var (
	_ cluster.Discovery = discover.Static()
	_ cluster.Discovery = discover.Env("")
	_ cluster.Discovery = discover.File("")
	_ cluster.Discovery = discover.DNS{}
	_ cluster.Discovery = discover.Dir("")
	_ cluster.Announcer = discover.Dir("")
)

// watch runs a discovery for some time, with something done in between, and gives all that it found.
func watch(t *testing.T, d cluster.Discovery, steps ...func()) (found [][]string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- d.Discover(ctx, func(a []string) { found = append(found, slices.Clone(a)) }) }()
		for _, step := range steps {
			<-time.After(20 * time.Second)
			synctest.Wait()
			step()
		}
		<-time.After(20 * time.Second)
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
	return found
}

func want(t *testing.T, found [][]string, text string) {
	t.Helper()
	if got := fmt.Sprint(found); got != text {
		t.Errorf("found %s, want %s", got, text)
	}
}

func TestStaticAndEnv(t *testing.T) {
	want(t, watch(t, discover.Static("a:1", "b:2")), "[[a:1 b:2]]")
	t.Setenv("BANYAN_TEST_NODES", " a:1,b:2\tc ")
	want(t, watch(t, discover.Env("BANYAN_TEST_NODES")), "[[a:1 b:2 c]]")
	want(t, watch(t, discover.Env("BANYAN_TEST_NONE")), "[[]]")
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "nodes")
	write := func(text string) func() {
		return func() {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Error(err)
			}
		}
	}
	found := watch(t, discover.File(path), // it is not there yet
		write("# ours\na:1\nb:2 # the second\n"), func() {}, write("a:1, c:3"), func() { os.Remove(path) })
	want(t, found, "[[a:1 b:2] [a:1 c:3]]")
}

func TestDir(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "other"), []byte("x:1"), 0o600); err != nil {
		t.Fatal(err)
	}
	found := watch(t, discover.Dir(dir), func() {
		ctx, cancel := context.WithCancel(context.Background()) // t's own belongs to the world outside
		done := make(chan error)
		go func() { done <- discover.Dir(dir).Announce(ctx, "a:1") }()
		<-time.After(3 * time.Second)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	if !slices.ContainsFunc(found, func(a []string) bool { return slices.Equal(a, []string{"a:1"}) }) {
		t.Errorf("what was announced was not found: %v", found)
	}
	if last := found[len(found)-1]; len(last) != 0 {
		t.Errorf("what was taken away is found: %v", last)
	}
	if err := discover.Dir(filepath.Join(dir, "none")).Announce(t.Context(), "a:1"); err == nil {
		t.Error("announced in a directory that is not there")
	}
}

// answers is a resolver that gives one answer after another, the last one for ever.
type answers struct {
	hosts [][]string
	srv   []*net.SRV
	asked int
}

func (a *answers) LookupHost(context.Context, string) ([]string, error) {
	h := a.hosts[min(a.asked, len(a.hosts)-1)]
	if a.asked++; h == nil {
		return nil, errors.New("server failure")
	}
	return h, nil
}

func (a *answers) LookupSRV(context.Context, string, string, string) (string, []*net.SRV, error) {
	return "", a.srv, errors.New("some records were not valid")
}

func TestDNS(t *testing.T) {
	found := watch(t, discover.DNS{Name: "shop", Resolver: &answers{hosts: [][]string{{"10.0.0.1", "fe80::1"}, nil, {}, {"10.0.0.2"}}}})
	want(t, found[:2], "[[10.0.0.1:7946 [fe80::1]:7946] [10.0.0.2:7946]]")
	found = watch(t, discover.DNS{Name: "shop", Port: 99, Resolver: &answers{hosts: [][]string{{"10.0.0.1"}}}})
	want(t, found[:1], "[[10.0.0.1:99]]")
	found = watch(t, discover.DNS{SRV: true, Resolver: &answers{srv: []*net.SRV{{Target: "a.shop.", Port: 5}, nil, {Target: "b", Port: 0}}}})
	want(t, found[:1], "[[a.shop:5]]")
}

func Example() {
	cfg := cluster.Config{
		Secret: "what all nodes know",
		Discovery: []cluster.Discovery{
			discover.Static("host1:7946", "host2:7946"), discover.Env("SHOP_NODES"), discover.DNS{Name: "shop.internal"},
		},
	}
	fmt.Println(cfg.Validate())
	// Output: <nil>
}
