// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist/internal/gate"
	"github.com/banyan-go/banyan/dist/internal/handshake"
)

// ErrNotAllowed: Config.Allow, or Transport.Allow, does not name that node. Add it, or leave it out.
var ErrNotAllowed = errors.New("dist: the node is not allowed")

// admission is what nodes are judged by before they get a link.
type admission struct {
	mu      sync.Mutex             // a leaf
	cookie  string                 // for all without one of their own; set once
	cookies map[banyan.Atom]string // guarded by mu
	allow   []banyan.Atom          // guarded by mu; nil: everybody
	gate    *gate.Gate             // guarded by mu
	asked   map[uint32]int         // guarded by mu; our challenges that callers have not answered yet
}

// newAdmission takes what cfg, which is complete and valid, says.
func newAdmission(cfg *Config, cookie string) *admission {
	return &admission{cookie: cookie, cookies: maps.Clone(cfg.Cookies), allow: slices.Clone(cfg.Allow), asked: make(map[uint32]int),
		gate: gate.New(gate.Limits{Pending: cfg.MaxPendingPerHost, Failures: cfg.MaxFailures, Per: time.Minute})}
}

// cookieFor is the cookie for one node.
func (a *admission) cookieFor(node banyan.Atom) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c, ok := a.cookies[node]; ok {
		return c
	}
	return a.cookie
}

// allowed reports whether we want to have to do with a node.
func (a *admission) allowed(node banyan.Atom) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, host, _ := strings.Cut(string(node), "@")
	return a.allow == nil || slices.Contains(a.allow, node) || slices.Contains(a.allow, banyan.Atom(host))
}

// enter and leave count the handshakes of an address.
func (a *admission) enter(addr string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.gate.Enter(addr, time.Now())
}

func (a *admission) leave(addr string, failed bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.gate.Leave(addr, failed, time.Now())
}

// ask notes a challenge that a caller gets; done forgets it.
func (a *admission) ask(challenge uint32) (done func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked[challenge]++
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.asked[challenge]--; a.asked[challenge] == 0 {
			delete(a.asked, challenge)
		}
	}
}

// reflected reports whether a challenge that a node we dialled gave us is one that we gave somebody who called us. Answering
// it would give that caller, who knows no cookie, the answer.
func (a *admission) reflected(challenge uint32) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.asked[challenge] > 0
}

// blame reports whether a handshake that ended so counts against the caller's address. Crossing calls, and callers that
// just went away, do not.
func blame(err error) bool {
	return err != nil && !errors.Is(err, handshake.ErrClosed) && !errors.Is(err, errYielded) && !errors.Is(err, errStopped) &&
		!errors.Is(err, errCrossed) && !errors.Is(err, net.ErrClosed) && !errors.Is(err, context.Canceled)
}

// Cookie is the cookie of all peers that have none of their own; "" before Open. Who has it owns the cluster: keep it out of logs.
func (t *Transport) Cookie() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.admission == nil {
		return ""
	}
	return t.admission.cookie
}

// SetCookie gives the links with one node a cookie of their own from now on, as erlang:set_cookie/2; links that are up stay.
// An empty cookie takes that back. The node that it talks to must have the same for this node. Before Open it is an error.
func (t *Transport) SetCookie(node banyan.Atom, cookie string) error {
	if err := handshake.CheckName(string(node)); err != nil {
		return fmt.Errorf("dist: SetCookie: %w", err)
	}
	if cookie != "" {
		if err := checkCookie(cookie); err != nil {
			return fmt.Errorf("dist: SetCookie %s: %w", node, err)
		}
	}
	a, err := t.admitted()
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case cookie == "":
		delete(a.cookies, node)
	case a.cookies == nil:
		a.cookies = map[banyan.Atom]string{node: cookie}
	default:
		a.cookies[node] = cookie
	}
	return nil
}

// Allow adds to the nodes that this one has to do with; see Config.Allow. The first call, where that was empty, shuts out all
// others, as net_kernel:allow/1 does. Links that are up stay. Before Open it is an error.
func (t *Transport) Allow(nodes ...banyan.Atom) error {
	if err := checkAllow(nodes); err != nil {
		return fmt.Errorf("dist: %w", err)
	}
	a, err := t.admitted()
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, n := range nodes {
		if !slices.Contains(a.allow, n) {
			a.allow = append(a.allow, n)
		}
	}
	return nil
}

// admitted is t.admission of an open transport.
func (t *Transport) admitted() (*admission, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.open {
		return nil, errors.New("dist: not open yet: use Config")
	}
	return t.admission, nil
}

// checkAllow refuses what names neither a node nor a host.
func checkAllow(nodes []banyan.Atom) error {
	for _, n := range nodes {
		name := string(n)
		if !strings.Contains(name, "@") {
			name = "x@" + name
		}
		if err := handshake.CheckName(name); err != nil {
			return fmt.Errorf("Allow: %q is neither a node nor a host", n)
		}
	}
	return nil
}
