// SPDX-License-Identifier: Apache-2.0

package kubernetes_test

import (
	"context"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/banyan-go/banyan/cluster"
	"github.com/banyan-go/banyan/contrib/kubernetes"
)

var _ cluster.Discovery = kubernetes.Service{}

// pod is an API server that answers with f, and the folder of an account that may ask it.
func pod(t *testing.T, f http.HandlerFunc) kubernetes.Service {
	t.Helper()
	api := httptest.NewTLSServer(f)
	t.Cleanup(api.Close)
	dir := t.TempDir()
	for name, text := range map[string][]byte{"token": []byte("let me in\n"), "namespace": []byte("default\n"),
		"ca.crt": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: api.Certificate().Raw})} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return kubernetes.Service{Name: "shop", PortName: "gossip", API: api.URL, Dir: dir}
}

// answer is one of testdata.
func answer(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// discover gives what is found before an error or the end of a first list.
func discover(t *testing.T, s kubernetes.Service) (addrs []string, err error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err = s.Discover(ctx, func(list []string) { addrs = append(addrs, list...); cancel() })
	slices.Sort(addrs)
	return addrs, err
}

func TestAnswers(t *testing.T) {
	pages := map[string][]byte{"": answer(t, "slices.json"), "page-two": answer(t, "slices2.json")}
	s := pod(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if r.URL.Path != "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices" || q.Get("labelSelector") != "kubernetes.io/service-name=shop" {
			t.Error(r.URL)
		}
		if r.Header.Get("Authorization") != "Bearer let me in" {
			t.Errorf("%q", r.Header.Get("Authorization"))
		}
		_, _ = w.Write(pages[q.Get("continue")])
	})
	got, err := discover(t, s)
	want := []string{"10.244.1.17:7946", "10.244.2.9:7946", "[fd00:10:244:1::11]:7946"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	s.Port = 99 // then a slice without ports will do
	if got, _ := discover(t, s); !slices.Equal(got, []string{"10.244.1.17:99", "10.244.1.99:99", "10.244.2.9:99", "[fd00:10:244:1::11]:99"}) {
		t.Error(got)
	}
}

// TestPartialAnswer: a first page is found although the second one does not come.
func TestPartialAnswer(t *testing.T) {
	s := pod(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("continue") != "" {
			http.Error(w, "the server was unable to return a response in the time allotted", http.StatusGatewayTimeout)
			return
		}
		_, _ = w.Write(answer(t, "slices.json"))
	})
	addrs := 0
	err := s.Discover(t.Context(), func(list []string) { addrs += len(list) })
	if addrs != 2 || err == nil || !strings.Contains(err.Error(), "504") {
		t.Error(addrs, err)
	}
}

// TestWrongAnswers: none is found, and the error says what is wrong.
func TestWrongAnswers(t *testing.T) {
	for name, tc := range map[string]struct {
		status int
		body   string
		want   string
	}{
		"forbidden":  {403, string(answer(t, "forbidden.json")), "cannot list resource"},
		"no JSON":    {200, "<html>sign in</html>", "invalid character"},
		"cut off":    {200, string(answer(t, "slices.json")[:900]), "unexpected end"},
		"other list": {200, `{"kind":"PodList","items":[{"endpoints":[{"addresses":["10.0.0.1"]}]}]}`, "PodList"},
		"a redirect": {302, "", "302"},
		"endless":    {200, `{"kind":"EndpointSliceList","metadata":{"continue":"x"},"items":[]}`, "pages"},
		"too long":   {200, strings.Repeat(" ", 8<<20+1), "longer"},
	} {
		t.Run(name, func(t *testing.T) {
			s := pod(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "https://elsewhere.example/")
				w.WriteHeader(tc.status)
				_, _ = w.Write([]byte(tc.body))
			})
			err := s.Discover(t.Context(), func(list []string) { t.Error("found", list) })
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "shop") {
				t.Error(err)
			}
		})
	}
}

// TestEmptyAnswer is no error: pods may come yet.
func TestEmptyAnswer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := pod(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"kind":"EndpointSliceList","metadata":{},"items":[]}`))
		cancel()
	})
	if err := s.Discover(ctx, func(list []string) { t.Error("found", list) }); err != nil {
		t.Error(err)
	}
}

// TestForeignServer: an API server whose certificate is not of the cluster's authority gets no token.
func TestForeignServer(t *testing.T) {
	other := pod(t, func(_ http.ResponseWriter, r *http.Request) { t.Error("it was asked, with", r.Header) })
	if err := os.WriteFile(filepath.Join(other.Dir, "ca.crt"), answer(t, "other-ca.crt"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := discover(t, other); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Error(err)
	}
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	if _, err := discover(t, kubernetes.Service{Name: "shop"}); err == nil || !strings.Contains(err.Error(), "no pod") {
		t.Error(err)
	}
	if _, err := discover(t, kubernetes.Service{}); err == nil {
		t.Error("no name")
	}
}
