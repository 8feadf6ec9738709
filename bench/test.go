// SPDX-License-Identifier: Apache-2.0

package main

// contender is one of those compared.
type contender int

// The contenders, in the order of the table's columns.
const (
	ours contender = iota
	erlang
	plain
	contenders
)

// String is the name in tables and raw results.
func (c contender) String() string { return [...]string{"banyan", "erlang", "go"}[c] }

// figure is one number that a test yields, and what is asked of it.
type figure struct {
	key    string // as the runs print it
	label  string
	unit   string
	lower  bool    // less is better
	target float64 // of Banyan; 0 none, but for zeroed
	zeroed bool    // the target is 0
	factor float64 // how many times better than Erlang Banyan is to be; 0 nothing asked
	beside float64 // the same, than what is written in plain Go
}

// better is how many times better a is than b.
func (f figure) better(a, b float64) float64 {
	if f.lower {
		a, b = b, a
	}
	if b == 0 {
		return 0
	}
	return a / b
}

// reached reports whether a value meets the target.
func (f figure) reached(v float64) bool {
	switch {
	case f.zeroed:
		return v == 0
	case f.target == 0:
		return true
	case f.lower:
		return v <= f.target
	}
	return v >= f.target
}

// work is what one process of a contender does. It ends the process through b if anything is wrong.
type work func(b *bench)

// test is one piece of work, done by each contender in processes of its own.
type test struct {
	row     string // of the table of targets
	name    string
	title   string
	n       int // how much work, the same for all
	figures []figure

	client [contenders]work // of erlang: nil, see function
	server [contenders]work // the other end, if the test takes two processes
	// function of the Erlang module bench_<module>; its other end is <function>_server.
	module, function string

	paired  bool     // two operating system processes
	named   bool     // the client starts nodes with names, of its own
	kill    bool     // the server is killed when the client says so
	erlArgs []string // for the Erlang emulator
	fixed   bool     // n is not cut by -quick
	seconds bool     // n is seconds: 10 in -quick
	missing [contenders]string
}

// size is n of this run.
func (t *test) size(quick bool) int {
	switch {
	case !quick || t.fixed:
		return t.n
	case t.seconds:
		return min(t.n, 10)
	}
	return max(t.n/5, 1)
}

// has reports whether a contender takes part.
func (t *test) has(c contender) bool {
	if c == erlang {
		return t.function != ""
	}
	return t.client[c] != nil
}
