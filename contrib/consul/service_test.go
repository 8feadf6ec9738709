// SPDX-License-Identifier: Apache-2.0

package consul_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/banyan-go/banyan/cluster"
	"github.com/banyan-go/banyan/contrib/consul"
)

var (
	_ cluster.Discovery = consul.Service{}
	_ cluster.Announcer = consul.Service{}
)

// agent answers with f.
func agent(t *testing.T, f http.HandlerFunc) consul.Service {
	t.Helper()
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	return consul.Service{Name: "shop", Agent: s.URL, Token: "let me in"}
}

func TestAnswers(t *testing.T) {
	body, err := os.ReadFile("testdata/health.json")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	asked := make(chan string, 10)
	s := agent(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/health/service/shop" || r.Header.Get("X-Consul-Token") != "let me in" {
			t.Error(r.URL, r.Header)
		}
		asked <- r.URL.Query().Get("index")
		w.Header().Set("X-Consul-Index", "81")
		_, _ = w.Write(body)
	})
	times := 0
	err = s.Discover(ctx, func(list []string) {
		if want := []string{"10.1.20.1:7946", "10.1.10.13:7947"}; !slices.Equal(list, want) {
			t.Errorf("%v, want %v", list, want)
		}
		if times++; times == 2 {
			cancel()
		}
	})
	if a, b := <-asked, <-asked; err != nil || a != "" || b != "81" {
		t.Errorf("%v; asked for changes since %q, then %q", err, a, b)
	}
}

// TestWrongAnswers: none is found, and the error says what is wrong.
func TestWrongAnswers(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"forbidden": {403, "Permission denied: token with AccessorID lacks permission 'service:read'", "Permission denied"},
		"no leader": {500, "No cluster leader", "No cluster leader"},
		"no JSON":   {200, "<html>", "invalid character"},
		"no list":   {200, `{"Service":{"Service":"shop","Address":"10.0.0.1","Port":1}}`, "cannot unmarshal"},
		"cut off":   {200, `[{"Service":{"Service":"shop","Address":"10.0.0.1","Port":1}},`, "unexpected end"},
		"too long":  {200, strings.Repeat(" ", 8<<20+1), "too long"},
	} {
		t.Run(name, func(t *testing.T) {
			s := agent(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.body)
			})
			if err := s.Discover(t.Context(), func(list []string) { t.Error("found", list) }); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Error(err)
			}
		})
	}
}

// TestAnnounce: registered, kept alive, registered again when the agent has forgotten it, and taken away in the end.
func TestAnnounce(t *testing.T) {
	calls := make(chan string, 100)
	forgotten := make(chan struct{}, 1)
	forgotten <- struct{}{}
	s := agent(t, func(w http.ResponseWriter, r *http.Request) {
		path := strings.TrimPrefix(r.URL.Path, "/v1/agent/")
		if path == "service/register" {
			var m map[string]any
			if err := json.NewDecoder(r.Body).Decode(&m); err != nil || r.Method != http.MethodPut {
				t.Error(err, r.Method)
			}
			c, _ := m["Check"].(map[string]any)
			path = fmt.Sprint(path, " ", m["Name"], " ", m["Address"], " ", m["Port"], " ", c["TTL"])
		}
		if strings.HasPrefix(path, "check/update/") {
			select {
			case <-forgotten:
				http.Error(w, `Unknown check ID`, http.StatusNotFound)
				path += " unknown"
			default:
			}
		}
		calls <- path
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Announce(ctx, "10.0.0.1:7946") }()
	id := ""
	for i, want := range []string{"service/register shop 10.0.0.1 7946 15s", "check/update/shop-", "service/register shop", "check/update/shop-"} {
		select {
		case got := <-calls:
			if !strings.HasPrefix(got, want) {
				t.Errorf("call %d is %s, want %s", i+1, got, want)
			}
			id = strings.TrimPrefix(got, "check/update/")
		case <-time.After(30 * time.Second):
			t.Fatal("no call", want)
		}
	}
	cancel()
	if got := <-calls; got != "service/deregister/"+id {
		t.Error(got, id)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := s.Announce(t.Context(), "nowhere"); err == nil {
		t.Error("announced an address without a port")
	}
}
