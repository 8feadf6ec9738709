// SPDX-License-Identifier: Apache-2.0

package db

import (
	"slices"
	"sync"
)

// listeners are those who want to hear of something.
type listeners[T any] struct {
	mu   sync.Mutex
	list []*func(T)
}

// add has f called with all that is told from now on, until remove is called.
func (l *listeners[T]) add(f func(T)) (remove func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := &f
	l.list = append(l.list, p)
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.list = slices.DeleteFunc(l.list, func(q *func(T)) bool { return q == p })
	}
}

func (l *listeners[T]) tell(what T) {
	l.mu.Lock()
	list := slices.Clone(l.list)
	l.mu.Unlock()
	for _, f := range list {
		(*f)(what)
	}
}
