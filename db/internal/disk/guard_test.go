// SPDX-License-Identifier: Apache-2.0

package disk

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

var errTest = errors.New("the disk says no")

// failing is a file system in memory on which operations fail from a moment on: those that bad accepts.
func failing(bad func(errorfs.Op) bool) (fs vfs.FS, begin func()) {
	on := false
	return errorfs.Wrap(vfs.NewMem(), errorfs.InjectorFunc(func(op errorfs.Op) error {
		if on && bad(op) {
			return errTest
		}
		return nil
	})), func() { on = true }
}

// TestGuardDiesOnce: the first failure is what everybody hears afterwards, also of operations that would succeed.
func TestGuardDiesOnce(t *testing.T) {
	fs, begin := failing(func(op errorfs.Op) bool { return op.Kind == errorfs.OpFileSync })
	g := NewGuard(fs)
	f, err := g.Create("a", vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(g.Err(), f.Sync()); err != nil {
		t.Fatal(err)
	}
	begin()
	if err := f.Sync(); !errors.Is(err, ErrDead) || !errors.Is(err, errTest) {
		t.Errorf("a sync that fails: %v", err)
	}
	select {
	case <-g.Dead():
	default:
		t.Error("it does not say that it is dead")
	}
	_, err = f.Write([]byte("x"))
	_, err2 := g.Create("b", vfs.WriteCategoryUnspecified)
	for what, err := range map[string]error{"a write": err, "a file": err2, "a name": g.Rename("a", "c"), "another failure": g.Fail("x", errors.New("later")), "waiting": g.Wait(nil)} {
		if !errors.Is(err, ErrDead) || !errors.Is(err, errTest) {
			t.Errorf("%s after a failed sync: %v", what, err)
		}
	}
}

// TestOpenOnAFullDisk: pebble flushes its log when it opens; where that fails, it would wait for ever.
func TestOpenOnAFullDisk(t *testing.T) {
	fs, begin := failing(func(op errorfs.Op) bool { return op.Kind == errorfs.OpFileWrite || op.Kind == errorfs.OpCreate })
	db, g, err := Open(Options{FS: fs, Dir: "d"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Set([]byte("k"), []byte("v"), pebble.Sync); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Close(), g.Err()); err != nil {
		t.Fatal(err)
	}
	begin()
	if _, _, err := Open(Options{FS: fs, Dir: "d"}, nil); !errors.Is(err, errTest) {
		t.Errorf("%v", err)
	}
}

// TestReadersOfADeadStore: pebble gives up in the middle of a flush, with its locks held. Who has a view can close it all the same.
func TestReadersOfADeadStore(t *testing.T) {
	fs, begin := failing(func(op errorfs.Op) bool {
		return strings.Contains(op.Path, "MANIFEST") && (op.Kind == errorfs.OpFileWrite || op.Kind == errorfs.OpFileSync)
	})
	db, g, err := Open(Options{FS: fs, Dir: "d"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Set([]byte("a"), nil, pebble.Sync); err != nil {
		t.Fatal(err)
	}
	view := db.NewSnapshot()
	begin()
	done, err := db.AsyncFlush()
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Wait(done); !errors.Is(err, errTest) {
		t.Fatal(err)
	}
	closed := make(chan error, 1)
	go func() { closed <- errors.Join(view.Close(), db.NewSnapshot().Close()) }()
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("they wait for ever")
	}
}
