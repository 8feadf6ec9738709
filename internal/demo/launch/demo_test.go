// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// The test's own program is the nodes' too.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Getenv("BANYAN_DEMO_TEST") != "" {
		run := map[string]func(context.Context) error{NodeCommand: NodeMain, PlainCommand: PlainMain}[os.Args[1]]
		if run != nil {
			if err := run(context.Background()); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			os.Exit(0)
		}
	}
	os.Exit(m.Run())
}

// texts makes a small tree.
func texts(t *testing.T) string {
	t.Helper()
	rng := rand.New(rand.NewPCG(7, 7))
	dir := t.TempDir()
	for i := range 200 {
		var b strings.Builder
		for range 500 {
			fmt.Fprintf(&b, "word%d ", rng.IntN(3000))
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("f%03d.txt", i)), []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "binary"), []byte("a\x00b"), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// output is a writer that tells when a pattern has come.
type output struct {
	mu   sync.Mutex
	b    bytes.Buffer
	want *regexp.Regexp
	seen chan []string
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.b.Write(p)
	if o.want != nil {
		if m := o.want.FindStringSubmatch(o.b.String()); m != nil {
			o.want = nil
			o.seen <- m
		}
	}
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

func options(t *testing.T, out *output) Options {
	if testing.Short() {
		t.Skip("starts processes and takes seconds")
	}
	t.Setenv("TMPDIR", t.TempDir())
	return Options{Dir: texts(t), Nodes: 3, Shards: 5, Workers: 2, Readers: 1, HTTP: "127.0.0.1:0", Out: out,
		Env: []string{"BANYAN_DEMO_TEST=1"}}
}

// The whole thing, small: three processes, of which one is killed at work. The index is right all the same, and nothing
// is left behind.
func TestKillOne(t *testing.T) {
	out := &output{want: regexp.MustCompile(`\n +([1-9][0-9]*)\.\d%`), seen: make(chan []string, 1)}
	o := options(t, out)
	o.Least = 3 * time.Second
	in, kill, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	defer kill.Close()
	o.In = in
	go func() {
		<-out.seen
		fmt.Fprintln(kill, "kill a")
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := Run(ctx, o); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text := out.String()
	for _, want := range []string{"kill -9 a", "by hand", "equal, byte for byte", "201 files, 1 of them binary", "1 killed"} {
		if !strings.Contains(text, want) {
			t.Errorf("the output lacks %q:\n%s", want, text)
		}
	}
	noneLeft(t, text)
}

// A node that is added while the job runs, by another program, finds the others and takes its share.
func TestAddNode(t *testing.T) {
	out := &output{want: regexp.MustCompile(`\n +([1-9][0-9]*)\.\d%`), seen: make(chan []string, 1)}
	o := options(t, out)
	o.Least = 6 * time.Second
	added := make(chan error, 1)
	go func() {
		<-out.seen
		what, err := Add(t.Context())
		if err == nil && !strings.HasPrefix(what, "node d@127.0.0.1 is pid") {
			err = errors.New(what)
		}
		added <- err
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := Run(ctx, o); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := <-added; err != nil {
		t.Error(err)
	}
	text := out.String()
	for _, want := range []string{"node d is added", "equal, byte for byte", "4 nodes", "0 killed"} {
		if !strings.Contains(text, want) {
			t.Errorf("the output lacks %q:\n%s", want, text)
		}
	}
	if regexp.MustCompile(`counted by .* d 0 B`).MatchString(text) {
		t.Errorf("the node that was added has done nothing:\n%s", text)
	}
	noneLeft(t, text)
	if _, err := Add(t.Context()); !errors.Is(err, ErrNoDemo) {
		t.Errorf("with no demo running: %v", err)
	}
}

// An interrupt stops all, at once.
func TestInterrupt(t *testing.T) {
	out := &output{want: regexp.MustCompile(`node c is pid`), seen: make(chan []string, 1)}
	o := options(t, out)
	o.Least = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		<-out.seen
		cancel()
	}()
	if err := Run(ctx, o); !errors.Is(err, ErrInterrupted) {
		t.Errorf("got %v, want ErrInterrupted\n%s", err, out)
	}
	noneLeft(t, out.String())
}

// noneLeft checks that the processes that the output names are gone, and the temporary files too.
func noneLeft(t *testing.T, text string) {
	t.Helper()
	for _, m := range regexp.MustCompile(`is pid (\d+)`).FindAllStringSubmatch(text, -1) {
		if alive(m[1]) {
			t.Errorf("process %s is left", m[1])
		}
	}
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "banyan-demo-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("files are left: %v, %v", left, err)
	}
}

// alive looks for a process, where there is a /proc to look in.
func alive(pid string) bool {
	_, err := os.Stat("/proc/" + pid)
	return err == nil
}

func TestOptions(t *testing.T) {
	err := Options{Dir: filepath.Join(t.TempDir(), "none"), Nodes: 1, Script: "x", Least: -1}.Validate()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"1 nodes", `"x"`, "0 shards", "negative", "directory"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q: %v", want, err)
		}
	}
}
