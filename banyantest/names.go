// SPDX-License-Identifier: Apache-2.0

package banyantest

import (
	"context"
	"fmt"
	"strconv"
	"sync"
)

// registry knows where the nodes of a cluster listen. It takes the place of epmd, and is never partitioned.
type registry struct {
	mu   sync.Mutex
	addr map[string]string
	gen  uint32
	by   map[string]uint32 // the registration that holds a name
}

func newRegistry() *registry { return &registry{addr: map[string]string{}, by: map[string]uint32{}} }

// of is the registry as one node sees it.
func (r *registry) of(node string) *names { return &names{r, node} }

// forget frees the name of a node that was killed.
func (r *registry) forget(node string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.addr, node)
	delete(r.by, node)
}

// names implements dist.Names.
type names struct {
	r    *registry
	node string
}

// Register enters the node.
func (n *names) Register(_ context.Context, _ string, port uint16, _ bool) (uint32, func(), error) {
	r := n.r
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.addr[n.node] != "" {
		return 0, nil, fmt.Errorf("banyantest: there is a node %s", n.node)
	}
	r.gen++
	mine := r.gen
	r.addr[n.node] = n.node + ":" + strconv.Itoa(int(port))
	r.by[n.node] = mine
	return mine, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.by[n.node] == mine {
			delete(r.addr, n.node)
			delete(r.by, n.node)
		}
	}, nil
}

// Lookup finds a node.
func (n *names) Lookup(_ context.Context, host, name string) (string, error) {
	n.r.mu.Lock()
	defer n.r.mu.Unlock()
	addr := n.r.addr[name+"@"+host]
	if addr == "" {
		return "", fmt.Errorf("banyantest: no node %s@%s runs", name, host)
	}
	return addr, nil
}
