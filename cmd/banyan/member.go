// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/banyan-go/banyan/cluster"
)

// memberJSON is a member as it is printed. Its fields are a contract.
type memberJSON struct {
	Name        string    `json:"name"`
	State       string    `json:"state"`
	Reach       string    `json:"reach"`
	Incarnation string    `json:"incarnation"` // a number beyond what JSON readers keep exactly
	Instance    string    `json:"instance"`
	Creation    uint32    `json:"creation"`
	Addr        string    `json:"addr"`
	Zone        string    `json:"zone"`
	Roles       []string  `json:"roles"`
	Weight      float64   `json:"weight"`
	Version     string    `json:"version"`
	Load        *loadJSON `json:"load"` // null: it has not reported any
}

// loadJSON is its last load report.
type loadJSON struct {
	AgeSeconds     float64  `json:"age_seconds"`
	Runnable       int      `json:"runnable"`
	Processors     int      `json:"processors"`
	MemoryBytes    uint64   `json:"memory_bytes"`
	Processes      int      `json:"processes"`
	QueuedBytes    int64    `json:"queued_bytes"`
	TurnsPerSecond *float64 `json:"turns_per_second"` // null: not measured
}

func memberOf(m cluster.Member, now time.Time) memberJSON {
	j := memberJSON{Name: string(m.Name), State: m.State.String(), Reach: m.Reach.String(), Incarnation: fmt.Sprint(uint64(m.Incarnation)),
		Instance: fmt.Sprintf("%016x", m.Instance), Creation: m.Creation, Addr: m.Addr, Zone: m.Zone, Roles: append([]string{}, m.Roles...),
		Weight: m.Weight, Version: m.Version}
	if l := m.Load; !l.At.IsZero() {
		j.Load = &loadJSON{AgeSeconds: max(now.Sub(l.At).Seconds(), 0), Runnable: l.Runnable, Processors: l.Processors, MemoryBytes: l.Memory,
			Processes: l.Processes, QueuedBytes: l.Queued}
		if l.Turns >= 0 {
			j.Load.TurnsPerSecond = &l.Turns
		}
	}
	return j
}

// memberTable prints members.
func memberTable(members []cluster.Member, now time.Time) rows[memberJSON] {
	r := rows[memberJSON]{
		name:   func(m memberJSON) string { return m.Name },
		head:   []string{"NAME", "STATE", "REACH", "TURNS/S", "RUNNABLE", "PROCESSES", "MEMORY", "ZONE", "VERSION", "WEIGHT", "QUEUED", "ROLES", "ADDR", "INSTANCE"},
		narrow: 9,
		cols: func(m memberJSON) []string {
			turns, runnable, processes, memory, queued := "", "", "", "", ""
			if l := m.Load; l != nil {
				runnable, processes = fmt.Sprintf("%d/%d", l.Runnable, l.Processors), fmt.Sprint(l.Processes)
				memory, queued = size(l.MemoryBytes), size(uint64(max(l.QueuedBytes, 0)))
				if l.TurnsPerSecond != nil {
					turns = fmt.Sprintf("%.0f", *l.TurnsPerSecond)
				}
			}
			return []string{m.Name, m.State, m.Reach, turns, runnable, processes, memory, m.Zone, m.Version, fmt.Sprint(m.Weight), queued,
				strings.Join(m.Roles, ","), m.Addr, m.Instance}
		},
	}
	for _, m := range members {
		r.list = append(r.list, memberOf(m, now))
	}
	return r
}

// size prints bytes for people.
func size(n uint64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.1f GB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
	case n >= 1<<10:
		return fmt.Sprintf("%d kB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}
