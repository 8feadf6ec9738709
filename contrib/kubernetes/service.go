// SPDX-License-Identifier: Apache-2.0

package kubernetes

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	// account is where Kubernetes puts a pod's credentials.
	account = "/var/run/secrets/kubernetes.io/serviceaccount"
	// askEvery is how often the list is read.
	askEvery = 5 * time.Second
	maxBody  = 8 << 20
	maxPages = 16
)

// Service finds the endpoints of a service. It is a cluster.Discovery.
type Service struct {
	// Name is the service's.
	Name string
	// Namespace is the service's. Default: the pod's own.
	Namespace string
	// PortName is which of the service's ports is that of the gossip. Port is used instead if it is set. Default: the only port that the
	// service has; if it has several, 7946.
	PortName string
	Port     uint16
	// API is the API server's URL. Default: that of the cluster that the pod runs in.
	API string
	// Dir has token, ca.crt and namespace. They are read for each request, for tokens change. Default: where Kubernetes puts them.
	Dir string
	// Client makes the requests. Default: one that trusts ca.crt only.
	Client *http.Client
}

// Discover reads the endpoints every five seconds, until ctx ends. What cannot be read is an error, after what could be read was found.
func (s Service) Discover(ctx context.Context, found func([]string)) error {
	t := time.NewTicker(askEvery)
	defer t.Stop()
	for {
		addrs, err := s.ask(ctx)
		if len(addrs) > 0 {
			found(addrs)
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("kubernetes: the endpoints of service %s: %w", s.Name, err)
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// ask reads all pages of the list once.
func (s Service) ask(ctx context.Context) (addrs []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, askEvery)
	defer cancel()
	at, client, err := s.where()
	if err != nil {
		return nil, err
	}
	next := ""
	for range maxPages {
		body, err := s.get(ctx, client, at+"&continue="+url.QueryEscape(next))
		if err != nil {
			return addrs, err
		}
		var l sliceList
		if err := json.Unmarshal(body, &l); err != nil {
			return addrs, err
		}
		if l.Kind != "EndpointSliceList" {
			return addrs, fmt.Errorf("the answer is a %.50q, not an EndpointSliceList", l.Kind)
		}
		addrs = append(addrs, s.addresses(l)...)
		if next = l.Metadata.Continue; next == "" {
			return addrs, nil
		}
	}
	return addrs, fmt.Errorf("more than %d pages", maxPages)
}

func (s Service) file(name string) string {
	if s.Dir != "" {
		return filepath.Join(s.Dir, name)
	}
	return filepath.Join(account, name)
}

// where is the URL of the list, and who asks it.
func (s Service) where() (at string, client *http.Client, err error) {
	if s.Name == "" {
		return "", nil, errors.New("no name of a service is set")
	}
	api := s.API
	if api == "" {
		host, port := os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT")
		if host == "" || port == "" {
			return "", nil, errors.New("this is no pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set; set API")
		}
		api = "https://" + net.JoinHostPort(host, port)
	}
	space := s.Namespace
	if space == "" {
		b, err := os.ReadFile(s.file("namespace"))
		if err != nil {
			return "", nil, fmt.Errorf("no Namespace is set: %w", err)
		}
		space = strings.TrimSpace(string(b))
	}
	if client = s.Client; client == nil {
		if client, err = s.client(); err != nil {
			return "", nil, err
		}
	}
	return fmt.Sprintf("%s/apis/discovery.k8s.io/v1/namespaces/%s/endpointslices?labelSelector=%s&limit=500",
		strings.TrimSuffix(api, "/"), url.PathEscape(space), url.QueryEscape(serviceLabel+"="+s.Name)), client, nil
}

// client trusts the cluster's authority. Its connections are not kept, for it is made anew each time, with what ca.crt is then.
func (s Service) client() (*http.Client, error) {
	pem, err := os.ReadFile(s.file("ca.crt"))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s has no certificate", s.file("ca.crt"))
	}
	return &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

func (s Service) get(ctx context.Context, client *http.Client, at string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	if token, err := os.ReadFile(s.file("token")); err == nil {
		req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	}
	r, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, err
	case r.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("the API server says %s: %.200s", r.Status, body)
	case len(body) > maxBody:
		return nil, fmt.Errorf("the answer is longer than %d bytes", maxBody)
	}
	return body, nil
}
