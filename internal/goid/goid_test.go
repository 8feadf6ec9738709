// SPDX-License-Identifier: Apache-2.0

package goid

import "testing"

func TestIDTellsGoroutinesApart(t *testing.T) {
	if !Supported {
		t.Skip("not written for this architecture")
	}
	mine := ID()
	if mine == 0 || mine != ID() {
		t.Fatalf("ID is %x, then %x", mine, ID())
	}
	other := make(chan uintptr)
	go func() { other <- ID() }()
	if o := <-other; o == mine || o == 0 {
		t.Fatalf("another goroutine has ID %x, mine is %x", o, mine)
	}
}
