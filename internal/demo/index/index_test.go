// SPDX-License-Identifier: Apache-2.0

package index

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

// tree makes files below a new directory.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func plain(t testing.TB, dir string) (string, Summary) {
	t.Helper()
	var b bytes.Buffer
	sum, err := Plain(context.Background(), dir, &b)
	if err != nil {
		t.Fatal(err)
	}
	return b.String(), sum
}

func TestPlain(t *testing.T) {
	dir := tree(t, map[string]string{
		"b.txt": "go Go stop", "a/x.go": "package go", "a.txt": "zebra\n", "bin": "go\x00go", ".git/config": "go go",
		"empty": "",
	})
	got, sum := plain(t, dir)
	want := strings.Join([]string{"banyan index 1",
		"file\t0\ttext\t1\ta.txt", "file\t1\ttext\t2\ta/x.go", "file\t2\ttext\t3\tb.txt", "file\t3\tbinary\t0\tbin",
		"file\t4\ttext\t0\tempty",
		"go\t3\t2\t1:1,2:2", "package\t1\t1\t1:1", "stop\t1\t1\t2:1", "zebra\t1\t1\t0:1",
		"total\t5\t6\t4", ""}, "\n")
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if sum.Words != 6 || sum.Distinct != 4 || sum.Files != 5 || sum.Skipped != 1 || sum.Bytes != int64(len(want)) {
		t.Errorf("summary %+v", sum)
	}
}

// sharded makes the index from pieces, in random order and with repetitions, over some shards.
func sharded(t testing.TB, dir string, shards int, rng *rand.Rand) (string, Summary) {
	t.Helper()
	plan, err := Walk(dir)
	if err != nil {
		t.Fatal(err)
	}
	b, err := plan.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if plan, err = DecodePlan(b); err != nil {
		t.Fatal(err)
	}
	parts := make([]*Shard, shards)
	for i := range parts {
		parts[i] = NewShard()
	}
	results := make([][]FileResult, len(plan.Pieces))
	order := append(rng.Perm(len(plan.Pieces)), rng.Perm(len(plan.Pieces))...) // each piece twice
	for _, p := range order {
		var texts []Text
		for _, path := range plan.Paths(p) {
			texts = append(texts, Read(dir, path))
		}
		r, err := DecodeResult(Compute(p, plan.Pieces[p].First, texts, shards).Encode())
		if err != nil {
			t.Fatal(err)
		}
		again := results[p] != nil
		results[p] = r.Files
		for i, seg := range r.Segments {
			if applied, err := parts[i].Apply(p, seg); err != nil || applied == again {
				t.Fatalf("piece %d, again %v: applied %v, %v", p, again, applied, err)
			}
		}
	}
	var files []FileResult
	for _, r := range results {
		files = append(files, r...)
	}
	var out bytes.Buffer
	x := NewWriter(&out)
	if err := x.Files(plan, files); err != nil {
		t.Fatal(err)
	}
	var sources []Source
	for _, s := range parts {
		at, end := 0, false
		sources = append(sources, func() ([]byte, error) {
			if end {
				return nil, nil
			}
			b, next, err := s.Lines(at, 1+rng.IntN(200))
			at, end = next, next == 0
			return b, err
		})
	}
	if err := Merge(x, sources); err != nil {
		t.Fatal(err)
	}
	sum, err := x.Close()
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), sum
}

// The heart of the matter: whatever the order, the repetitions and the number of shards, the bytes are the same.
func TestShardedIsPlain(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 20 {
		files := map[string]string{}
		for i := range 1 + rng.IntN(40) {
			var b strings.Builder
			for range rng.IntN(300) {
				fmt.Fprintf(&b, "w%d ", rng.IntN(1+rng.IntN(500)))
			}
			files[fmt.Sprintf("d%d/f%d", rng.IntN(4), i)] = b.String()
		}
		dir := tree(t, files)
		want, wantSum := plain(t, dir)
		got, gotSum := sharded(t, dir, 1+rng.IntN(9), rng)
		if got != want || !reflect.DeepEqual(gotSum, wantSum) {
			t.Fatalf("round %d: %+v against %+v", round, gotSum, wantSum)
		}
	}
}

