// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"cmp"
	"slices"
	"time"

	"github.com/banyan-go/banyan/db/internal/check"
)

// bank: in every audit there is as much money as there was at first, in a family or altogether. And transfers go on, in nine of ten seconds in which a majority is connected.
func (v *verdict) bank() {
	committed, audits, whole := map[int64]int{}, 0, 0
	for i := range v.events {
		e := &v.events[i]
		switch {
		case e.Outcome != check.Committed:
		case e.Kind == transfer:
			committed[(e.Return-v.began)/int64(time.Second)]++
		case e.Kind == audit:
			if audits++; len(e.Balances) == accountsN {
				whole++
			}
			if err := check.Bank(int64(len(e.Balances))*each, e.Balances); err != nil {
				v.wrong("bank", "%s, process %d, %d to %d: %v", e.Life, e.Process, e.Call, e.Return, err)
			}
		}
	}
	without := map[int64]bool{}
	for _, at := range v.without {
		without[(at-v.began)/int64(time.Second)] = true
	}
	seconds, progress := 0, 0
	for s := range (v.ended - v.began) / int64(time.Second) {
		if v.healed != 0 && v.began+(s+1)*int64(time.Second) > v.healed { // then the clients end
			break
		}
		if without[s] {
			continue
		}
		if seconds++; committed[s] > 0 {
			progress++
		}
	}
	v.say("bank: %d audits, %d of them of all accounts; a transfer committed in %d of %d seconds with a connected majority (%.1f %%); %d seconds without one", audits, whole, progress, seconds,
		100*float64(progress)/float64(max(seconds, 1)), len(without))
	if 10*progress < 9*seconds {
		v.wrong("progress", "in %d of %d seconds", progress, seconds)
	}
}

// histories hands what package check understands to it.
func (v *verdict) histories() {
	var txns []check.Txn
	var ops []check.RegisterOp
	var holds []check.Hold
	holders := map[uint64]bool{}
	for i := range v.events {
		e := &v.events[i]
		switch e.Kind {
		case list:
			ops := e.Ops
			if e.Return == 0 { // its process was killed: what it has read nobody knows
				ops = slices.DeleteFunc(slices.Clone(ops), func(o check.Op) bool { return o.Append == 0 })
			}
			txns = append(txns, check.Txn{Process: e.Process, Call: e.Call, Return: e.Return, Outcome: e.Outcome, Ops: ops})
		case register:
			ops = append(ops, check.RegisterOp{Process: e.Process, Call: e.Call, Return: e.Return, Outcome: e.Outcome, Key: e.Key, Write: e.Write, Value: e.Value})
		case hold:
			holds = append(holds, check.Hold{Name: e.Key, Holder: e.Holder, Token: e.Token, From: e.From, To: e.To})
			holders[e.Token] = true
		}
	}
	began := time.Now()
	for _, a := range check.Lists(txns) {
		v.wrong("lists", "%v", a)
	}
	v.say("lists: %d transactions looked at in %v", len(txns), time.Since(began).Round(time.Millisecond))
	began = time.Now()
	if err := check.Registers(ops, 5*time.Minute); err != nil {
		v.wrong("registers", "%v", err)
	}
	v.say("registers: %d operations looked at in %v", len(ops), time.Since(began).Round(time.Millisecond))
	if err := check.Holds(holds); err != nil {
		v.wrong("names", "%v", err)
	}
	v.say("names: %d grants, in %d pieces", len(holders), len(holds))
}

// slack is by how much a dirty read may be older than was asked for: what was heard must still be carried out.
const slack = int64(50 * time.Millisecond)

// dirtyReads: none is older than was asked for. A read is older if a newer value had been committed, and acknowledged, that long before the read was called.
func (v *verdict) dirtyReads() {
	type write struct{ acked, value int64 }
	writes := map[string][]write{}
	for i := range v.events {
		e := &v.events[i]
		if e.Kind == stamp && e.Outcome == check.Committed {
			writes[e.Key] = append(writes[e.Key], write{e.Return, e.Value})
		}
	}
	for _, l := range writes {
		slices.SortFunc(l, func(a, b write) int { return cmp.Compare(a.acked, b.acked) })
		for i := range l[:max(len(l)-1, 0)] { // now value is the highest that was acknowledged by then
			l[i+1].value = max(l[i+1].value, l[i].value)
		}
	}
	reads, oldest := 0, int64(0)
	for i := range v.events {
		e := &v.events[i]
		if e.Kind != dirty || e.Outcome != check.Committed {
			continue
		}
		reads++
		l := writes[e.Key]
		// The first write that the read has missed tells for how long it was out of date.
		n, _ := slices.BinarySearchFunc(l, e.Value+1, func(w write, value int64) int { return cmp.Compare(w.value, value) })
		if n == len(l) || l[n].acked >= e.Call {
			continue
		}
		age := e.Call - l[n].acked
		oldest = max(oldest, age-e.Lag)
		if age > e.Lag+slack {
			v.wrong("dirty", "%s, process %d, %d to %d: %s is out of date by %v, %v is allowed", e.Life, e.Process, e.Call, e.Return, e.Key,
				time.Duration(age), time.Duration(e.Lag))
		}
	}
	v.say("dirty: %d reads; the oldest was %v beyond its bound", reads, time.Duration(oldest).Round(time.Millisecond))
}

// refusals: nodes that are cut off do not keep their clients waiting. A transaction that others kept overtaking was not waiting for a majority.
func (v *verdict) refusals() {
	const bar = int64(2 * time.Second)
	var took []int64
	for _, c := range v.cuts {
		for i := range v.events {
			e := &v.events[i]
			if e.Call < c.from || e.Call > c.to-bar || !slices.Contains(c.minority, e.Process/100) || e.Took == 0 || e.Why == "conflict" || e.Why == "dead" ||
				e.Outcome == check.Committed && e.Why == "" {
				continue
			}
			took = append(took, e.Took)
			if e.Took > bar {
				v.wrong("refusal", "%s, process %d: a %s called %v after the node was cut off ended after %v (%s)", e.Life, e.Process, e.Kind,
					time.Duration(e.Call-c.from), time.Duration(e.Took), e.Why)
			}
		}
	}
	if len(took) == 0 {
		return
	}
	slices.Sort(took)
	v.say("refusals: %d on nodes that were cut off, p50 %v, p99 %v, longest %v", len(took), time.Duration(took[len(took)/2]).Round(time.Millisecond),
		time.Duration(took[len(took)*99/100]).Round(time.Millisecond), time.Duration(took[len(took)-1]).Round(time.Millisecond))
}
