// SPDX-License-Identifier: Apache-2.0

package erlio

import (
	"context"
	"errors"
	"unicode/utf8"

	"github.com/banyan-go/banyan"
)

// Writer writes to the group leader of a process.
type Writer struct{ self *banyan.Self }

// NewWriter makes an io.Writer of the process's group leader, which is asked for at each Write; without one it is whoever
// is registered as user on this node. It is for the process's own code.
func NewWriter(self *banyan.Self) *Writer { return &Writer{self} }

// ErrNoLeader tells that a process has no group leader, and its node no process registered as user.
var ErrNoLeader = errors.New("no group leader, and no process is registered as user: spawn erlio.New with banyan.Name(\"user\")")

// piece is how much one request carries.
const piece = 64 << 10

// Write prints p, which should be UTF-8 and hold whole characters, and waits until it is printed.
func (w *Writer) Write(p []byte) (n int, err error) {
	leader := LeaderOf(w.self)
	if leader.IsZero() {
		return 0, ErrNoLeader
	}
	for n < len(p) {
		end := min(n+piece, len(p))
		for end < len(p) && end > n+piece-utf8.UTFMax && !utf8.RuneStart(p[end]) {
			end--
		}
		if err := PutChars(context.Context(w.self), leader, string(p[n:end])); err != nil {
			return n, err
		}
		n = end
	}
	return n, nil
}

// LeaderOf is the process that takes the output of self: its group leader, or else who is registered as user on its node;
// zero if there is none.
func LeaderOf(self *banyan.Self) banyan.PID {
	if pid := self.GroupLeader(); !pid.IsZero() {
		return pid
	}
	pid, _ := self.Node().Whereis("user")
	return pid
}
