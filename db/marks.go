// SPDX-License-Identifier: Apache-2.0

package db

import (
	"sync"

	"github.com/banyan-go/banyan/db/internal/txn"
)

// marks remembers the versions of the marks of tables, so that a transaction need not read one in each group that it writes to. What is remembered may be old: it is one of
// the transaction's reads all the same, and a commit that rests on an old one is a conflict, after which the mark is read again.
type marks struct {
	mu       sync.RWMutex
	versions map[markID]uint64
}

type markID struct {
	group uint64
	table uint32
}

// markLimit bounds how many are remembered.
const markLimit = 8192

// of is the version of a mark, 0 if it is not known.
func (m *marks) of(group uint64, table uint32) uint64 {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.versions[markID{group, table}]
}

func (m *marks) learn(group uint64, table uint32, version uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.versions == nil || len(m.versions) >= markLimit {
		m.versions = map[markID]uint64{}
	}
	m.versions[markID{group, table}] = version
}

// doubt forgets what is remembered of a key, if it is a mark.
func (m *marks) doubt(key []byte) {
	group, table, ok := txn.CutMark(key)
	if !ok {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.versions, markID{group, table})
}
