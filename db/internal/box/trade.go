// SPDX-License-Identifier: Apache-2.0

package box

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/banyan-go/banyan/db/internal/check"
	"github.com/banyan-go/banyan/db/internal/host"
	"github.com/banyan-go/banyan/db/internal/state"
	"github.com/banyan-go/banyan/db/internal/twophase"
	"github.com/banyan-go/banyan/db/internal/txn"
	"github.com/banyan-go/banyan/etf"
)

// What there is of money and of tokens.
const (
	perGroup   = 2 // accounts, tokens
	perAccount = 100
)

// beat is the time between two transactions of a client.
const beat = 150 * time.Millisecond

// trade is the clients that run transactions, and what they have seen. Each group has accounts, between which money is moved; a counter, of which one goes up when another
// goes down; tokens, which move from group to group; and lists. Whoever looks at all sees as much money and as many tokens as there ever were.
type trade struct {
	s       *Sim
	ready   bool // everybody has what he begins with
	mix     check.Mix
	history []check.Txn
	over    bool // the end has begun
	ups     int  // how many additions of 1 are committed, and of how many nobody knows
	maybe   int
	marks   int64 // that the end has appended to lists
	last    int   // jobs of the end that are still to be done
}

// begin starts the clients of a process.
func (c *trade) begin(p *process) {
	if p.n.id == 1 && !c.ready {
		p.spawn(func(t *task) { c.found(p, t) })
	}
	for i := range c.s.o.Traders {
		p.spawn(func(t *task) {
			for !t.dead {
				if c.ready && !c.over {
					c.next(p, t, int(p.n.id)*100+i)
				}
				// All at about the same time, so that they meet. That the sleep was broken off t says, too.
				_ = p.limit(t).sleep(beat - c.s.now%beat + c.s.between(0, beat/20))
			}
		})
	}
}

// found makes what there is.
func (c *trade) found(p *process, t *task) {
	for !t.dead && !c.ready {
		_, err := p.transact(t, false, func(a *attempt) error {
			for g := range uint64(c.s.o.Groups) {
				for i := range perGroup {
					a.put(account(g+1, i), encodeNumbers(perAccount))
					a.put(keyOf(g+1, tokens, fmt.Sprint(g, i)), nil)
				}
			}
			return nil
		})
		c.ready = err == nil
		c.s.note("founded: %v", err)
	}
}

func account(group uint64, i int) []byte { return keyOf(group, accounts, fmt.Sprint(i)) }

func (c *trade) group() uint64 { return 1 + uint64(c.s.rng.IntN(c.s.o.Groups)) }

// two are two groups, mostly not the same.
func (c *trade) two() (uint64, uint64) { return c.group(), c.group() }

// next does one transaction.
func (c *trade) next(p *process, t *task, client int) {
	switch r := c.s.rng.IntN(100); {
	case r < 25:
		c.done("transfer")(c.transfer(p, t))
	case r < 45:
		c.done("count")(c.count(p, t))
	case r < 60:
		c.done("token")(c.token(p, t))
	case r < 75:
		c.done("audit")(c.audit(p, t))
	default:
		c.list(p, t, client, c.mix.Next(c.s.rng), c.s.chance(50))
	}
}

// done books how a transaction has ended.
func (c *trade) done(what string) func(twophase.ID, error) {
	return func(id twophase.ID, err error) {
		c.s.note("%s %v: %v", what, id, err)
		switch {
		case err == nil:
			c.s.stats.Done++
		case errors.Is(err, twophase.ErrUnknown), errors.Is(err, twophase.ErrCrash):
			c.s.stats.Unknown++
		}
	}
}

// use reads the mark of a table in a group, as all do who use the table.
func (a *attempt) use(group uint64, table uint32) error {
	_, err := a.get(txn.MarkKey(group, table))
	return err
}

func (c *trade) transfer(p *process, t *task) (twophase.ID, error) {
	g, h := c.two()
	from, to, n := account(g, c.s.rng.IntN(perGroup)), account(h, c.s.rng.IntN(perGroup)), int64(c.s.rng.IntN(60))
	return p.transact(t, false, func(a *attempt) error {
		x, err := a.get(from)
		if err != nil {
			return err
		}
		y, err := a.get(to)
		if err != nil {
			return err
		}
		if err := errors.Join(a.use(g, accounts), a.use(h, accounts)); err != nil {
			return err
		}
		if slices.Equal(from, to) || len(x) < 8 || len(y) < 8 || decodeNumbers(x)[0] < n {
			return nil
		}
		a.put(from, encodeNumbers(decodeNumbers(x)[0]-n))
		a.put(to, encodeNumbers(decodeNumbers(y)[0]+n))
		return nil
	})
}

