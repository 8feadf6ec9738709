// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/db"
)

// line is a key of two fields.
type line struct {
	Order string
	No    int
}

func TestDBCommand(t *testing.T) {
	n, flags := shop(t)
	if text := try(t, 3, "", flags, "db", "tables"); !strings.Contains(text, "no process") {
		t.Errorf("a node without a database: %s", text)
	}
	d, err := db.Start(t.Context(), n, db.Options{Expect: []banyan.Atom{n.Name()}})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	accounts, err := db.NewTable[string, int](t.Context(), d, "accounts", db.Partitioned())
	if err != nil {
		t.Fatal(err)
	}
	lines, err := db.NewTable[line, []string](t.Context(), d, "lines", db.Stored(db.RAM), db.Replicas(db.Everywhere))
	if err != nil {
		t.Fatal(err)
	}
	for part := range 3 {
		err := d.Update(t.Context(), func(tx *db.Tx) error {
			for i := range 400 {
				if err := accounts.Put(tx, fmt.Sprintf("a%04d", 400*part+i), i); err != nil {
					return err
				}
			}
			return lines.Put(tx, line{"o1", part - 1}, []string{"tea", fmt.Sprint(part)})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	try(t, 0, `NAME +KEY +VALUE +PARTITION +STORAGE +COPIES *
accounts +string +int +key +disk +1/3 *
lines +\{string int\} +\[\]string +- +ram +1/all *
`, flags, "db", "tables")
	try(t, 0, `NAME +NUMBER +STATE +SILENT +LEADS +VOTES +LEARNS *\nshop@127.0.0.1 +1 +up +0s +17 +17 +0 *\n`, flags, "db", "status")
	try(t, 0, `GROUP +STORAGE +LEADER +VOTERS +LEARNERS +MISSING +REFUSED *\n1 +disk +1 +1 +- +0 +- *\n(\d +disk +1 +1 +- +2 +- *\n){8}(\d+ +ram +1 +1 +- +0 +- *\n){8}`, flags, "db", "status", "--groups")
	try(t, 0, `\{"name":"shop@127.0.0.1","number":1,"state":"up","silent_seconds":0,"leads":17,"votes":17,"learns":0,"database":"[0-9a-f]{16}"\}\n`,
		flags, "db", "status", "-o", "jsonl")
	try(t, 0, `\{"key":"a0007","value":7\}\n`, flags, "db", "get", "accounts", "a0007", "-o", "jsonl")
	try(t, 0, `KEY +VALUE *\n\["o1",-1\] +\["tea","0"\] *\n`, flags, "db", "get", "lines", `["o1",-1]`)
	try(t, 3, "", flags, "db", "get", "accounts", "nobody")
	try(t, 3, "", flags, "db", "get", "nothing", "nobody")
	try(t, 2, "", flags, "db", "get", "lines", `["o1"]`)
	try(t, 2, "", flags, "db", "get", "lines")
	if note := try(t, 0, `KEY +VALUE\n"a0000" +0\n"a0001" +1\n`, flags, "db", "scan", "accounts", "-n", "2"); !strings.Contains(note, "first 2 rows") {
		t.Error(note)
	}
	try(t, 0, `("a\d+"\n){900}("a\d+"\n){300}`, flags, "db", "scan", "accounts", "-n", "0", "-o", "name")
	try(t, 0, `("a10\d\d"\n){100}`, flags, "db", "scan", "accounts", "-n", "0", "-o", "name", "--from", "a1000", "--before", `"a1100"`)
}
