// SPDX-License-Identifier: Apache-2.0

package banyan

import "sync"

// group owns goroutines: it starts them until it is closed, and tells when all have ended.
type group struct {
	mu     sync.Mutex
	n      int
	closed bool
	done   chan struct{}
}

func (g *group) init() { g.done = make(chan struct{}) }

// start runs f in a goroutine; false if the group is closed.
func (g *group) start(f func()) bool {
	if !g.enter() {
		return false
	}
	go func() {
		defer g.end()
		f()
	}()
	return true
}

// enter counts a goroutine that its caller starts, and that calls end at its end; false if the group is closed.
func (g *group) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.n++
	return true
}

func (g *group) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.n--
	if g.closed && g.n == 0 {
		close(g.done)
	}
}

// running is the number of goroutines that have not ended.
func (g *group) running() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.n
}

// close refuses new goroutines; done closes when the last one has ended.
func (g *group) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		g.closed = true
		if g.n == 0 {
			close(g.done)
		}
	}
}
