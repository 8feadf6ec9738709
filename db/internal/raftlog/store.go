// SPDX-License-Identifier: Apache-2.0

package raftlog

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"github.com/banyan-go/banyan/db/internal/disk"
)

// Store holds the logs of a node's replicas.
type Store struct {
	db      *pebble.DB
	guard   *disk.Guard
	durable *pebble.WriteOptions // how what must be durable is written
	id      uint64
	boot    uint64

	member atomic.Pointer[membership]
}

// membership is which node of which cluster of databases the store is.
type membership struct{ cluster, node uint64 }

// Open opens or creates a store. A new one gets its id, never 0 and never used before, from newID. Each opening counts, and the count is
// durable before Open returns, so that (ID, Boot) names one run of one store for all time.
func Open(o disk.Options, newID func() uint64) (_ *Store, err error) {
	defer disk.Recover(&err)
	db, guard, err := disk.Open(o, func(p *pebble.Options) { p.DisableTableStats, p.DisableWAL = true, o.Volatile })
	if err != nil {
		return nil, err
	}
	s := &Store{db: db, guard: guard, durable: pebble.Sync}
	if o.Volatile {
		s.durable = pebble.NoSync
	}
	b, err := s.get(storeKey)
	if err == nil && b != nil {
		err = parse(b, "the store's name", &s.id, &s.boot)
	} else if err == nil {
		s.id = newID()
	}
	var m membership
	if b, err2 := s.get(memberKey); err2 == nil && b != nil {
		err = errors.Join(err, parse(b, "the store's cluster", &m.cluster, &m.node))
	} else {
		err = errors.Join(err, err2)
	}
	s.member.Store(&m)
	s.boot++
	if err == nil {
		err = db.Set(storeKey, numbers(s.id, s.boot), s.durable)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// ID is the store's identity, drawn when it was created.
func (s *Store) ID() uint64 { return s.id }

// Volatile reports whether the store is one that need not outlive the process, so that writing to it takes no time.
func (s *Store) Volatile() bool { return s.durable == pebble.NoSync }

// Boot says the how manieth opening of the store this is.
func (s *Store) Boot() uint64 { return s.boot }

// Member says which cluster of databases the store belongs to, and which of its nodes lives here; zeros: none yet.
func (s *Store) Member() (cluster, node uint64) {
	m := s.member.Load()
	return m.cluster, m.node
}

// SetMember makes the store belong to a cluster for good, durably. One goroutine may call it; any may call Member meanwhile.
func (s *Store) SetMember(cluster, node uint64) (err error) {
	defer disk.Recover(&err)
	if m := s.member.Load(); m.cluster != 0 && (m.cluster != cluster || m.node != node) {
		return fmt.Errorf("raft log: the store is node %d of cluster %016x, and cannot be node %d of %016x", m.node, m.cluster, node, cluster)
	}
	if err := s.db.Set(memberKey, numbers(cluster, node), s.durable); err != nil {
		return s.guard.Fail("write", err)
	}
	s.member.Store(&membership{cluster, node})
	return nil
}

// Dead is closed when a write has failed: nothing more can be written, and the store must be dropped.
func (s *Store) Dead() <-chan struct{} { return s.guard.Dead() }

// Err is the failure that killed the store, nil while it lives.
func (s *Store) Err() error { return s.guard.Err() }

// Close closes the store. One that has failed is left as it is.
func (s *Store) Close() error {
	if err := s.guard.Err(); err != nil {
		return err
	}
	return s.db.Close()
}

// get returns nil for a key that is not there.
func (s *Store) get(key []byte) ([]byte, error) {
	v, closer, err := s.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, s.unreadable(err)
	}
	b := append([]byte{}, v...)
	return b, closer.Close()
}

// unreadable kills the store: of a log that cannot be read nobody knows what it holds, and raft cannot go on without it.
func (s *Store) unreadable(err error) error {
	if err == nil {
		return nil
	}
	return s.guard.Fail("read", err)
}

// Groups lists the groups that the store knows, those included whose replica was destroyed.
func (s *Store) Groups() (groups []uint64, err error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{0x01}, UpperBound: []byte{0x02}})
	if err != nil {
		return nil, s.unreadable(err)
	}
	for ok := it.First(); ok; {
		var g uint64
		if err := parse(it.Key()[1:min(9, len(it.Key()))], "a group's key", &g); err != nil {
			return nil, errors.Join(err, it.Close())
		}
		groups = append(groups, g)
		ok = it.SeekGE(groupKey(g, 0xff))
	}
	return groups, errors.Join(s.unreadable(it.Error()), s.unreadable(it.Close()))
}
