// SPDX-License-Identifier: Apache-2.0

package page

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/banyan-go/banyan/internal/demo/cluster"
)

func serve(t *testing.T, kill func(string) error) *Server {
	t.Helper()
	look := func() View {
		return View{Dir: "/src<script>", Phase: "indexing", Share: 0.5, Bytes: 2 << 20, Counted: 1 << 20, Log: []string{"node a <b>"},
			Nodes: []Node{{Short: "a", Name: "a@127.0.0.1", Up: true, State: "up", PID: 42, Leader: true, Rate: 1 << 20,
				Counts: cluster.Counts{Pieces: 3, Bytes: 5 << 20, Words: 77},
				Report: cluster.Report{Shards: []int{1, 2}, Replicas: 9, Leads: 4, Tree: &cluster.Branch{Name: "demo", Super: true,
					Children: []cluster.Branch{{Name: "host", Turns: 7, Queue: 3}}}}},
				{Short: "b", Name: "b@127.0.0.1", State: "down"}}}
	}
	s, err := Start("127.0.0.1:0", look, Actions{kill, func() (string, error) { return "node d", nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func get(t *testing.T, u string) (int, string) {
	t.Helper()
	r, err := http.Get(u)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(b)
}

func TestPage(t *testing.T) {
	s := serve(t, nil)
	code, text := get(t, s.URL())
	if code != http.StatusOK {
		t.Fatalf("status %d: %s", code, text)
	}
	for _, want := range []string{"a@127.0.0.1", "pid 42", "coordinator", "host", "7 turns", "5.0 MB, 77 words", "9 replicas, leads 4", "3 queued", "50.0 %", "share of the work that a@127.0.0.1 does",
		"/src&lt;script&gt;", "node a &lt;b&gt;", `value="b"`} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if code, _ := get(t, s.URL()+"other"); code != http.StatusNotFound {
		t.Errorf("another path: status %d", code)
	}
}

func TestLive(t *testing.T) {
	s := serve(t, nil)
	r, err := http.Get(s.URL() + "live")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if got := r.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("content type %q", got)
	}
	events := 0
	for lines := bufio.NewScanner(r.Body); events < 2 && lines.Scan(); {
		switch line := lines.Text(); {
		case line == "":
			events++
		case !strings.HasPrefix(line, "data: "):
			t.Fatalf("not an event: %q", line)
		}
	}
	if events != 2 {
		t.Errorf("%d events", events)
	}
}

func TestKill(t *testing.T) {
	var killed string
	s := serve(t, func(n string) error {
		if killed = n; n == "x" {
			return errors.New("no such node")
		}
		return nil
	})
	_, text := get(t, s.URL())
	token := regexp.MustCompile(`name="token" value="(\w+)"`).FindStringSubmatch(text)
	if token == nil {
		t.Fatal("the page has no token")
	}
	post := func(node, token string) int {
		r, err := http.PostForm(s.URL()+"kill", url.Values{"node": {node}, "token": {token}})
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		return r.StatusCode
	}
	if code := post("a", "guess"); code != http.StatusForbidden || killed != "" {
		t.Errorf("without the token: status %d, killed %q", code, killed)
	}
	if code := post("b", token[1]); code != http.StatusOK || killed != "b" {
		t.Errorf("status %d, killed %q", code, killed)
	}
	if code := post("x", token[1]); code != http.StatusConflict {
		t.Errorf("a node that there is not: status %d", code)
	}
}

func TestAdd(t *testing.T) {
	s := serve(t, nil)
	for token, want := range map[string]int{"guess": http.StatusForbidden, s.Token(): http.StatusOK} {
		r, err := http.PostForm(s.URL()+"add", url.Values{"token": {token}})
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r.Body)
		r.Body.Close()
		if r.StatusCode != want || err != nil || want == http.StatusOK && string(text) != "node d\n" {
			t.Errorf("status %d: %s", r.StatusCode, text)
		}
	}
}

// A web site that points its name at this machine is not served.
func TestForeignName(t *testing.T) {
	s := serve(t, nil)
	r, err := http.NewRequest("GET", s.URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "evil.example"
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("status %d", resp.StatusCode)
	}
}

func TestUnits(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 2048: "2 kB", 3 << 19: "1.5 MB", 121 << 20: "121 MB"} {
		if got := Size(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}
