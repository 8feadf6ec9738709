// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"slices"

	"github.com/banyan-go/banyan/db"
	"github.com/banyan-go/banyan/db/internal/txn"
)

// dataGroups is how many groups share the rows: those of three copies, and those of five. Another one, the first, is the database's own.
const dataGroups = 2 * txn.Groups

// wide: the group has five voters as soon as there are five nodes.
func wide(group uint64) bool { return txn.ClassOf(group).Copies() > 3 }

// voters finds the voters of all groups, as their leaders of the highest terms say.
func voters(list []db.Status) map[uint64][]uint64 {
	terms, m := map[uint64]uint64{}, map[uint64][]uint64{}
	for _, st := range list {
		for _, g := range st.Groups {
			if g.Leader == st.Node && g.Term >= terms[g.Group] {
				terms[g.Group], m[g.Group] = g.Term, slices.Sorted(slices.Values(g.Voters))
			}
		}
	}
	return m
}

// settled: in a database of n nodes every group has as many voters as it shall have, all of which are its nodes.
func settled(list []db.Status, n int) bool {
	up := map[uint64]bool{}
	for _, st := range list {
		for _, x := range st.Nodes {
			if x.State != "up" {
				up[x.Number] = false
			} else if _, known := up[x.Number]; !known {
				up[x.Number] = true
			}
		}
	}
	count := 0
	for _, ok := range up {
		if ok {
			count++
		}
	}
	groups := voters(list)
	if count != n || len(groups) != dataGroups+1 {
		return false
	}
	for g, list := range groups {
		want := 3
		if wide(g) && n >= 5 {
			want = 5
		}
		if len(list) != want || slices.ContainsFunc(list, func(v uint64) bool { return !up[v] }) {
			return false
		}
	}
	return true
}

// level: every replica of every group has carried out as much as any other one, and each group has at least three.
func level(list []db.Status) bool {
	applied, replicas := map[uint64]uint64{}, map[uint64]int{}
	for _, st := range list {
		for _, g := range st.Groups {
			if at, known := applied[g.Group]; known && at != g.Applied || g.Applied != g.Commit || g.Refused != "" {
				return false
			}
			applied[g.Group] = g.Applied
			replicas[g.Group]++
		}
	}
	for _, n := range replicas {
		if n < 3 {
			return false
		}
	}
	return len(replicas) == dataGroups+1
}
