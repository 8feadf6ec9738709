// SPDX-License-Identifier: Apache-2.0

package erltest

import (
	"bytes"
	"sync"
)

// Output is what a program writes to its standard error. It may be read while the program still writes: package exec does
// so in a goroutine of its own, until the program has ended. Any goroutine may use it.
type Output struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

// Write takes what the program writes.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

// String is what it has written so far.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}
