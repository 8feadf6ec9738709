// SPDX-License-Identifier: Apache-2.0

package db

import (
	"maps"
	"slices"
	"sync"

	"github.com/banyan-go/banyan"
)

// peers knows the database's nodes by number and by name. A name has the number that it was seen with last: a node that lost its disk comes
// back under another.
type peers struct {
	mu      sync.Mutex
	names   map[uint64]banyan.Atom
	numbers map[banyan.Atom]uint64
}

// learn notes a node.
func (p *peers) learn(number uint64, name banyan.Atom) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.names[number] == name && p.numbers[name] == number {
		return
	}
	if p.names == nil {
		p.names, p.numbers = map[uint64]banyan.Atom{}, map[banyan.Atom]uint64{}
	}
	p.names[number] = name
	if number >= p.numbers[name] { // numbers rise
		p.numbers[name] = number
	}
}

// forget drops a node that is gone.
func (p *peers) forget(number uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if name := p.names[number]; p.numbers[name] == number {
		delete(p.numbers, name)
	}
	delete(p.names, number)
}

// name is "" for a node that is not known.
func (p *peers) name(number uint64) banyan.Atom {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.names[number]
}

// number is 0 for a node that is not known.
func (p *peers) number(name banyan.Atom) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.numbers[name]
}

// all are the numbers of all nodes that are known, rising.
func (p *peers) all() []uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Sorted(maps.Keys(p.names))
}
