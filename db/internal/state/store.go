// SPDX-License-Identifier: Apache-2.0

package state

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"

	"github.com/banyan-go/banyan/db/internal/disk"
)

// ErrForeign is returned by Open for a state that belongs to another log store: one of the two was lost or exchanged.
var ErrForeign = errors.New("the state store belongs to another log store")

// Span is a range of keys, From included, To not.
type Span struct{ From, To []byte }

// Machine is what groups replicate. Its methods must depend on nothing but their arguments: no clock, no order of a map, no
// random number, no setting of this node.
type Machine interface {
	// Apply carries out one entry of a group. It reads r, which has everything up to the entry before, and writes to w, which may have what
	// entries before have written: r may have what it has written itself, or not, so it must not look for that. It writes by Set, Delete and DeleteRange only. The
	// result goes to whoever proposed the entry, if it was on this node. An error means damage: the store is dropped.
	Apply(group, index uint64, data []byte, r pebble.Reader, w *pebble.Batch) (result any, err error)
	// Spans lists, in order, where a group's keys are.
	Spans(group uint64) []Span
}

// Replacer is what a Machine may be besides: it is told when a group's state has been replaced by a snapshot.
type Replacer interface{ Replaced(group uint64) }

// Store holds the state of a node's replicas.
type Store struct {
	db      *pebble.DB
	guard   *disk.Guard // the file system, too
	machine Machine
	dir     string
	options sstable.WriterOptions
	manual  bool
	imports int
	watcher Watcher // or nil

	hotMu sync.Mutex
	hots  map[uint64]*hot // by group; see Warmer
}

// Applied is how far a group has come.
type Applied struct{ Index, Term uint64 }

var ownerKey = []byte{0x00}

func groupKey(group uint64, kind byte) []byte {
	k := make([]byte, 0, 10)
	k = binary.BigEndian.AppendUint64(append(k, 0x01), group)
	return append(k, kind)
}

// Open opens or creates the state that belongs to a log store.
func Open(o disk.Options, owner uint64, m Machine) (_ *Store, err error) {
	var opts *pebble.Options
	db, guard, err := disk.Open(o, func(p *pebble.Options) {
		opts = p
		p.DisableWAL = true
		p.DisableTableStats = o.Manual
		p.Experimental.DisableIngestAsFlushable = func() bool { return true }
	})
	if err != nil {
		return nil, err
	}
	s := &Store{db: db, guard: guard, machine: m, dir: o.Dir, options: opts.MakeWriterOptions(0, db.TableFormat()), manual: o.Manual,
		hots: map[uint64]*hot{}}
	if err = errors.Join(s.own(owner), s.sweep()); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// own compares the owner with the one that is stored.
func (s *Store) own(owner uint64) error {
	b, err := s.get(s.db, ownerKey)
	if err != nil {
		return err
	}
	if b == nil {
		if err := s.db.Set(ownerKey, binary.BigEndian.AppendUint64(nil, owner), pebble.NoSync); err != nil {
			return err
		}
		return s.Flush()
	}
	if len(b) != 8 || binary.BigEndian.Uint64(b) != owner {
		return fmt.Errorf("%w (%x, want %016x): move both away and let the node's replicas be replaced", ErrForeign, b, owner)
	}
	return nil
}

// sweep removes what imports left behind that a crash broke off.
func (s *Store) sweep() error {
	names, err := s.guard.List(s.dir)
	for _, n := range names {
		if strings.HasPrefix(n, importPrefix) {
			err = errors.Join(err, s.guard.Remove(s.guard.PathJoin(s.dir, n)))
		}
	}
	return err
}

// Dead is closed when a write has failed: the store must be dropped.
func (s *Store) Dead() <-chan struct{} { return s.guard.Dead() }

// Err is the failure that killed the store, nil while it lives.
func (s *Store) Err() error { return s.guard.Err() }

// Close closes the store; what was not flushed is gone. One that has failed is left as it is.
func (s *Store) Close() error {
	if err := s.guard.Err(); err != nil {
		return err
	}
	return s.db.Close()
}

// Reader reads the newest state.
func (s *Store) Reader() pebble.Reader { return s.db }

// View reads the state of one moment. Close it.
func (s *Store) View() *pebble.Snapshot { return s.db.NewSnapshot() }

func (s *Store) get(r pebble.Reader, key []byte) ([]byte, error) {
	v, closer, err := r.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	b := append([]byte{}, v...)
	return b, closer.Close()
}

// Load tells how far a group has come, and its configuration; zeros if it is not here.
func (s *Store) Load(group uint64) (Applied, Conf, error) { return s.load(s.db, group) }

func (s *Store) load(r pebble.Reader, group uint64) (a Applied, c Conf, err error) {
	b, err := s.get(r, groupKey(group, 'a'))
	if err != nil || b == nil {
		return a, c, err
	}
	if len(b) != 16 {
		return a, c, s.guard.Fail("read", fmt.Errorf("the applied index of group %d has %d bytes", group, len(b)))
	}
	a = Applied{binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])}
	if b, err = s.get(r, groupKey(group, 'c')); err == nil {
		c, err = decodeConf(b)
	}
	if err != nil {
		err = s.guard.Fail("read", err)
	}
	return a, c, err
}

