// SPDX-License-Identifier: Apache-2.0

package consul

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	// waitFor is how long Consul is to wait for a change; it adds up to a sixteenth.
	waitFor = 55 * time.Second
	askFor  = waitFor + 10*time.Second
	// least is the least time between two questions, for a Consul that answers at once.
	least = time.Second
	// sayEvery is how often a node says that it lives, ttl after how long it counts as critical, and forget when it is dropped.
	sayEvery = 5 * time.Second
	ttl      = "15s"
	forget   = "1m"
	maxBody  = 8 << 20
)

// Service finds the instances of a service, and registers this node as one. It is a cluster.Discovery and a cluster.Announcer.
type Service struct {
	// Name is the service's, a cluster's own. Default "banyan".
	Name string
	// Agent is the URL of the local agent. Default: CONSUL_HTTP_ADDR, else http://127.0.0.1:8500.
	Agent string
	// Token is sent with each request. Default: CONSUL_HTTP_TOKEN, else none.
	Token string
	// Client makes the requests. Default http.DefaultClient.
	Client *http.Client
}

func (s Service) name() string {
	if s.Name == "" {
		return "banyan"
	}
	return s.Name
}

// instance is what is read of an entry of /v1/health/service.
type instance struct {
	Node struct {
		Address string
	}
	Service struct {
		Service string
		Address string
		Port    int
	}
}

// Discover asks for the instances, and again whenever they change, until ctx ends. What cannot be read is an error.
func (s Service) Discover(ctx context.Context, found func([]string)) error {
	pause := time.NewTicker(least)
	defer pause.Stop()
	for index := uint64(0); ; {
		addrs, next, err := s.ask(ctx, index)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("consul: the instances of service %s: %w", s.name(), err)
		}
		if len(addrs) > 0 {
			found(addrs)
		}
		if next < index { // Consul was restored from a backup: begin anew
			next = 0
		}
		index = next
		select {
		case <-pause.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// ask waits until there is something newer than index, and gives it.
func (s Service) ask(ctx context.Context, index uint64) (addrs []string, next uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	q := url.Values{}
	if index > 0 {
		q.Set("index", strconv.FormatUint(index, 10))
		q.Set("wait", waitFor.String())
	}
	body, head, err := s.do(ctx, http.MethodGet, "/v1/health/service/"+url.PathEscape(s.name())+"?"+q.Encode(), nil)
	if err != nil {
		return nil, 0, err
	}
	var list []instance
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, 0, err
	}
	for _, i := range list {
		host := i.Service.Address
		if host == "" {
			host = i.Node.Address
		}
		if i.Service.Service == s.name() && host != "" && i.Service.Port > 0 && i.Service.Port <= 65535 {
			addrs = append(addrs, net.JoinHostPort(host, strconv.Itoa(i.Service.Port)))
		}
	}
	next, _ = strconv.ParseUint(head.Get("X-Consul-Index"), 10, 64) // without one it is asked again after the pause
	return addrs, next, nil
}

// registration is the body of /v1/agent/service/register.
type registration struct {
	ID, Name, Address string
	Port              int
	Check             check
}

type check struct {
	CheckID                        string
	TTL                            string
	Status                         string
	DeregisterCriticalServiceAfter string
}

// Announce registers addr as an instance, says every five seconds that it lives, and takes it away when ctx ends. While the agent cannot
// be reached, or has forgotten the instance, it tries on.
func (s Service) Announce(ctx context.Context, addr string) error {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("consul: %w", err)
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return fmt.Errorf("consul: the port of %s: %w", addr, err)
	}
	h := fnv.New64a()
	io.WriteString(h, addr)
	id := fmt.Sprintf("%s-%016x", s.name(), h.Sum64())
	me := registration{id, s.name(), host, int(port), check{id, ttl, "passing", forget}}
	defer s.deregister(id)
	again := time.NewTicker(sayEvery)
	defer again.Stop()
	for registered := false; ; {
		if registered {
			registered = s.put(ctx, "/v1/agent/check/update/"+id, map[string]string{"Status": "passing"}) == nil
		}
		if !registered {
			registered = s.put(ctx, "/v1/agent/service/register", me) == nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (s Service) deregister(id string) {
	_ = s.put(context.Background(), "/v1/agent/service/deregister/"+id, nil) // else it is dropped a minute after it is critical
}

func (s Service) put(ctx context.Context, path string, body any) error {
	ctx, cancel := context.WithTimeout(ctx, sayEvery)
	defer cancel()
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	_, _, err = s.do(ctx, http.MethodPut, path, b)
	return err
}

func (s Service) do(ctx context.Context, method, path string, body []byte) ([]byte, http.Header, error) {
	agent := s.Agent
	if agent == "" {
		agent = os.Getenv("CONSUL_HTTP_ADDR")
	}
	if agent == "" {
		agent = "127.0.0.1:8500"
	}
	if !strings.Contains(agent, "://") {
		agent = "http://" + agent
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(agent, "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	token := s.Token
	if token == "" {
		token = os.Getenv("CONSUL_HTTP_TOKEN")
	}
	if token != "" {
		req.Header.Set("X-Consul-Token", token)
	}
	client := s.Client
	if client == nil {
		client = http.DefaultClient
	}
	r, err := client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer r.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, nil, err
	case r.StatusCode != http.StatusOK:
		return nil, nil, fmt.Errorf("the agent says %s: %.200s", r.Status, answer)
	case len(answer) > maxBody:
		return nil, nil, errors.New("the answer is too long")
	}
	return answer, r.Header, nil
}
