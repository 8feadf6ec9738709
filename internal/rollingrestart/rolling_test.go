// SPDX-License-Identifier: Apache-2.0

//go:build unix

package main

import (
	"bytes"
	"errors"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
)

// buildOf compiles the program.
func buildOf(t *testing.T, name string, flags ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if out, err := exec.Command("go", append(append([]string{"build", "-o", path}, flags...), ".")...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

// Every node of three is restarted under calls: none fails, none is handled twice.
func TestRollingRestart(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes and takes seconds")
	}
	try(t, options{rate: 300, quiet: time.Second, this: buildOf(t, "this")})
}

// The same, to a build whose messages have a field more, and back.
func TestRollingUpgrade(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes and takes seconds")
	}
	try(t, options{rate: 300, quiet: time.Second, this: buildOf(t, "this"), next: buildOf(t, "next", "-tags", "rollingnext")})
}

func try(t *testing.T, o options) {
	t.Helper()
	var b bytes.Buffer
	o.logs = t.Output()
	err := drive(o, &b)
	t.Log("\n" + b.String())
	if err != nil {
		t.Error(err)
	}
}

func TestCount(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j, err := openJournal(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []uint64{1, 2, 2, 4, 5} {
		if err := j.note(id); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	ends := []end{{id: 1}, {id: 2}, {id: 3}, {id: 4, err: banyan.ErrNotDelivered}, {id: 5, err: errors.New("what")}}
	got, err := count(ends, []string{path})
	if want := (tally{Sent: 5, Answered: 3, Failed: 2, Doubled: 1, Lost: 1, Untrue: 1}); got != want || err != nil {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	if _, err := count(ends[1:], []string{path}); err == nil {
		t.Error("a call that nobody has made is not told")
	}
}
