// SPDX-License-Identifier: Apache-2.0

package db

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/db/internal/tenure"
)

// holding is one grant of a name, on the node that holds it.
type holding struct {
	l     *tenure.Keeper
	name  string
	pid   banyan.PID
	grant uint64
	token uint64
	term  uint64 // of the lease, in which the name was asked for

	over atomic.Bool
	done chan struct{}
}

// end makes the grant void. It is called once, with Names.mu held.
func (h *holding) end() {
	h.over.Store(true)
	close(h.done)
}

// Token is a grant of a name. It may be copied, kept and compared; it is of use on the holder's node only. What travels is Value.
type Token struct{ h *holding }

// Value is the fencing token: it is higher than that of any holder the name had before. Send it along with what is done in the name's name, so
// that who receives that can refuse it (see Fence, Names.Check) when it has seen a higher one.
func (t Token) Value() uint64 {
	if t.h == nil {
		return 0
	}
	return t.h.token
}

// Valid reports whether the name is held, at this moment and by this node's own clock. From the moment it is false it is false for ever. As long as it is true
// nobody else has a valid token for the name. Between asking and acting time passes: what others do on the holder's word they must
// fence by Value.
func (t Token) Valid() bool {
	return t.h != nil && !t.h.over.Load() && t.h.l.Valid(t.h.term)
}

// Done is closed soon after the token has ceased to be valid, whatever the reason: the process has ended, the name was given back, the node's lease has ended, or its
// life. For the exact moment ask Valid.
func (t Token) Done() <-chan struct{} {
	if t.h == nil {
		c := make(chan struct{})
		close(c)
		return c
	}
	return t.h.done
}

// Name is the name.
func (t Token) Name() string {
	if t.h == nil {
		return ""
	}
	return t.h.name
}

// String is name and value.
func (t Token) String() string { return fmt.Sprintf("%s#%d", t.Name(), t.Value()) }

// Fence is what a receiver keeps to refuse those who held a name before. The zero value is ready; it may be used by any goroutine. It remembers the highest
// token of each name that it was shown, and forgets nothing.
type Fence struct {
	mu   sync.Mutex
	last map[string]uint64
}

// Admit lets a token through that is as high as any before it, and answers ErrStale to others.
func (f *Fence) Admit(name string, token uint64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if last := f.last[name]; token < last || token == 0 {
		return fmt.Errorf("db: name %q: token %d, after %d: %w", name, token, last, ErrStale)
	}
	if f.last == nil {
		f.last = map[string]uint64{}
	}
	f.last[name] = token
	return nil
}
