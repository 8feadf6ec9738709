// SPDX-License-Identifier: Apache-2.0

package check

import (
	"fmt"
	"math"
	"strings"
)

// Outcome is how a transaction ended, as its client knows.
type Outcome byte

// The outcomes.
const (
	Committed Outcome = iota
	Aborted           // surely nothing of it was done
	Unknown           // it was done, or is done later, or never
)

// Op is one step of a transaction: an append to a list, or a read of all of it.
type Op struct {
	Key    string
	Append int64   // the value, which no other append to this key has; 0 is a read
	Read   []int64 // what a read saw, the steps before it in its own transaction included
}

// Txn is a transaction as its client saw it.
type Txn struct {
	Process      int
	Call, Return int64 // when; Return does not count if the outcome is Unknown
	Outcome      Outcome
	Ops          []Op
}

// returned is when the transaction was surely over.
func (t *Txn) returned() int64 {
	if t.Outcome == Unknown {
		return math.MaxInt64
	}
	return t.Return
}

// String implements fmt.Stringer. Of long lists it shows the end.
func (t *Txn) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "process %d, %d to %d, %s:", t.Process, t.Call, t.Return, [...]string{"committed", "aborted", "unknown"}[t.Outcome])
	for _, o := range t.Ops {
		if o.Append != 0 {
			fmt.Fprintf(&b, " append(%s %d)", o.Key, o.Append)
		} else if n := len(o.Read); n > 6 {
			fmt.Fprintf(&b, " read(%s ..%d.. %v)", o.Key, n-6, o.Read[n-6:])
		} else {
			fmt.Fprintf(&b, " read(%s %v)", o.Key, o.Read)
		}
	}
	return b.String()
}

// Class is a kind of anomaly.
type Class string

// The classes. Those with Realtime as suffix need the order of calls and returns for their proof: the transactions are serializable,
// but not in an order that agrees with time.
const (
	Internal  Class = "internal"  // a transaction does not see its own steps
	Garbage   Class = "garbage"   // somebody read what nobody wrote
	Duplicate Class = "duplicate" // an append took effect twice
	Fork      Class = "fork"      // two reads of a list, and none is the beginning of the other
	G1a       Class = "G1a"       // somebody read what was aborted
	G1b       Class = "G1b"       // somebody read what its writer was not done with
	G0        Class = "G0"        // a cycle of ww
	G1c       Class = "G1c"       // of ww and wr
	GSingle   Class = "G-single"  // with one rw: read skew, lost updates
	G2        Class = "G2"        // with several rw: write skew
	Realtime  Class = "-realtime"
)

// Anomaly is one proof that a history is not what it should be.
type Anomaly struct {
	Class Class
	Txns  []int  // indexes in the history; of a cycle in its order
	Text  string // for people
}

// Error implements error.
func (a Anomaly) Error() string { return string(a.Class) + ": " + a.Text }

// Lists checks a history of transactions over lists, all empty at first. It returns at most one anomaly of each class; none means that the
// history is strictly serializable as far as the reads show. The history is not changed.
func Lists(history []Txn) []Anomaly {
	c := &lists{history: history, done: make([]bool, len(history)), writers: map[element]writer{}}
	c.index()
	c.order()
	c.local()
	c.cycles(c.edges())
	return c.found
}

// element is an append, which its value names.
type element struct {
	key   string
	value int64
}

type writer struct {
	txn  int
	last bool // its transaction appends no more to this key
}

// lists is one check.
type lists struct {
	history []Txn
	done    []bool // it took effect: its client says so, or somebody saw it
	writers map[element]writer
	keys    []string // in the order in which they come up, so that reports do not change from run to run
	orders  map[string][]int64
	found   []Anomaly
}

// report adds an anomaly, if it is the first of its class.
func (c *lists) report(class Class, txns []int, format string, args ...any) bool {
	for _, a := range c.found {
		if a.Class == class {
			return false
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, format, args...)
	for _, t := range txns {
		fmt.Fprintf(&b, "\n\t#%d %v", t, &c.history[t])
	}
	c.found = append(c.found, Anomaly{class, txns, b.String()})
	return true
}
