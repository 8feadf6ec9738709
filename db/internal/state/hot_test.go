// SPDX-License-Identifier: Apache-2.0

package state

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/banyan-go/banyan/db/internal/disk"
)

// warm is rows with keys in memory: those that begin with h. An entry is a list of "set k v", "del k", "range k l" and "get k"; the result is what the gets found, and
// all rows as an iterator finds them before.
type warm struct{ rows }

func (warm) Hot(group uint64) []Span { return []Span{{rowKey(group, "h"), rowKey(group, "i")}} }

func (warm) Apply(group, _ uint64, data []byte, r pebble.Reader, w *pebble.Batch) (any, error) {
	found := ""
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: rowKey(group, ""), UpperBound: rowKey(group+1, "")})
	if err != nil {
		return nil, err
	}
	for ok := it.First(); ok; ok = it.Next() {
		found += fmt.Sprintf("%s=%s ", it.Key()[9:], it.Value())
	}
	if err := it.Close(); err != nil {
		return nil, err
	}
	var ops []string
	for op := range strings.SplitSeq(string(data), ",") {
		if k, ok := strings.CutPrefix(op, "get "); ok {
			v, closer, err := r.Get(rowKey(group, k))
			if errors.Is(err, pebble.ErrNotFound) {
				found += "no " + k + " "
				continue
			} else if err != nil {
				return nil, err
			}
			found += fmt.Sprintf("%s:%s ", k, v)
			if err := closer.Close(); err != nil {
				return nil, err
			}
			continue
		}
		ops = append(ops, op)
	}
	for _, op := range ops {
		f := strings.Fields(op)
		switch f[0] {
		case "set":
			err = w.Set(rowKey(group, f[1]), []byte(f[2]), nil)
		case "del":
			err = w.Delete(rowKey(group, f[1]), nil)
		case "range":
			err = w.DeleteRange(rowKey(group, f[1]), rowKey(group, f[2]), nil)
		}
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// TestEntriesInOne: however entries are put together into batches, and with a mirror of some keys or without one, each finds the same, also after a start and after a
// snapshot has replaced everything.
func TestEntriesInOne(t *testing.T) {
	fs := vfs.NewMem()
	open := func() *Store {
		s, err := Open(disk.Options{FS: fs, Dir: "state"}, 1, warm{})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open()
	rng := rand.New(rand.NewPCG(3, 4))
	keys := []string{"a", "g", "h", "h1", "h2", "h3", "i", "z"}
	key := func() string { return keys[rng.IntN(len(keys))] }
	model := map[string]string{}
	index := uint64(0)
	for round := range 300 {
		e, err := s.Entries(group)
		if err != nil {
			t.Fatal(err)
		}
		for range 1 + rng.IntN(5) {
			want := ""
			for _, k := range keys {
				if v, ok := model[k]; ok {
					want += k + "=" + v + " "
				}
			}
			var ops []string
			for range 2 {
				k := key()
				ops = append(ops, "get "+k)
				if v, ok := model[k]; ok {
					want += k + ":" + v + " "
				} else {
					want += "no " + k + " "
				}
			}
			for range 1 + rng.IntN(3) {
				switch k := key(); rng.IntN(5) {
				case 0:
					ops = append(ops, "del "+k)
					delete(model, k)
				case 1:
					l := key()
					if k > l {
						k, l = l, k
					}
					ops = append(ops, "range "+k+" "+l)
					maps.DeleteFunc(model, func(x, _ string) bool { return k <= x && x < l })
				default:
					v := fmt.Sprint(rng.IntN(100))
					ops = append(ops, "set "+k+" "+v)
					model[k] = v
				}
			}
			index++
			got, err := e.Apply(Applied{index, 1}, []byte(strings.Join(ops, ",")), nil)
			if err != nil || got != want {
				t.Fatalf("round %d, entry %d: %v\n%v, want\n%v", round, index, err, got, want)
			}
		}
		if err := e.Commit(); err != nil {
			t.Fatal(err)
		}
		switch rng.IntN(20) {
		case 0:
			if err := errors.Join(s.Flush(), s.Close()); err != nil {
				t.Fatal(err)
			}
			s = open()
		case 1:
			index++
			m, err := s.Import(group, Applied{index, 1}, *conf(1))
			if err != nil {
				t.Fatal(err)
			}
			model = map[string]string{"a": "snap", "h1": "snap"}
			for _, k := range []string{"a", "h1"} {
				err = errors.Join(err, m.Add(AppendRow(nil, rowKey(group, k), []byte("snap"))))
			}
			if err = errors.Join(err, m.Finish()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
