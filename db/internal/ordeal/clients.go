// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/db"
	"github.com/banyan-go/banyan/db/internal/check"
)

const (
	accountsN   = 100
	families    = 10  // into which they are divided: money stays in the family
	each        = 100 // what an account has at first
	hotKeys     = 20
	listAge     = 15 * time.Second // after which a list is given up for another, so that they stay short
	registersN  = 6
	registerAge = 10 * time.Second
	stampsN     = 10
	heldNames   = 3
)

// patience is how long a client waits for one transaction. A side without a majority refuses sooner.
const patience = 5 * time.Second

// errPoor ends a transfer: the account has not that much.
var errPoor = errors.New("not enough money")

// carryOut does a transaction, and notes how it ended. One of unknown outcome is asked for.
func (w *worker) carryOut(e *event, do func(context.Context, func(*db.Tx) error) error, fn func(*db.Tx) error) {
	e.Call = now()
	if e.Write {
		w.journal.write(e)
	}
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	err := do(ctx, fn)
	cancel()
	e.Return = now()
	e.Took = e.Return - e.Call
	e.Outcome, e.Why = w.outcome(err)
	if e.Outcome != check.Unknown {
		e.Return = now() // it was learned of by now
	}
	w.journal.write(e)
	if errors.Is(err, db.ErrDead) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitDisk)
	}
}

// outcome says what an error means, and names it in a word.
func (w *worker) outcome(err error) (check.Outcome, string) {
	var unknown *db.UnknownError
	switch {
	case err == nil:
		return check.Committed, ""
	case errors.Is(err, errPoor):
		return check.Aborted, "poor"
	case errors.Is(err, db.ErrDead):
		return check.Unknown, "dead"
	case errors.Is(err, db.ErrClosed): // the node has left, or its disk failed
		return check.Unknown, "closed"
	case errors.As(err, &unknown):
		ctx, cancel := context.WithTimeout(w.ctx, patience)
		defer cancel()
		committed, err := w.db.Outcome(ctx, unknown.ID)
		switch {
		case err != nil:
			return check.Unknown, "unknown"
		case committed:
			return check.Committed, "unknown, then committed"
		}
		return check.Aborted, "unknown, then aborted"
	case errors.Is(err, db.ErrConflict):
		return check.Aborted, "conflict"
	case errors.Is(err, db.ErrNoQuorum):
		return check.Aborted, "no quorum"
	case errors.Is(err, context.DeadlineExceeded): // before it was handed in
		return check.Aborted, "out of time"
	}
	return check.Unknown, "other: " + err.Error()
}

func account(i int) string { return fmt.Sprintf("account %02d", i) }

// bank is the table that an account is in: half of each family is in groups of three copies, half in such of five.
func (w *worker) bank(i int) *db.Table[string, int64] { return w.accounts[i/families%len(w.accounts)] }

// openAccounts gives every account its money, once.
func (w *worker) openAccounts() error {
	return w.db.Update(w.ctx, func(tx *db.Tx) error {
		if _, ok, err := w.bank(0).Lookup(tx, account(0)); err != nil || ok {
			return err
		}
		for i := range accountsN {
			if err := w.bank(i).Put(tx, account(i), each); err != nil {
				return err
			}
		}
		return nil
	})
}

// transfers begin in the first part of each round of two seconds, on all nodes by the same clock. For an audit needs a moment in which no account changes between its first look and its
// last: see db.DB.View. What a fault has left undone goes on meanwhile.
const (
	round = 2 * time.Second
	busy  = 1500 * time.Millisecond
)

func (w *worker) transfer(process int, rng *rand.Rand) {
	if over := now() % int64(round); over > int64(busy) && !pause(w.ctx, round-time.Duration(over)) {
		return
	}
	const relatives = accountsN / families
	family, from, to, amount := rng.IntN(families), rng.IntN(relatives), rng.IntN(relatives-1), 1+rng.Int64N(30)
	if to >= from {
		to++
	}
	from, to = family+families*from, family+families*to
	e := &event{Kind: transfer, Process: process, Write: true}
	w.carryOut(e, w.db.Update, func(tx *db.Tx) error {
		a, err := w.bank(from).Get(tx, account(from))
		if err != nil {
			return err
		}
		b, err := w.bank(to).Get(tx, account(to))
		if err != nil {
			return err
		}
		if a < amount {
			return errPoor
		}
		return errors.Join(w.bank(from).Put(tx, account(from), a-amount), w.bank(to).Put(tx, account(to), b+amount))
	})
}

// audit counts the money of a family, or now and then that of all: among so many transfers a view of everything seldom finds its moment.
func (w *worker) audit(process int, rng *rand.Rand) {
	family, step := rng.IntN(families), families
	if rng.IntN(10) == 0 {
		family, step = 0, 1
	}
	w.auditOf(process, family, step)
}

func (w *worker) auditOf(process, first, step int) check.Outcome {
	e := &event{Kind: audit, Process: process}
	w.carryOut(e, w.db.View, func(tx *db.Tx) error {
		e.Balances = e.Balances[:0]
		for i := first; i < accountsN; i += step {
			v, err := w.bank(i).Get(tx, account(i))
			if err != nil {
				return err
			}
			e.Balances = append(e.Balances, v)
		}
		return nil
	})
	return e.Outcome
}

