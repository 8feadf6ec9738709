// SPDX-License-Identifier: Apache-2.0

package db

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/db/internal/lease"
	"github.com/banyan-go/banyan/db/internal/txn"
)

func init() { banyan.RegisterType[nameRow]("{}") }

// Names are rows of the meta group. A row's version is the token of its holder.
var namesTable = systemTable[string, nameRow]("names", 42)

// nameRow is who holds a name, by the lease of which life.
type nameRow struct {
	Node, Inc uint64
	PID       banyan.PID
	Grant     uint64 // drawn for each registration, so that one that came to an unknown end can be taken back and no other
}

func (r nameRow) life() lease.Life { return lease.Life{Node: r.Node, Inc: r.Inc} }

// nameCache is what this node's replica of the meta group has of the names: perhaps not the newest. It is fed as entries are applied.
type nameCache struct {
	mu   sync.RWMutex
	rows map[string]cachedName
	err  error // a row could not be read
}

type cachedName struct {
	nameRow
	version uint64
}

func (c *nameCache) find(name string) (cachedName, bool) {
	c.mu.RLock()
	r, ok := c.rows[name]
	c.mu.RUnlock()
	return r, ok
}

// load reads all rows, in place of what was there.
func (c *nameCache) load(d *DB) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rows = map[string]cachedName{}
	groups, err := d.state.Groups()
	if err != nil || !slices.Contains(groups, txn.MetaGroup) {
		return err
	}
	v, err := (&local{group: txn.MetaGroup, state: d.state}).view(context.Background())
	if err != nil {
		return err
	}
	defer v.close()
	runs, err := v.page(context.Background(), namesTable.ranges()[0], false, 1<<30)
	for _, run := range runs {
		for _, row := range run.rows {
			r, wrong := namesTable.decode(row.key, row.value)
			err = errors.Join(err, wrong)
			c.rows[r.Key] = cachedName{r.Value, row.version}
		}
	}
	return err
}

// reload is load, for a snapshot that has come.
func (c *nameCache) reload(d *DB) {
	if err := c.load(d); err != nil {
		c.mu.Lock()
		c.err = err
		c.mu.Unlock()
	}
}

var namesPrefix = txn.Prefix(txn.TableSlot(txn.Meta, 42), 42)

// applied follows an entry of the meta group.
func (c *nameCache) applied(index uint64, writes []txn.Write) {
	for _, w := range writes {
		if !bytes.HasPrefix(w.Key, namesPrefix) {
			continue
		}
		c.mu.Lock()
		c.apply(index, w)
		c.mu.Unlock()
	}
}

func (c *nameCache) apply(index uint64, w txn.Write) {
	if w.Delete {
		name, _, err := cutString(w.Key[txn.PrefixLen:])
		c.err = errors.Join(c.err, err)
		delete(c.rows, name)
		return
	}
	r, err := namesTable.decode(w.Key, w.Value)
	if err != nil {
		c.err = fmt.Errorf("names: %w", err)
		return
	}
	c.rows[r.Key] = cachedName{r.Value, index}
}

// of lists the names that lives hold which are over.
func (c *nameCache) of(over func(lease.Life) bool) (names []string) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for name, r := range c.rows {
		if over(r.life()) {
			names = append(names, name)
		}
	}
	return names
}
