// SPDX-License-Identifier: Apache-2.0

package db

import "sync"

// users counts who looks into the stores, which must not be closed meanwhile.
type users struct {
	mu     sync.Mutex
	closed bool
	in     sync.WaitGroup
}

// enter is false when the database is being closed.
func (u *users) enter() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.closed {
		u.in.Add(1)
	}
	return !u.closed
}

func (u *users) leave() { u.in.Done() }

// wait lets nobody in any more, and waits for those who are.
func (u *users) wait() {
	u.mu.Lock()
	u.closed = true
	u.mu.Unlock()
	u.in.Wait()
}
