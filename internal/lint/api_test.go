// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write api/*.txt anew")

// public are the packages that users import, as on Linux.
func public(t *testing.T) (list1 []pkg) {
	t.Helper()
	for _, p := range list(t, "linux") {
		r := p.rel()
		if !ours(p.ImportPath) || p.Name == "main" || strings.Contains("/"+r+"/", "/internal/") || len(p.GoFiles) == 0 ||
			strings.HasPrefix(r, "examples/") || strings.HasPrefix(r, "cmd/") {
			continue
		}
		list1 = append(list1, p)
	}
	slices.SortFunc(list1, func(a, b pkg) int { return strings.Compare(a.ImportPath, b.ImportPath) })
	return list1
}

// parse reads a package's declarations, those that are exported only.
func parse(t *testing.T, p pkg) (*token.FileSet, *doc.Package) {
	t.Helper()
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range p.GoFiles {
		f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	d, err := doc.NewFromFiles(fset, files, p.ImportPath)
	if err != nil {
		t.Fatal(err)
	}
	return fset, d
}

// TestAPI compares the public API with what is written down, so that a change of it shows in review.
func TestAPI(t *testing.T) {
	dir := filepath.Join(root, "api")
	want := map[string]bool{}
	for _, p := range public(t) {
		name := strings.ReplaceAll(p.rel(), "/", "_") + ".txt"
		if p.rel() == "" {
			name = "banyan.txt"
		}
		want[name] = true
		fset, d := parse(t, p)
		now := listing(fset, d)
		file := filepath.Join(dir, name)
		old, _ := os.ReadFile(file) // missing: all is new
		if string(old) == now {
			continue
		}
		if *update {
			if err := os.MkdirAll(dir, 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(now), 0o666); err != nil {
				t.Fatal(err)
			}
			continue
		}
		t.Errorf("the API of %s is not what api/%s says:\n%s\tMend: if it is meant, go test ./internal/lint -run API -update, and look at the difference.",
			p.ImportPath, name, difference(string(old), now))
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.txt")) // the pattern is good
	for _, f := range files {
		if want[filepath.Base(f)] {
			continue
		}
		if *update {
			if err := os.Remove(f); err != nil {
				t.Fatal(err)
			}
			continue
		}
		t.Errorf("api/%s is of no package.\n\tMend: go test ./internal/lint -run API -update.", filepath.Base(f))
	}
}

// difference shows the lines that one has and the other has not.
func difference(old, now string) string {
	a, b := strings.Split(old, "\n"), strings.Split(now, "\n")
	var out strings.Builder
	n := 0
	show := func(sign string, lines, others []string) {
		for _, l := range lines {
			if !slices.Contains(others, l) {
				if n++; n <= 20 {
					fmt.Fprintf(&out, "\t\t%s %s\n", sign, l)
				}
			}
		}
	}
	show("-", a, b)
	show("+", b, a)
	if n > 20 {
		fmt.Fprintf(&out, "\t\tand %d lines more\n", n-20)
	}
	return out.String()
}

// listing is the API of a package as text: declarations without comments, sorted.
func listing(fset *token.FileSet, d *doc.Package) string {
	var consts, vars, funcs, types []string
	values := func(list []*doc.Value) {
		for _, v := range list {
			for at, s := range v.Decl.Specs {
				spec := s.(*ast.ValueSpec)
				for i, name := range spec.Names {
					if !name.IsExported() {
						continue
					}
					line := v.Decl.Tok.String() + " " + name.Name
					if spec.Type != nil {
						line += " " + source(fset, spec.Type)
					}
					if v.Decl.Tok == token.CONST {
						if i < len(spec.Values) {
							line += " = " + source(fset, spec.Values[i])
						} else {
							line += fmt.Sprintf(" // number %d of its group", at)
						}
						consts = append(consts, line)
					} else {
						vars = append(vars, line)
					}
				}
			}
		}
	}
	functions := func(list []*doc.Func) {
		for _, f := range list {
			decl := *f.Decl
			decl.Doc, decl.Body = nil, nil
			funcs = append(funcs, source(fset, &decl))
		}
	}
	values(d.Consts)
	values(d.Vars)
	functions(d.Funcs)
	for _, ty := range d.Types {
		values(ty.Consts)
		values(ty.Vars)
		functions(ty.Funcs)
		functions(ty.Methods)
		for _, s := range ty.Decl.Specs {
			spec := *s.(*ast.TypeSpec)
			spec.Doc, spec.Comment = nil, nil
			strip(&spec)
			types = append(types, "type "+source(fset, &spec))
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "package %s // %s\n", d.Name, d.ImportPath)
	for _, part := range [][]string{consts, vars, types, funcs} {
		slices.Sort(part)
		if len(part) > 0 {
			b.WriteString("\n" + strings.Join(part, "\n") + "\n")
		}
	}
	return b.String()
}

// strip takes the comments off a type's fields and methods.
func strip(n ast.Node) {
	ast.Inspect(n, func(n ast.Node) bool {
		if f, ok := n.(*ast.Field); ok {
			f.Doc, f.Comment = nil, nil
		}
		return true
	})
}

// source prints a declaration on as few lines as its own layout has.
func source(fset *token.FileSet, n any) string {
	var b bytes.Buffer
	if err := printer.Fprint(&b, fset, n); err != nil {
		return err.Error()
	}
	var lines []string
	for _, l := range strings.Split(b.String(), "\n") {
		if strings.TrimSpace(l) != "" {
			body := strings.TrimLeft(l, "\t")
			lines = append(lines, strings.Repeat("\t", len(l)-len(body))+strings.Join(strings.Fields(body), " "))
		}
	}
	return strings.Join(lines, "\n")
}

func TestPackagesAreDocumented(t *testing.T) {
	for _, p := range list(t, "linux") {
		if !ours(p.ImportPath) || p.Name == "main" || len(p.GoFiles) == 0 {
			continue
		}
		if !slices.Contains(p.GoFiles, "doc.go") {
			if p.rel() == "" || !strings.Contains("/"+p.rel()+"/", "/testdata/") {
				t.Errorf("%s has no doc.go.\n\tMend: write one: what it is for, the smallest example, who may call what from where, guarantees and non-guarantees.", p.ImportPath)
			}
			continue
		}
		if _, d := parse(t, p); d.Doc == "" {
			t.Errorf("doc.go of %s has no package comment.", p.ImportPath)
		}
	}
}

func TestExportsAreDocumented(t *testing.T) {
	for _, p := range public(t) {
		fset, d := parse(t, p)
		missing := func(pos token.Pos, name string) {
			at := fset.Position(pos)
			t.Errorf("%s:%d: %s has no comment.\n\tMend: a sentence that begins with its name: what it does, its errors, whether it blocks, who owns the arguments.",
				filepath.Join(p.rel(), filepath.Base(at.Filename)), at.Line, name)
		}
		values := func(list []*doc.Value) {
			for _, v := range list {
				if v.Doc != "" {
					continue
				}
				for _, s := range v.Decl.Specs {
					if spec := s.(*ast.ValueSpec); spec.Names[0].IsExported() && spec.Doc == nil && spec.Comment == nil {
						missing(spec.Pos(), spec.Names[0].Name)
					}
				}
			}
		}
		functions := func(list []*doc.Func) {
			for _, f := range list {
				if f.Doc == "" && !wellKnown[f.Name] {
					missing(f.Decl.Pos(), f.Name)
				}
			}
		}
		values(d.Consts)
		values(d.Vars)
		functions(d.Funcs)
		for _, ty := range d.Types {
			if ty.Doc == "" {
				missing(ty.Decl.Pos(), ty.Name)
			}
			values(ty.Consts)
			values(ty.Vars)
			functions(ty.Funcs)
			functions(ty.Methods)
		}
	}
}

// wellKnown methods say the same everywhere.
var wellKnown = map[string]bool{"Error": true, "Unwrap": true, "Is": true, "String": true}
