// SPDX-License-Identifier: Apache-2.0

package ets

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := startNode(t)
		s := must[*Set[int, string]](t)(NewSet[int, string](n, "s", With(Public), Cap(20000)))
		for i := range 20000 {
			_ = s.Insert(i, "some text")
		}
		_ = s.Insert(20000, "too much")
		snap := must[*Snapshot[int, string]](t)(s.Snapshot())
		_, _ = s.Delete(1)
		<-time.After(time.Minute)
		st := must[Stats](t)(s.Stats())
		if st.Name != "s" || st.Kind != "set" || st.Types != "int to string" || st.Access != Public || !st.Owner.IsZero() || !st.Heir.IsZero() ||
			st.Age != time.Minute || st.Rows != 19999 || st.Cap != 20000 || st.Refused != 1 || st.Copies != 1 || snap.Len() != 20000 {
			t.Errorf("%+v", st)
		}
		if st.Writes != 20002 {
			t.Errorf("%d writes, also those of blocks that were split; want 20002", st.Writes)
		}
		if st.Blocks < 20000/hashMost || st.Splits != uint64(st.Blocks-1<<hashDepth) {
			t.Errorf("%d blocks, %d splits", st.Blocks, st.Splits)
		}
		if least := int64(20000 * (8 + 16 + 9)); st.Bytes < least || st.Bytes > 3*least {
			t.Errorf("%d bytes, it takes at least %d", st.Bytes, least)
		}
		_, _ = s.DeleteWhere(func(int, string) bool { return true })
		if st = must[Stats](t)(s.Stats()); st.Rows != 0 || st.Joins == 0 || st.Blocks != 1<<hashDepth {
			t.Errorf("empty: %+v", st)
		}
		b := must[*Bag[int, int]](t)(NewBag[int, int](n, "b"))
		_, _ = b.Insert(1, 1)
		_, _ = b.Insert(1, 2)
		if st = must[Stats](t)(b.Stats()); st.Rows != 1 || st.Kind != "bag" || st.Types != "int to int" {
			t.Errorf("%+v", st)
		}
		if list := must[[]Stats](t)(Tables(n)); len(list) != 2 {
			t.Error(list)
		}
	})
}