// At tells how far a group has come in a view.
func (s *Store) At(view *pebble.Snapshot, group uint64) (uint64, error) {
	b, err := s.get(view, groupKey(group, 'a'))
	if err != nil || len(b) != 16 {
		return 0, errors.Join(err, fmt.Errorf("state: group %d has none here", group))
	}
	return binary.BigEndian.Uint64(b), nil
}

// Groups lists the groups that have state here.
func (s *Store) Groups() (groups []uint64, err error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: []byte{0x01}, UpperBound: []byte{0x02}})
	if err != nil {
		return nil, err
	}
	for ok := it.First(); ok; {
		g := binary.BigEndian.Uint64(it.Key()[1:])
		groups = append(groups, g)
		ok = it.SeekGE(groupKey(g, 0xff))
	}
	return groups, errors.Join(it.Error(), it.Close())
}

// Flush makes everything that has been applied durable.
func (s *Store) Flush() error {
	if err := s.guard.Err(); err != nil {
		return err
	}
	done, err := s.db.AsyncFlush()
	if err != nil {
		return s.guard.Fail("flush", err)
	}
	if err := s.guard.Wait(done); err != nil {
		return err
	}
	return s.settle()
}

// crowd is how many sorted tables may lie above each other in a simulation before they are merged.
const crowd = 16

// settle does in simulations, where it is sure when, what pebble else does in the background: it merges tables when there are many, and removes the
// files that are no longer needed.
func (s *Store) settle() error {
	if !s.manual {
		return nil
	}
	if s.db.Metrics().Levels[0].Sublevels >= crowd {
		done, failed := make(chan struct{}), error(nil)
		go func() {
			defer close(done)
			failed = s.db.Compact(context.Background(), []byte{0}, []byte{0xff}, false)
		}()
		if err := s.guard.Wait(done); err != nil { // pebble's part in it has ended, and it waits for ever
			return err
		}
		if failed != nil {
			return s.guard.Fail("merge", failed)
		}
	}
	s.db.TestOnlyWaitForCleaning()
	return nil
}

// Remove deletes a group's state, durably: or a crash would bring it back under the feet of the group's next replica here.
func (s *Store) Remove(group uint64) error {
	b := s.db.NewBatch()
	defer b.Close()
	for _, sp := range s.spans(group) {
		if err := b.DeleteRange(sp.From, sp.To, nil); err != nil {
			return err
		}
	}
	if err := s.commit(b); err != nil {
		return err
	}
	s.replaced(group)
	return s.Flush()
}

// spans are all of a group's keys, the store's own first.
func (s *Store) spans(group uint64) []Span {
	return append([]Span{{groupKey(group, 0), groupKey(group, 0xff)}}, s.machine.Spans(group)...)
}

func (s *Store) commit(b *pebble.Batch) (err error) {
	defer disk.Recover(&err)
	if err := b.Commit(pebble.NoSync); err != nil {
		return s.guard.Fail("apply", err)
	}
	return s.guard.Err()
}
