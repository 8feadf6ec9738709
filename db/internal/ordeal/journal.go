// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/banyan-go/banyan/db/internal/check"
)

// The kinds of events.
const (
	transfer = "transfer" // between two accounts
	audit    = "audit"    // of all accounts
	list     = "list"     // a transaction over lists
	register = "register" // a write or a read of one key
	stamp    = "stamp"    // a write of a row that dirty readers look at
	dirty    = "dirty"    // a dirty read of it
	hold     = "hold"     // a piece of the time in which a name was held
)

// event is something that a client did. It is written twice, with one ID, if it writes to the database: before, when nothing is known of its end, and after.
type event struct {
	ID      int64
	Kind    string
	Process int   `json:",omitempty"`
	Call    int64 `json:",omitempty"`
	Return  int64 `json:",omitempty"` // 0: it never did
	// Took is how long the client was kept waiting; afterwards it may have asked how the transaction ended.
	Took    int64         `json:",omitempty"`
	Outcome check.Outcome `json:",omitempty"`
	Why     string        `json:",omitempty"` // the error, in a word

	Ops      []check.Op `json:",omitempty"` // list
	Key      string     `json:",omitempty"` // register, stamp, dirty, hold
	Write    bool       `json:",omitempty"`
	Value    int64      `json:",omitempty"`
	Balances []int64    `json:",omitempty"` // audit
	Lag      int64      `json:",omitempty"` // dirty: the bound that was asked for
	Token    uint64     `json:",omitempty"` // hold
	From, To int64      `json:",omitempty"`
	Holder   string     `json:",omitempty"`
	Life     string     `json:"-"` // the file it is from: a node, and the how manieth process of it
}

// journal is the file of one process. Each line is one write to the system, so it is there when the process is killed.
type journal struct {
	mu   sync.Mutex
	file *os.File
	last int64
}

func newJournal(path string) (*journal, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	return &journal{file: f}, nil
}

// write adds an event, under a new ID if it has none. A history with a hole proves nothing, so the process ends if that fails.
func (j *journal) write(e *event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if e.ID == 0 {
		j.last++
		e.ID = j.last
	}
	b, err := json.Marshal(e)
	if err == nil {
		_, err = j.file.Write(append(b, '\n'))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "ordeal: the history cannot be written:", err)
		os.Exit(exitBroken)
	}
}

// readHistory merges the files of all processes.
func readHistory(dir string) (all []event, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil {
		return nil, err
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		at := map[int64]int{}
		in := bufio.NewScanner(f)
		in.Buffer(nil, 16<<20)
		for in.Scan() {
			e := event{Life: filepath.Base(name)}
			if err := json.Unmarshal(in.Bytes(), &e); err != nil {
				f.Close()
				return nil, fmt.Errorf("%s: %q: %w", name, in.Text(), err)
			}
			if i, ok := at[e.ID]; ok {
				all[i] = e
				continue
			}
			at[e.ID] = len(all)
			all = append(all, e)
		}
		f.Close()
		if err := in.Err(); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	for i := range all {
		if all[i].Return == 0 && all[i].Kind != hold {
			all[i].Outcome = check.Unknown
		}
	}
	return all, nil
}