func TestUnreadable(t *testing.T) {
	if runtime.GOOS == "windows" || os.Getuid() == 0 {
		t.Log("file modes do not keep this user out: the file is replaced by a vanished one")
	}
	dir := tree(t, map[string]string{"a": "one", "b": "two", "c": "three"})
	plan, err := Walk(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "b")); err != nil {
		t.Fatal(err)
	}
	text := Read(dir, "b")
	if text.Status != Unreadable || text.Why == "" || strings.Contains(text.Why, dir) {
		t.Errorf("a vanished file: %+v", text)
	}
	var b bytes.Buffer
	x := NewWriter(&b)
	if err := x.Files(plan, []FileResult{{}, {Status: text.Status, Why: text.Why}, {}}); err != nil {
		t.Fatal(err)
	}
	sum, err := x.Close()
	if err != nil || sum.Unreadable != 1 || len(sum.Trouble) != 1 || !strings.HasPrefix(sum.Trouble[0], "b: ") {
		t.Errorf("%+v, %v", sum, err)
	}
	if !strings.Contains(b.String(), "file\t1\tunreadable\t0\tb\t") {
		t.Errorf("the table does not tell: %s", b.String())
	}
}

func TestWalkErrors(t *testing.T) {
	if err := Check(tree(t, map[string]string{"a/b/c": ""})); err != nil {
		t.Error(err)
	}
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), "none")} {
		if Check(dir) == nil {
			t.Errorf("%s: no error", dir)
		}
	}
	if _, err := Walk(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a directory that is not there: no error")
	}
	if _, err := Walk(t.TempDir()); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("an empty directory: %v", err)
	}
}

func TestPlanPieces(t *testing.T) {
	files := map[string]string{}
	for i := range 1000 {
		files[fmt.Sprintf("f%04d", i)] = strings.Repeat("x ", i)
	}
	plan, err := Walk(tree(t, files))
	if err != nil {
		t.Fatal(err)
	}
	next, bytes := 0, int64(0)
	for i, p := range plan.Pieces {
		if p.First != next || p.Last <= p.First || len(plan.Paths(i)) != p.Last-p.First {
			t.Fatalf("piece %d is %+v", i, p)
		}
		next, bytes = p.Last, bytes+p.Bytes
	}
	if next != 1000 || bytes != plan.Bytes || len(plan.Pieces) < 100 {
		t.Errorf("%d files, %d of %d bytes, %d pieces", next, bytes, plan.Bytes, len(plan.Pieces))
	}
}

// Whatever the bytes, reading them must neither panic nor allocate out of proportion.
func FuzzDecodeResult(f *testing.F) {
	r := Compute(3, 7, []Text{{Data: []byte("one two two")}, {Status: Unreadable, Why: "x"}}, 4)
	f.Add(r.Encode())
	f.Add([]byte{0, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := DecodeResult(b)
		if err != nil {
			return
		}
		s := NewShard()
		for i, seg := range r.Segments {
			if _, err := s.Apply(i, seg); err != nil {
				return
			}
		}
		_, _, _ = s.Lines(0, 1<<20) // an error is fine
	})
}

func TestMergeRefusesDisorder(t *testing.T) {
	one := func(s string) Source {
		sent := false
		return func() ([]byte, error) {
			if sent {
				return nil, nil
			}
			sent = true
			return []byte(s), nil
		}
	}
	for name, sources := range map[string][]Source{
		"the same word twice": {one("a\t1\t1\t0:1\n"), one("a\t1\t1\t0:1\n")},
		"out of order":        {one("b\t1\t1\t0:1\na\t1\t1\t0:1\n")},
		"half a line":         {one("a\t1")},
		"no line":             {one("rubbish\n")},
	} {
		if err := Merge(NewWriter(&bytes.Buffer{}), sources); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestEqual(t *testing.T) {
	dir := tree(t, map[string]string{"a": "x\ny\n", "same": "x\ny\n", "b": "x\nz\n", "short": "x\n"})
	for _, c := range []struct {
		other string
		equal bool
		where string
	}{{"same", true, ""}, {"b", false, `line 2: "y\n" against "z\n"`}, {"short", false, `line 2: "y\n" against nothing`}} {
		equal, where, err := Equal(filepath.Join(dir, "a"), filepath.Join(dir, c.other))
		if err != nil || equal != c.equal || where != c.where {
			t.Errorf("%s: %v, %s, %v", c.other, equal, where, err)
		}
	}
}
