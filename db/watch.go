// SPDX-License-Identifier: Apache-2.0

package db

import (
	"sync"

	"github.com/banyan-go/banyan/db/internal/host"
	"github.com/banyan-go/banyan/db/internal/state"
)

// watch keeps what the host tells of the groups that have a replica here. It implements host.Events.
type watch struct {
	mu     sync.RWMutex
	node   uint64 // this one
	groups map[uint64]*seen
	nudge  chan struct{} // something has changed; has room for one
}

// seen is what was told of one group.
type seen struct {
	term, leader uint64 // leader: a replica; 0: none is known
	here         bool   // it is the one in this process
	conf         state.Conf
	lost         string          // why the replica here does not run
	absent       map[uint64]bool // replicas elsewhere that are lost
}

func newWatch() *watch { return &watch{groups: map[uint64]*seen{}, nudge: make(chan struct{}, 1)} }

// own sets the number of this node, before a host runs.
func (w *watch) own(node uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.node = node
}

func (w *watch) change(group uint64, f func(s *seen)) {
	w.mu.Lock()
	s := w.groups[group]
	if s == nil {
		s = &seen{absent: map[uint64]bool{}}
		w.groups[group] = s
	}
	f(s)
	w.mu.Unlock()
	select {
	case w.nudge <- struct{}{}:
	default:
	}
}

// Leader implements host.Events.
func (w *watch) Leader(group, term, leader uint64, here bool) {
	w.change(group, func(s *seen) { s.term, s.leader, s.here = term, leader, here })
}

// Lost implements host.Events.
func (w *watch) Lost(group, replica uint64, why string) {
	w.change(group, func(s *seen) {
		if m, ok := s.conf.Member(replica); ok && m.Node != w.node {
			s.absent[replica] = true // whoever leads: it is final
			return
		}
		s.lost, s.here, s.leader = why, false, 0
	})
}

// Conf implements host.Events.
func (w *watch) Conf(group uint64, _ uint64, conf state.Conf) {
	w.change(group, func(s *seen) {
		s.conf, s.lost = conf, ""
		for id := range s.absent {
			if _, ok := conf.Member(id); !ok {
				delete(s.absent, id)
			}
		}
	})
}

// Gone implements host.Events.
func (w *watch) Gone(group, _ uint64) {
	w.mu.Lock()
	delete(w.groups, group)
	w.mu.Unlock()
}

// of is what is known of a group; ok is false if no replica of it is here that can be used.
func (w *watch) of(group uint64) (s seen, ok bool) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	p := w.groups[group]
	if !p.usable() {
		return seen{}, false
	}
	s = *p
	s.absent = nil
	return s, true
}

// has reports whether a replica of a group is here that can be used.
func (w *watch) has(group uint64) bool {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.groups[group].usable()
}

func (s *seen) usable() bool { return s != nil && s.lost == "" && len(s.conf.Members) > 0 }

// leads lists the groups that are led here.
func (w *watch) leads() (list []uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for g, s := range w.groups {
		if s.here {
			list = append(list, g)
		}
	}
	return list
}

// absent are the replicas of a group whose stores are known to be lost.
func (w *watch) absent(group uint64) map[uint64]bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := map[uint64]bool{}
	if s := w.groups[group]; s != nil {
		for id := range s.absent {
			m[id] = true
		}
	}
	return m
}

// lost lists the replicas here that do not run, and why.
func (w *watch) lost() map[uint64]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := map[uint64]string{}
	for g, s := range w.groups {
		if s.lost != "" {
			m[g] = s.lost
		}
	}
	return m
}

var _ host.Events = (*watch)(nil)
