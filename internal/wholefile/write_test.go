// SPDX-License-Identifier: Apache-2.0

package wholefile_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/banyan-go/banyan/internal/wholefile"
)

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	write := func(text string, after error) error {
		return wholefile.Write(path, func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return errors.Join(err, after)
		})
	}
	look := func(want string) {
		t.Helper()
		got, err := os.ReadFile(path)
		if err != nil || string(got) != want {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
		if list, err := os.ReadDir(dir); err != nil || len(list) != 1 {
			t.Errorf("%v, %v: want the file and nothing beside it", list, err)
		}
	}
	if err := write("old", nil); err != nil {
		t.Fatal(err)
	}
	look("old")
	failed := errors.New("failed")
	if err := write("half", failed); !errors.Is(err, failed) {
		t.Fatal(err)
	}
	look("old")
	if err := write("new", nil); err != nil {
		t.Fatal(err)
	}
	look("new")
	if err := wholefile.Write(filepath.Join(dir, "none", "file"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v: want that there is no such folder", err)
	}
}
