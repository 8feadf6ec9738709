// SPDX-License-Identifier: Apache-2.0

package txn

import "testing"

// TestClasses: every slot is of one group, every group of one class, and the numbers are those that databases have written down.
func TestClasses(t *testing.T) {
	seen := map[uint64]Class{}
	for _, c := range Classes() {
		for _, g := range c.Groups() {
			if other, ok := seen[g]; ok || ClassOf(g) != c {
				t.Errorf("group %d of class %d is of class %d and %d", g, c, ClassOf(g), other)
			}
			seen[g] = c
			from, to := SlotsOf(g)
			for _, s := range []uint16{from, to} {
				if GroupOfSlot(s) != g {
					t.Errorf("slot %#x of group %d is of group %d", s, g, GroupOfSlot(s))
				}
			}
		}
	}
	for c, first := range map[Class]uint64{Disk: 2, Meta: 1, RAM: 10, 3: 18, 10: 74} {
		if got := c.Groups()[0]; got != first {
			t.Errorf("class %d begins with group %d, want %d", c, got, first)
		}
	}
	for _, ram := range []bool{false, true} {
		for _, n := range []int{1, 3, 5, 7, Everywhere} {
			if c, ok := ClassFor(ram, n); !ok || c.InRAM() != ram || c.Copies() != n || c == Meta {
				t.Errorf("class of %v in %d copies: %d %v", ram, n, c, ok)
			}
		}
	}
	if c, ok := ClassFor(false, 4); ok {
		t.Errorf("four copies are of class %d", c)
	}
	if Disk.Copies() != 3 || RAM.Copies() != 3 || Disk.InRAM() || !RAM.InRAM() {
		t.Error("the first classes have changed")
	}
}
