// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/banyan-go/banyan/cluster"
)

// infoTable is one node, a line for each thing.
func infoTable(i cluster.Info) infoRows {
	j := infoJSON{memberJSON: memberOf(i.Member, time.Now()), Cluster: i.Cluster, Began: i.Began.UTC(), OSPID: i.OSPID, Program: i.Program, Go: i.Go,
		System: i.System, MaxProcesses: i.MaxProcesses, Links: []string{}}
	for _, n := range i.Links {
		j.Links = append(j.Links, string(n))
	}
	return infoRows{j}
}

type infoRows struct{ infoJSON }

// print writes it.
func (r infoRows) print(w io.Writer, f format) error {
	e := json.NewEncoder(w)
	switch f.name {
	case "json":
		e.SetIndent("", "  ")
		return e.Encode(r.infoJSON)
	case "jsonl":
		return e.Encode(r.infoJSON)
	case "name":
		_, err := fmt.Fprintln(w, r.Name)
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, l := range r.lines() {
		if l[1] == "" {
			l[1] = "-"
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\n", l[0], l[1]) // Flush tells
	}
	return t.Flush()
}

// lines are the table: what, and how it is.
func (r infoRows) lines() [][2]string {
	list := [][2]string{{"name", r.Name}, {"cluster", r.Cluster}, {"state", r.State}, {"in the cluster since", r.Began.Format(time.RFC3339)},
		{"zone", r.Zone}, {"roles", strings.Join(r.Roles, ", ")}, {"weight", fmt.Sprint(r.Weight)}, {"version", r.Version}, {"program", r.Program},
		{"built with", r.Go + ", " + r.System}, {"os pid", fmt.Sprint(r.OSPID)}, {"gossip", r.Addr}, {"links", strings.Join(r.Links, ", ")}}
	if l := r.Load; l != nil {
		turns := "-"
		if l.TurnsPerSecond != nil {
			turns = fmt.Sprintf("%.0f a second", *l.TurnsPerSecond)
		}
		list = append(list, [2]string{"turns", turns}, [2]string{"runnable goroutines", fmt.Sprintf("%d, %d processors", l.Runnable, l.Processors)},
			[2]string{"processes", fmt.Sprintf("%d of %d", l.Processes, r.MaxProcesses)}, [2]string{"memory", size(l.MemoryBytes) + " of Go's heap"},
			[2]string{"queued", size(uint64(max(l.QueuedBytes, 0)))})
	}
	return list
}
