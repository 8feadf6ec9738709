// SPDX-License-Identifier: Apache-2.0

package index

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// File is one file to index.
type File struct {
	Path string // below the directory, with slashes
	Size int64  // as it was found; only for the cut into pieces and the display
}

// Piece is the unit of work: the files First to Last-1.
type Piece struct {
	First, Last int
	Bytes       int64
}

// Plan is the list of work.
type Plan struct {
	Files    []File // sorted by path; a file's number is its place here
	Pieces   []Piece
	Bytes    int64
	Problems []string // directories that could not be read, with the reason
}

// The cut: about this many pieces, within these sizes, so that a lost one costs little and handing out does too.
const (
	wantPieces   = 240
	minPiece     = 2 << 10
	maxPiece     = 1 << 20
	maxPieceFile = 400
)

func noFile(dir string) error {
	return fmt.Errorf("%s holds no regular file to index: give another directory", dir)
}

// Check tells, without reading all of it, whether there is anything to index below dir.
func Check(dir string) error {
	if _, err := os.ReadDir(dir); err != nil {
		return fmt.Errorf("the directory to index: %w", err)
	}
	found := false
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error { // what cannot be read Walk reports
		if err == nil && d.Type().IsRegular() {
			found = true
			return fs.SkipAll
		}
		return nil
	})
	if !found {
		return noFile(dir)
	}
	return nil
}

// Walk lists the files below dir. An unreadable directory below it is a Problem of the plan, dir itself an error.
func Walk(dir string) (*Plan, error) {
	if _, err := os.ReadDir(dir); err != nil {
		return nil, fmt.Errorf("the directory to index: %w", err)
	}
	p := &Plan{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		rel, rerr := filepath.Rel(dir, path)
		if rerr != nil {
			return rerr
		}
		rel = filepath.ToSlash(rel)
		switch {
		case err != nil:
			p.problem(rel, err)
			return nil
		case d.IsDir():
			if rel != "." && strings.HasPrefix(d.Name(), ".") {
				return fs.SkipDir
			}
		case d.Type().IsRegular():
			info, err := d.Info()
			if err != nil {
				p.problem(rel, err)
				return nil
			}
			p.Files = append(p.Files, File{rel, info.Size()})
			p.Bytes += info.Size()
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing the files of %s: %w", dir, err)
	}
	if len(p.Files) == 0 {
		return nil, noFile(dir)
	}
	sort.Slice(p.Files, func(i, j int) bool { return p.Files[i].Path < p.Files[j].Path })
	sort.Strings(p.Problems)
	p.cut()
	return p, nil
}

func (p *Plan) problem(path string, err error) {
	p.Problems = append(p.Problems, clean(path)+"\t"+clean(unreadable(err).Why))
}

// cut makes the pieces.
func (p *Plan) cut() {
	size := min(max(p.Bytes/wantPieces, minPiece), maxPiece)
	var c Piece
	for i, f := range p.Files {
		c.Last = i + 1
		c.Bytes += f.Size
		if c.Bytes >= size || c.Last-c.First >= maxPieceFile || i == len(p.Files)-1 {
			p.Pieces = append(p.Pieces, c)
			c = Piece{First: i + 1}
		}
	}
}

// Paths lists the files of a piece.
func (p *Plan) Paths(piece int) []string {
	c := p.Pieces[piece]
	paths := make([]string, 0, c.Last-c.First)
	for _, f := range p.Files[c.First:c.Last] {
		paths = append(paths, f.Path)
	}
	return paths
}

// Encode makes the plan bytes, to be copied to other nodes.
func (p *Plan) Encode() ([]byte, error) { return json.Marshal(p) }

// DecodePlan reads what Encode made, and checks that it holds together.
func DecodePlan(b []byte) (*Plan, error) {
	p := &Plan{}
	if err := json.Unmarshal(b, p); err != nil {
		return nil, fmt.Errorf("reading the plan: %w", err)
	}
	next := 0
	for _, c := range p.Pieces {
		if c.First != next || c.Last <= c.First || c.Last > len(p.Files) {
			return nil, errors.New("reading the plan: its pieces do not cover its files")
		}
		next = c.Last
	}
	if next != len(p.Files) || next == 0 {
		return nil, errors.New("reading the plan: its pieces do not cover its files")
	}
	return p, nil
}
