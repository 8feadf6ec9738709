// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"sync"
	"time"
)

// silentTicks is how many ticks without a word from a node make it a silent one: as many as start an election.
const silentTicks = 10

// health is who is heard, as of the last tick.
type health struct {
	mu    sync.Mutex
	nodes map[uint64]*pulse
}

// pulse is one node. ctx lives as long as the node is heard.
type pulse struct {
	silent int // ticks
	known  time.Time
	ctx    context.Context
	end    context.CancelFunc
}

// note takes what the host says of a node.
func (h *health) note(ctx context.Context, node uint64, silent int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.nodes == nil {
		h.nodes = map[uint64]*pulse{}
	}
	p := h.nodes[node]
	if p == nil {
		p = &pulse{silent: silentTicks, known: time.Now()}
		h.nodes[node] = p
	}
	was := p.silent
	p.silent = silent
	switch {
	case silent < silentTicks && (was >= silentTicks || p.ctx == nil):
		p.ctx, p.end = context.WithCancel(ctx)
	case silent >= silentTicks && p.ctx != nil:
		p.end()
		p.ctx, p.end = nil, nil
	}
}

// forget: nothing is known of anybody.
func (h *health) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, p := range h.nodes {
		if p.end != nil {
			p.end()
		}
	}
	clear(h.nodes)
}

// silence is for how many ticks a node has not been heard.
func (h *health) silence(node uint64) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.nodes[node]; p != nil {
		return p.silent
	}
	return silentTicks
}

// missing is for how long a node has not been heard, though it was known: one that has just joined is not missed yet.
func (h *health) missing(node uint64) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.nodes[node]; p != nil {
		return min(time.Duration(p.silent)*tick, time.Since(p.known))
	}
	return 0
}

// during is ctx for as long as a node is heard. One that is not known to be silent yet counts as heard.
func (h *health) during(ctx context.Context, node uint64) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	h.mu.Lock()
	p := h.nodes[node]
	var alive context.Context
	if p != nil {
		alive = p.ctx
	}
	h.mu.Unlock()
	if p == nil {
		return ctx, cancel
	}
	if alive == nil {
		cancel()
		return ctx, cancel
	}
	stop := context.AfterFunc(alive, cancel)
	return ctx, func() { stop(); cancel() }
}
