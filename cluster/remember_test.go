// SPDX-License-Identifier: Apache-2.0

package cluster_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan/cluster"
)

// A node that is started again, on a machine where nothing tells it of others, finds them by what it remembers: also all of them at once.
func TestMembersAreRemembered(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3)
		file := func(name string) string { return filepath.Join(dir, name) }
		start := func(name string) {
			cfg := w.config(name)
			cfg.Discovery, cfg.File = nil, file(name)
			c, err := cluster.Start(t.Context(), w.sim.Node(name), cfg)
			if err != nil {
				t.Fatal(err)
			}
			w.c[name] = c
		}
		for _, name := range w.names { // those of newWorld have no file
			w.c[name].Leave(t.Context())
			if err := os.WriteFile(file(name), []byte("what is this?\n"+strings.Join(w.seeds, " # \n")+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		<-time.After(2 * settled) // nobody is in anybody's memory but the files'
		for _, name := range w.names {
			start(name)
		}
		w.awaitAll(settled)
		<-time.After(30 * time.Second)
		for range 2 {
			for _, name := range w.names {
				w.sim.Kill(name)
			}
			for _, name := range w.names {
				w.sim.Restart(name)
				start(name)
			}
			w.awaitAll(settled)
			<-time.After(30 * time.Second)
		}
		b, err := os.ReadFile(file("n01@sim"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range w.names[1:] {
			if !strings.Contains(string(b), fmt.Sprintf("%s # %s ", w.addr(name), name)) {
				t.Errorf("%s is not remembered:\n%s", name, b)
			}
		}
		if left, err := filepath.Glob(filepath.Join(dir, "*.*.*")); err != nil || len(left) > 0 {
			t.Errorf("files are left: %v, %v", left, err)
		}
		w.c["n03@sim"].Leave(t.Context()) // who has left is not looked for
		<-time.After(30 * time.Second)
		if b, err = os.ReadFile(file("n01@sim")); err != nil || strings.Contains(string(b), "n03@sim") {
			t.Errorf("%v\n%s", err, b)
		}
	})
}

// Without a secret the cookie is taken, so that two nodes that talk to each other are a cluster with no more to be said.
func TestSecretIsTheCookie(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		w.awaitAll(settled)
		w.c["n02@sim"].Leave(t.Context())
		cfg := w.config("n02@sim")
		cfg.Secret = ""
		_, err := cluster.Start(t.Context(), w.sim.Node("n02@sim"), cfg)
		if err == nil || !strings.Contains(err.Error(), "another secret") { // the others have another one than the cookie
			t.Errorf("joined with the cookie: %v", err)
		}
		w.c["n01@sim"].Leave(t.Context())
		for _, name := range w.names {
			cfg := w.config(name)
			cfg.Secret = ""
			if w.c[name], err = cluster.Start(t.Context(), w.sim.Node(name), cfg); err != nil {
				t.Fatal(err)
			}
		}
		w.awaitAll(settled)
	})
}