// count adds without looking.
func (c *trade) count(p *process, t *task) (twophase.ID, error) {
	g, h := c.two()
	if g == h {
		return c.up(p, t, g)
	}
	return p.transact(t, false, func(a *attempt) error {
		a.write(txn.Write{Key: keyOf(g, counters, ""), Add: true, By: 1})
		a.write(txn.Write{Key: keyOf(h, counters, ""), Add: true, By: -1})
		return nil
	})
}

// up adds 1 in one group, without looking. That it is done once shows in the end.
func (c *trade) up(p *process, t *task, g uint64) (twophase.ID, error) {
	id, err := p.transact(t, false, func(a *attempt) error {
		a.write(txn.Write{Key: keyOf(g, counters, ups), Add: true, By: 1})
		return nil
	})
	switch {
	case err == nil:
		c.ups++
	case errors.Is(err, twophase.ErrUnknown), t.dead:
		c.maybe++
	}
	return id, err
}

// ups is the counter of what up does.
const ups = "up"

// token moves the first or the last token of a group to another group.
func (c *trade) token(p *process, t *task) (twophase.ID, error) {
	g, h := c.two()
	last := c.s.chance(50)
	return p.transact(t, false, func(a *attempt) error {
		rows, err := a.scan(g, tokens)
		if err != nil || len(rows) == 0 || g == h {
			return err
		}
		row := rows[0]
		if last {
			row = rows[len(rows)-1]
		}
		to := keyOf(h, tokens, string(row.key[txn.PrefixLen:]))
		if _, err := a.get(to); err != nil {
			return err
		}
		a.write(txn.Write{Key: row.key, Delete: true})
		a.put(to, nil)
		return nil
	})
}