// next is a value that nobody else ever writes, nor another process of this node.
func (w *worker) next() int64 { return int64(w.Number)<<52 | int64(w.Life)<<36 | w.last.Add(1) }

// appendAndRead is a transaction of 3 to 10 steps over lists.
func (w *worker) appendAndRead(process int, rng *rand.Rand) {
	epoch := now() / int64(listAge)
	ops := make([]check.Op, 3+rng.IntN(8))
	reads := rng.IntN(3) == 0 // nothing else
	for i := range ops {
		ops[i].Key = fmt.Sprintf("%02d.%d", rng.IntN(hotKeys), epoch)
		if !reads && rng.IntN(2) == 0 {
			ops[i].Append = w.next()
		}
	}
	w.overLists(process, ops, reads && rng.IntN(2) == 0)
}

func (w *worker) overLists(process int, ops []check.Op, view bool) check.Outcome {
	do := w.db.Update
	if view {
		do = w.db.View
	}
	e := &event{Kind: list, Process: process, Ops: ops, Write: slices.ContainsFunc(ops, func(o check.Op) bool { return o.Append != 0 })}
	w.carryOut(e, do, func(tx *db.Tx) error {
		e.Ops = slices.Clone(ops)
		for i, o := range ops {
			l, err := w.lists.Get(tx, o.Key)
			if err != nil {
				return err
			}
			if o.Append == 0 {
				e.Ops[i].Read = l
			} else if err := w.lists.Put(tx, o.Key, append(slices.Clone(l), o.Append)); err != nil {
				return err
			}
		}
		return nil
	})
	return e.Outcome
}

func (w *worker) readOrWrite(process int, rng *rand.Rand) {
	key := fmt.Sprintf("%d.%d", rng.IntN(registersN), now()/int64(registerAge))
	e := &event{Kind: register, Process: process, Key: key, Write: rng.IntN(2) == 0}
	if !e.Write {
		w.read(e, []func(context.Context, func(*db.Tx) error) error{w.db.View, w.db.Update}[rng.IntN(2)])
		return
	}
	e.Value = w.next()
	w.carryOut(e, w.db.Update, func(tx *db.Tx) error { return w.registers.Put(tx, key, e.Value) })
}

func (w *worker) read(e *event, do func(context.Context, func(*db.Tx) error) error) {
	w.carryOut(e, do, func(tx *db.Tx) (err error) {
		e.Value, err = w.registers.Get(tx, e.Key)
		return err
	})
}

// stamp writes the time into one of the rows that are this node's. A write that comes late writes nothing, so values only rise.
func (w *worker) stamp(process int, rng *rand.Rand) {
	key := fmt.Sprintf("%d.%d", w.Number, rng.IntN(2))
	e := &event{Kind: stamp, Process: process, Key: key, Write: true, Value: now()}
	w.carryOut(e, w.db.Update, func(tx *db.Tx) error {
		v, err := w.stamps.Get(tx, key)
		if err != nil || v >= e.Value {
			return err
		}
		return w.stamps.Put(tx, key, e.Value)
	})
}

var lags = []time.Duration{200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second}

// dirty reads such a row of any node.
func (w *worker) dirty(process int, rng *rand.Rand) {
	lag := lags[rng.IntN(len(lags))]
	e := &event{Kind: dirty, Process: process, Key: fmt.Sprintf("%d.%d", 1+rng.IntN(w.Nodes), rng.IntN(2)), Lag: int64(lag)}
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	e.Call = now()
	v, _, err := w.stamps.Dirty(ctx, e.Key, db.MaxLag(lag))
	e.Return, e.Value = now(), v
	e.Outcome, e.Why = w.outcome(err)
	w.journal.write(e)
}

// holdName gets a name, if it is free, and notes for how long its token is valid: in pieces, since the process may be killed.
func (w *worker) holdName(process int, rng *rand.Rand) {
	name := fmt.Sprintf("name %d", (process-19)%100%heldNames)
	pid, err := banyan.Go(w.node, func(self *banyan.Self) error {
		_, err := self.Receive(self.Context())
		return err
	})
	if err != nil {
		return // the node is being stopped
	}
	end := func() { _ = banyan.SendExit(w.node.Context(w.ctx), pid, banyan.ErrKill) }
	defer end()
	token, err := w.names.Register(w.ctx, name, pid)
	if err != nil {
		return // it is taken, or nobody can say
	}
	dies := rng.IntN(2) == 0
	back := time.AfterFunc(time.Duration(50+rng.IntN(1500))*time.Millisecond, func() {
		if dies {
			end()
		} else {
			_ = w.names.Unregister(w.ctx, name) // refused after a lapse, and then it is void anyway
		}
	})
	defer back.Stop()
	tick := time.NewTicker(4 * time.Millisecond)
	defer tick.Stop()
	piece := event{Kind: hold, Process: process, Key: name, Holder: fmt.Sprintf("%d.%d", w.Number, w.Life), Token: token.Value(), From: now()}
	piece.To = piece.From
	for i := 1; ; i++ {
		at := now()
		valid := token.Valid()
		if valid {
			piece.To = at
		}
		if !valid || i%10 == 0 {
			e := piece
			w.journal.write(&e)
			piece.From = piece.To
		}
		if !valid {
			return
		}
		<-tick.C
	}
}
