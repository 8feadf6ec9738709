// SPDX-License-Identifier: Apache-2.0

package txn

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/banyan-go/banyan/etf"
)

// write carries out writes, in which no key comes twice.
func (s *step) write(writes []Write) error {
	for _, wr := range writes {
		var err error
		switch {
		case wr.Delete:
			err = errors.Join(s.w.Delete(wr.Key, nil), s.deleted(wr.Key))
		case wr.Clear:
			err = s.clear(wr)
		case wr.Add:
			var sum []byte
			if sum, err = s.add(wr); err == nil {
				err = s.w.Set(wr.Key, row(s.index, sum), nil)
			}
		default:
			err = s.w.Set(wr.Key, row(s.index, wr.Value), nil)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// deleted notes when a table last lost a row in a slot. A row that is not there has no version, so that this is what shows that one came and went
// since somebody looked.
func (s *step) deleted(key []byte) error {
	if key[0] != rowByte {
		return nil
	}
	return s.w.Set(deletedKey(key), binary.BigEndian.AppendUint64(nil, s.index), nil)
}

// clear deletes a range in each slot in which it has something.
func (s *step) clear(wr Write) (err error) {
	c := Scan{From: wr.Key, To: After(wr.Key), More: wr.More}
	from, to := c.Bounds()
	it, err := s.r.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	return c.Each(it, func(from, to []byte) error { return s.w.DeleteRange(from, to, nil) })
}

func (s *step) add(wr Write) ([]byte, error) {
	sum, ok, err := read(s.r, wr.Key, func(v []byte) ([]byte, error) {
		_, value, err := CutRow(v)
		if err != nil {
			return nil, err
		}
		return Sum(value, wr.By)
	})
	if ok || err != nil {
		return sum, err
	}
	return Sum(nil, wr.By)
}

// Sum adds to a stored integer, as it adds up in an int64. No value is 0.
func Sum(value []byte, by int64) ([]byte, error) {
	var n int64
	if len(value) > 0 {
		if err := etf.Unmarshal(value, &n); err != nil {
			return nil, fmt.Errorf("txn: a counter is damaged: %w", err)
		}
	}
	return etf.Marshal(n + by)
}