// audit looks at all that there is.
func (c *trade) audit(p *process, t *task) (twophase.ID, error) {
	s := c.s
	var balances []int64
	var sum, held int64
	readOnly := s.chance(80)
	id, err := p.transact(t, readOnly, func(a *attempt) error {
		balances, sum, held = nil, 0, 0
		for _, i := range s.rng.Perm(s.o.Groups) {
			g := uint64(i) + 1
			rows, err := a.scan(g, accounts)
			if err != nil {
				return err
			}
			for _, r := range rows {
				balances = append(balances, decodeNumbers(r.value)...)
			}
			if rows, err = a.scan(g, tokens); err != nil {
				return err
			}
			for _, r := range rows {
				if string(r.key[txn.PrefixLen:]) != lastToken {
					held++
				}
			}
			b, err := a.get(keyOf(g, counters, ""))
			if err != nil {
				return err
			}
			var n int64
			if len(b) > 0 {
				err = etf.Unmarshal(b, &n)
			}
			if sum += n; err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return id, err
	}
	want := int64(s.o.Groups * perGroup)
	if err := check.Bank(want*perAccount, balances); err != nil {
		s.violate("%v sees: %v", p.n, err)
	}
	if sum != 0 {
		s.violate("%v sees counters that sum up to %d, and not to 0", p.n, sum)
	}
	if held != want {
		s.violate("%v sees %d tokens, and not %d", p.n, held, want)
	}
	return id, nil
}

// list is where a list is.
func (c *trade) place(name string) []byte {
	h := fnv.New32a()
	h.Write([]byte(name))
	return keyOf(1+uint64(h.Sum32())%uint64(c.s.o.Groups), lists, name)
}

// list appends to lists and reads them.
func (c *trade) list(p *process, t *task, client int, ops []check.Op, view bool) (committed bool) {
	s := c.s
	tx := check.Txn{Process: client, Call: int64(s.now), Ops: ops}
	readOnly := view && !slices.ContainsFunc(ops, func(o check.Op) bool { return o.Append != 0 })
	id, err := p.transact(t, readOnly, func(a *attempt) error {
		tx.Ops = slices.Clone(ops)
		for i, o := range ops {
			key := c.place(o.Key)
			b, err := a.get(key)
			if err != nil {
				return err
			}
			if err := a.use(txn.GroupOf(key), lists); err != nil {
				return err
			}
			if o.Append == 0 {
				tx.Ops[i].Read = decodeNumbers(b)
			} else {
				a.put(key, encodeNumbers(append(decodeNumbers(b), o.Append)...))
			}
		}
		return nil
	})
	c.done("list")(id, err)
	unknown := errors.Is(err, twophase.ErrUnknown)
	if unknown && !t.dead && s.chance(60) { // it can be found out
		if done, wrong := p.txns.Outcome(p.limit(t), id); wrong == nil {
			unknown = false
			s.stats.Learned++
			if done {
				err = nil
			}
		}
	}
	switch tx.Return = int64(s.now); {
	case unknown, errors.Is(err, twophase.ErrCrash), t.dead:
		tx.Outcome = check.Unknown
	case err != nil: // surely nothing was done
		tx.Outcome = check.Aborted
	}
	c.history = append(c.history, tx)
	return tx.Outcome == check.Committed
}

// lastToken is one that the end makes in each group, which does not count.
const lastToken = "end"

// finish begins the jobs of the end: somebody writes every row, whoever may have left a lock on it, and reads every list. They run on all nodes.
func (c *trade) finish() {
	s := c.s
	c.over = true
	job := func(do func(p *process, t *task) bool) {
		c.last++
		n := s.nodes[c.last%len(s.nodes)]
		var try func()
		try = func() {
			if !n.up || n.process == nil { // it still starts
				s.after(100*time.Millisecond, try)
				return
			}
			n.process.spawn(func(t *task) {
				for !t.dead && !do(n.process, t) {
				}
				if t.dead {
					s.after(100*time.Millisecond, try)
					return
				}
				c.last--
			})
		}
		try()
	}
	for _, ops := range c.mix.Reads() {
		job(func(p *process, t *task) bool {
			c.marks++ // each attempt is a transaction of its own
			mark := check.Op{Key: ops[0].Key, Append: 1<<40 + c.marks}
			return c.list(p, t, -1, append([]check.Op{mark}, ops...), false)
		})
	}
	for g := range uint64(s.o.Groups) {
		job(func(p *process, t *task) bool {
			id, err := p.transact(t, false, func(a *attempt) error {
				rows, err := a.scan(g+1, accounts)
				for _, r := range rows {
					a.put(r.key, r.value)
				}
				_, missing := a.scan(g+1, tokens)
				a.put(keyOf(g+1, tokens, lastToken), nil)
				sum, wrong := a.get(keyOf(g+1, counters, ""))
				if len(sum) > 0 {
					a.put(keyOf(g+1, counters, ""), sum)
				}
				return errors.Join(err, missing, wrong, a.use(g+1, accounts))
			})
			c.done("end")(id, err)
			return err == nil
		})
	}
}

// end checks all that was seen, once the jobs of the end are done.
func (c *trade) end() {
	s := c.s
	if !c.ready {
		s.stalled("the transactions have never begun")
		return
	}
	if c.last > 0 {
		s.stalled("%d rows cannot be written after everything has healed", c.last)
		return
	}
	for g := uint64(1); g <= uint64(s.o.Groups); g++ {
		n := s.leader(g)
		if n == nil {
			continue // the checker has said so
		}
		left, err := txn.Holders(n.state.Reader(), g, func(*txn.Entry) bool { return true })
		if err != nil || len(left) > 0 {
			s.stalled("group %d: %v are still prepared, though each row was written since (%v)", g, left, err)
		}
	}
	if n := c.upsDone(); n < c.ups || n > c.ups+c.maybe {
		s.violate("%d times 1 was added, where %d are committed and %d of unknown outcome", n, c.ups, c.maybe)
	}
	if found := check.Lists(c.history); len(found) > 0 {
		s.violate("%v", found[0])
	}
}

// upsDone is what the counters have in the end.
func (c *trade) upsDone() (sum int) {
	for g := uint64(1); g <= uint64(c.s.o.Groups); g++ {
		n := c.s.leader(g)
		if n == nil {
			continue // the checker has said so
		}
		row, err := getRow(n.state.Reader(), keyOf(g, counters, ups))
		var up int
		if err == nil && len(row.value) > 0 {
			err = etf.Unmarshal(row.value, &up)
		}
		if sum += up; n.readable(err) != nil {
			return sum
		}
	}
	return sum
}

// ledger is the machine of transactions, and a digest of all that each group has carried out.
type ledger struct{ txn.Machine }

// Apply implements state.Machine.
func (m ledger) Apply(group, index uint64, data []byte, r pebble.Reader, w *pebble.Batch) (any, error) {
	others := len(w.Reader()) // what entries before it have written
	out, err := m.Machine.Apply(group, index, data, r, w)
	if err != nil {
		return nil, err
	}
	before, err := readRow(r, txn.MarkKey(group, digests))
	if err != nil {
		return nil, err
	}
	h := fnv.New64a()
	h.Write(binary.BigEndian.AppendUint64(encodeNumbers(before), index))
	h.Write(data)
	h.Write(w.Reader()[others:])
	return out, w.Set(txn.MarkKey(group, digests), h.Sum(nil), nil)
}

// machine is what the groups of a node replicate.
func (n *node) machine() state.Machine {
	if n.s.o.Traders > 0 {
		return ledger{txn.Machine{Trim: 4, Flaw: n.s.o.TxnFlaw}}
	}
	m := registers{}
	if n.s.o.Flaw == host.ApplyLocal {
		m.local = n.id
	}
	return m
}
