// SPDX-License-Identifier: Apache-2.0

package db

import (
	"bytes"
	"container/heap"
	"slices"

	"github.com/banyan-go/banyan/db/internal/txn"
)

// Pages grow from the one to the other, in rows.
const firstPage, lastPage = 16, 256

// cursor goes through the rows of one slot, a page at a time.
type cursor struct {
	p        *part
	rest     txn.Scan // what was not read yet
	rows     []row    // what was read and not taken yet; never empty in a merge
	more     bool     // the rest is not empty
	size     int      // of the next page
	counted  *uint64  // rows that were taken from the part
	backward bool
}

// merge gives the rows of several cursors in the order of their keys without the slots.
type merge struct {
	list     []*cursor
	backward bool
}

func (m *merge) Len() int { return len(m.list) }
func (m *merge) Less(i, j int) bool {
	return before(m.list[i].rows[0].key, m.list[j].rows[0].key, m.backward)
}
func (m *merge) Swap(i, j int) { m.list[i], m.list[j] = m.list[j], m.list[i] }
func (m *merge) Push(x any)    { m.list = append(m.list, x.(*cursor)) }
func (m *merge) Pop() any {
	x := m.list[len(m.list)-1]
	m.list = m.list[:len(m.list)-1]
	return x
}

// before reports whether row a comes before row b.
func before(a, b []byte, backward bool) bool {
	c := bytes.Compare(txn.Inner(a), txn.Inner(b))
	return c < 0 && !backward || c > 0 && backward
}

// add puts the first page of a part's range into the merge.
func (m *merge) add(tx *Tx, p *part, s txn.Scan, counted *uint64) error {
	runs, err := p.view.page(tx.ctx, s, m.backward, firstPage)
	if err != nil {
		return err
	}
	for _, r := range runs {
		if len(r.rows) == 0 {
			continue
		}
		c := &cursor{p: p, rows: r.rows, more: r.more, size: 2 * firstPage, counted: counted, backward: m.backward}
		c.rest.From, c.rest.To = txn.SameSlot(s.From, r.rows[0].key), txn.SameSlot(s.To, r.rows[0].key)
		c.cut()
		heap.Push(m, c)
	}
	return nil
}

// cut takes what was read away from the rest.
func (c *cursor) cut() {
	last := c.rows[len(c.rows)-1].key
	if c.backward {
		c.rest.To = last
	} else {
		c.rest.From = append(bytes.Clone(last), 0)
	}
}

// take removes the first row.
func (m *merge) take(tx *Tx) (row, error) {
	c := m.list[0]
	r := c.rows[0]
	*c.counted++
	c.rows = c.rows[1:]
	if len(c.rows) == 0 && c.more {
		runs, err := c.p.view.page(tx.ctx, c.rest, c.backward, c.size)
		if err != nil {
			return row{}, err
		}
		c.more = false
		if len(runs) == 1 && len(runs[0].rows) > 0 {
			c.rows, c.more, c.size = runs[0].rows, runs[0].more, min(2*c.size, lastPage)
			c.cut()
		}
	}
	if len(c.rows) == 0 {
		heap.Pop(m)
	} else {
		heap.Fix(m, 0)
	}
	return r, nil
}

// rows goes through ranges, each of one group and all alike but for the slots, in the order of the keys without the slots, the transaction's own writes
// included, and remembers how far it came. Yield returns false to end it.
func (tx *Tx) rows(ranges []txn.Scan, backward bool, yield func(key, value []byte) bool) error {
	if err := tx.usable(); err != nil {
		return err
	}
	m := &merge{backward: backward}
	parts := make([]*part, len(ranges))
	var mine []txn.Write
	for i := range ranges {
		p, err := tx.part(txn.GroupOf(ranges[i].From))
		if err == nil {
			err = tx.open(p)
		}
		if err == nil {
			err = m.add(tx, p, ranges[i], &ranges[i].Rows)
		}
		if err != nil {
			return err
		}
		parts[i] = p
		mine = append(mine, p.between(ranges[i])...)
	}
	slices.SortFunc(mine, func(a, b txn.Write) int {
		if before(a.Key, b.Key, backward) {
			return -1
		}
		return 1
	})
	var end []byte // the last key that was yielded, if the rest was not looked at
	err := m.through(tx, mine, func(key, value []byte) bool {
		if yield(key, value) {
			return true
		}
		end = key
		return false
	})
	for i, s := range ranges {
		switch {
		case end == nil:
		case backward:
			s.From = txn.SameSlot(end, s.From)
		default:
			s.To = txn.SameSlot(append(bytes.Clone(end), 0), s.From)
		}
		parts[i].scans = append(parts[i].scans, s)
	}
	return err
}

// through yields what the merge and the transaction's own writes have, in order, until yield returns false.
func (m *merge) through(tx *Tx, mine []txn.Write, yield func(key, value []byte) bool) error {
	for m.Len() > 0 || len(mine) > 0 {
		var next row
		stored, own := m.Len() > 0, len(mine) > 0
		if stored && own {
			head := m.list[0].rows[0].key
			stored, own = !before(mine[0].Key, head, m.backward), !before(head, mine[0].Key, m.backward)
		}
		if stored {
			var err error
			if next, err = m.take(tx); err != nil {
				return err
			}
		}
		skip := false
		if own { // instead of the stored row, if both are there
			w := mine[0]
			mine = mine[1:]
			next.key, skip = w.Key, w.Delete
			if !w.Add {
				next.value = w.Value
			} else if sum, err := txn.Sum(next.value, w.By); err != nil {
				return err
			} else {
				next.value = sum
			}
		}
		if !skip && !yield(next.key, next.value) {
			return nil
		}
		if err := tx.usable(); err != nil {
			return err
		}
	}
	return nil
}

// between are the transaction's own writes in a range.
func (p *part) between(s txn.Scan) (list []txn.Write) {
	for k, w := range p.writes {
		if s.Covers([]byte(k)) {
			list = append(list, w)
		}
	}
	return list
}
