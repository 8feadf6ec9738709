// SPDX-License-Identifier: Apache-2.0

package pg

import "github.com/banyan-go/banyan"

// Event is the message that those get who asked by Monitor or MonitorAll: processes that joined a group, or left it.
type Event struct {
	// Monitor is the subscription.
	Monitor banyan.Reference
	// Group is the name, as a term.
	Group any
	// Joined tells joins from leaves.
	Joined bool
	// PIDs are the processes, one time for each join or leave.
	PIDs []banyan.PID
	// Missed counts events before this one that did not fit into the mailbox: ask for the members anew.
	Missed int
}

// watcher is one subscription.
type watcher struct {
	who    banyan.PID
	group  key
	all    bool
	missed int
}

type watchers struct {
	by     map[banyan.Reference]*watcher
	groups map[key]map[banyan.Reference]*watcher
	all    map[banyan.Reference]*watcher
}

func newWatchers() watchers {
	return watchers{map[banyan.Reference]*watcher{}, map[key]map[banyan.Reference]*watcher{}, map[banyan.Reference]*watcher{}}
}

func (w *watchers) add(ref banyan.Reference, m monitorCall) {
	one := &watcher{who: m.who, group: m.group, all: m.all}
	w.by[ref] = one
	if m.all {
		w.all[ref] = one
		return
	}
	if w.groups[m.group] == nil {
		w.groups[m.group] = map[banyan.Reference]*watcher{}
	}
	w.groups[m.group][ref] = one
}

// drop ends a subscription; false if there is none.
func (w *watchers) drop(ref banyan.Reference) bool {
	one := w.by[ref]
	if one == nil {
		return false
	}
	delete(w.by, ref)
	delete(w.all, ref)
	if m := w.groups[one.group]; !one.all && m != nil {
		if delete(m, ref); len(m) == 0 {
			delete(w.groups, one.group)
		}
	}
	return true
}

func (w *watchers) announce(self *banyan.Self, e effect) {
	if len(w.by) == 0 {
		return
	}
	for ref, one := range w.all {
		one.tell(self, ref, e)
	}
	for ref, one := range w.groups[e.group] {
		one.tell(self, ref, e)
	}
}

func (w *watcher) tell(self *banyan.Self, ref banyan.Reference, e effect) {
	ev := Event{Monitor: ref, Group: e.group.term(), Joined: e.joined, PIDs: e.pids, Missed: w.missed}
	if err := banyan.Send(self, w.who, ev); err != nil {
		if w.missed++; w.missed == 1 {
			self.Node().Logger().Warn("pg: an event does not fit into the mailbox of its watcher", "pid", w.who.String(), "error", err)
		}
		return
	}
	w.missed = 0
}
