// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/banyan-go/banyan"

// root is the module's folder, seen from here.
var root = filepath.Join("..", "..")

// file is one text file of the tree.
type file struct {
	path string // from the root, with slashes
	text string
}

func (f file) lines() []string { return strings.Split(strings.TrimSuffix(f.text, "\n"), "\n") }
func (f file) isGo() bool      { return strings.HasSuffix(f.path, ".go") }
func (f file) isTest() bool    { return strings.HasSuffix(f.path, "_test.go") }

// textFiles are the kinds of files that people write.
var textFiles = map[string]bool{".go": true, ".md": true, ".txt": true, ".sh": true, ".yml": true, ".mod": true, ".html": true,
	".css": true, ".js": true, ".erl": true, ".ex": true, ".exs": true, "": true}

// tree reads every file that people write. Test data is left out: it is what it is.
var tree = sync.OnceValues(func() (files []file, err error) {
	err = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) { // a test of another package tidied up
				return nil
			}
			return err
		}
		rel, _ := filepath.Rel(root, p)
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			switch name := d.Name(); {
			case rel == ".", rel == ".ci":
			case strings.HasPrefix(name, "."), name == "testdata", name == "bin", rel == "bench/out", name == "_build":
				return filepath.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() || !textFiles[path.Ext(rel)] {
			return nil
		}
		b, err := os.ReadFile(p)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || bytes.IndexByte(b, 0) >= 0 {
			return err
		}
		files = append(files, file{rel, string(b)})
		return nil
	})
	return files, err
})

func readTree(t *testing.T) []file {
	t.Helper()
	files, err := tree()
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// pkg is what go list tells of a package.
type pkg struct {
	ImportPath   string
	Dir          string
	Name         string
	Standard     bool
	Module       *struct{ Path string }
	GoFiles      []string
	Imports      []string
	Deps         []string
	TestImports  []string
	XTestImports []string
}

// rel is the path within the module; "" is the root package.
func (p pkg) rel() string { return rel(p.ImportPath) }

func rel(importPath string) string {
	return strings.TrimPrefix(strings.TrimPrefix(importPath, module), "/")
}

// ours reports whether an import path is of this module.
func ours(importPath string) bool {
	return importPath == module || strings.HasPrefix(importPath, module+"/")
}

// list runs go list for an operating system, with everything that the module's packages depend on.
func list(t *testing.T, goos string) map[string]pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Dir,Name,Standard,Module,GoFiles,Imports,Deps,TestImports,XTestImports", "./...")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH=amd64", "CGO_ENABLED=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	pkgs := map[string]pkg{}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); err == io.EOF {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs[p.ImportPath] = p
	}
}
