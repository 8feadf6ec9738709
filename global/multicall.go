// SPDX-License-Identifier: Apache-2.0

package global

import (
	"slices"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// answerWithin bounds the wait for the name server of another node. Each answers at once; a node that is gone ends the wait
// when its link does.
const answerWithin = 2 * time.Minute

// askAll calls the name servers of nodes, in the name of the process that holds the locks, and gives what they answered.
// Nodes that do not answer, or have no link, are left out: asking must not bring a node back that was parted from.
func askAll(self *banyan.Self, nodes []atom, request any) map[atom]any {
	var refs []banyan.Ref[banyan.Foreign]
	var of []atom
	for _, n := range nodes {
		if slices.Contains(of, n) {
			continue
		}
		if ref, err := banyan.At[banyan.Foreign](serverName, n).Resolve(self); err == nil {
			refs, of = append(refs, ref), append(of, n)
		}
	}
	answers := make(map[atom]any, len(refs))
	ctx := banyan.NoConnect(banyan.Within(self, answerWithin))
	for r := range banyan.CallAll(ctx, banyan.Refs(refs...), banyan.Ask[any]{Term: request}) {
		if r.Err == nil {
			answers[r.From.Node] = r.Value
		}
	}
	return answers
}

// setLock takes a lock on nodes; if one refuses it is given back where it was granted.
func setLock(self *banyan.Self, lock etf.Tuple, nodes []atom) bool {
	if len(nodes) == 0 {
		return true
	}
	answers := askAll(self, nodes, etf.Tuple{atom("set_lock"), lock})
	var granted []atom
	for n, v := range answers {
		if isTrue(v) {
			granted = append(granted, n)
		}
	}
	if len(granted) == len(answers) {
		return true
	}
	delLock(self, lock, granted)
	return false
}

// linked reports whether there are links to all nodes. One that is known has none for a moment, until it is connected or
// forgotten: what is decided must not pass it by.
func linked(self *banyan.Self, nodes []atom) bool {
	visible := self.Node().VisibleNodes()
	return !slices.ContainsFunc(nodes, func(n atom) bool { return n != self.Node().Name() && !slices.Contains(visible, n) })
}

// delLock gives a lock back.
func delLock(self *banyan.Self, lock etf.Tuple, nodes []atom) {
	if len(nodes) > 0 {
		askAll(self, nodes, etf.Tuple{atom("del_lock"), lock})
	}
}
