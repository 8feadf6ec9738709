// SPDX-License-Identifier: Apache-2.0

//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/cluster"
	"github.com/banyan-go/banyan/cluster/discover"
	"github.com/banyan-go/banyan/db"
	"github.com/banyan-go/banyan/dist"
)

// childEnv makes a process a node: it has a nodeConfig.
const childEnv = "BANYAN_ORDEAL_NODE"

// What the exit codes of a node mean to the runner.
const (
	exitBroken = 1 // nobody expected that
	exitDisk   = 3 // the disk failed: start it again
	exitLeft   = 4 // it is no node of the database any more: empty the folder, and start it again
)

type nodeConfig struct {
	Number  int
	Name    string
	Host    string
	Dir     string // of the database
	Meet    string // where the nodes find each other
	Journal string
	Expect  []banyan.Atom
	Nodes   int // that there are at most
	Seed    uint64
	Life    int
}

// worker is one node.
type worker struct {
	nodeConfig
	ctx     context.Context
	node    *banyan.Node
	db      *db.DB
	names   *db.Names
	journal *journal

	accounts  [2]*db.Table[string, int64] // see bank
	lists     *db.Table[string, []int64]
	registers *db.Table[string, int64]
	stamps    *db.Table[string, int64]
	counts    *db.Table[string, int]
	last      atomic.Int64 // value that was written

	stop chan struct{}
	work sync.WaitGroup

	out sync.Mutex
}

// runNode is the whole life of a node.
func runNode(text string) {
	w := &worker{ctx: context.Background(), stop: make(chan struct{})}
	if err := json.Unmarshal([]byte(text), &w.nodeConfig); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitBroken)
	}
	err := w.run()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(exitCode(err))
}

func exitCode(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, db.ErrLeft):
		return exitLeft
	case errors.Is(err, db.ErrDead), errors.Is(err, syscall.ENOSPC):
		return exitDisk
	}
	return exitBroken
}

func (w *worker) run() (err error) {
	if w.journal, err = newJournal(w.Journal); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
	w.node, err = banyan.Start(w.Name, banyan.WithLogger(log), banyan.WithTransport(dist.New(dist.Config{Cookie: "ordeal",
		Listen: net.JoinHostPort(w.Host, "0"), Names: &dist.EPMD{Port: 4369, Listen: "0.0.0.0"}})))
	if err != nil {
		return err
	}
	defer w.node.Stop(w.ctx)
	if _, err := cluster.Start(w.ctx, w.node, cluster.Config{Secret: "ordeal", Listen: net.JoinHostPort(w.Host, "0"),
		Discovery: []cluster.Discovery{discover.Dir(w.Meet)}, JoinTime: time.Second}); err != nil {
		return err
	}
	if w.db, err = db.Start(w.ctx, w.node, db.Options{Dir: w.Dir, Expect: w.Expect}); err != nil {
		return err
	}
	defer w.db.Close()
	w.db.OnDown(func(downs []db.Down) {
		for _, d := range downs {
			w.say("down %s %d", d.Node, now())
		}
	})
	if w.names, err = db.StartNames(w.db, w.node); err != nil {
		return err
	}
	defer w.names.Close()
	if err := w.tables(); err != nil {
		return err
	}
	w.say("up")
	return w.serve()
}

// tables opens them, however long it takes.
func (w *worker) tables() (err error) {
	again := func(f func() error) {
		for err == nil {
			if err = f(); !retryable(err) {
				return
			}
			err = nil
		}
	}
	again(func() (err error) {
		w.accounts[0], err = db.NewTable[string, int64](w.ctx, w.db, "accounts", db.Partitioned())
		return err
	})
	again(func() (err error) {
		w.accounts[1], err = db.NewTable[string, int64](w.ctx, w.db, "wide accounts", db.Partitioned(), db.Replicas(5))
		return err
	})
	again(func() (err error) {
		w.lists, err = db.NewTable[string, []int64](w.ctx, w.db, "lists", db.Partitioned())
		return err
	})
	again(func() (err error) {
		w.registers, err = db.NewTable[string, int64](w.ctx, w.db, "registers", db.Partitioned())
		return err
	})
	again(func() (err error) {
		w.stamps, err = db.NewTable[string, int64](w.ctx, w.db, "stamps", db.Partitioned(), db.Stored(db.DiskRAM))
		return err
	})
	again(func() (err error) {
		w.counts, err = db.NewTable[string, int](w.ctx, w.db, "counts", db.Partitioned())
		return err
	})
	again(w.openAccounts)
	return err
}

func retryable(err error) bool {
	return errors.Is(err, db.ErrConflict) || errors.Is(err, db.ErrNoQuorum) || errors.Is(err, db.ErrUnknown)
}

// say writes a line for the runner.
func (w *worker) say(format string, args ...any) {
	w.out.Lock()
	defer w.out.Unlock()
	fmt.Printf(format+"\n", args...)
}

// serve does what the lines of its input say, until that ends. Each is answered by a line that begins with its first word.
func (w *worker) serve() error {
	left := make(chan error, 1)
	lines := make(chan string)
	go func() {
		defer close(lines)
		for in := bufio.NewScanner(os.Stdin); in.Scan(); {
			lines <- in.Text()
		}
	}()
	var writers *writers
	for {
		select {
		case err := <-left:
			if err == nil {
				err = db.ErrLeft
			}
			return err
		case line, ok := <-lines:
			if !ok {
				return w.halt()
			}
			switch word, _, _ := strings.Cut(line, " "); word {
			case "load":
				w.load()
			case "halt":
				if err := w.halt(); err != nil {
					return err
				}
				w.say("halt")
			case "leave":
				go func() {
					for {
						err := w.db.Leave(w.ctx)
						if !retryable(err) {
							left <- err
							return
						}
					}
				}()
			case "status":
				go w.status()
			case "even":
				go w.even()
			case "last":
				go func() { w.say("last %s", w.lastReads(strings.TrimPrefix(line, "last "))) }()
			case "write":
				writers = w.startWriters(4)
				w.say("write")
			case "written":
				b, err := json.Marshal(writers.end())
				if err != nil {
					return err
				}
				w.say("written %s", b)
			default:
				return fmt.Errorf("ordeal: the runner says %q", line)
			}
		}
	}
}

// halt ends the clients.
func (w *worker) halt() error {
	select {
	case <-w.stop:
	default:
		close(w.stop)
	}
	w.work.Wait()
	return nil
}

func (w *worker) status() {
	ctx, cancel := context.WithTimeout(w.node.Context(w.ctx), 2*time.Second)
	defer cancel()
	st, err := db.At(w.node.Name()).Status(ctx)
	if err != nil {
		w.say("status %v", err)
		return
	}
	b, err := json.Marshal(st)
	if err != nil {
		w.say("status %v", err)
		return
	}
	w.say("status %s", b)
}

// client runs f again and again until the clients are to end, with a random pause of about pace before each.
func (w *worker) client(process int, pace time.Duration, f func(process int, rng *rand.Rand)) {
	process += 100 * w.Number
	w.work.Go(func() {
		rng := rand.New(rand.NewPCG(w.Seed, uint64(process<<32|w.Life)))
		for {
			t := time.NewTimer(time.Duration(rng.Int64N(int64(2 * pace))))
			select {
			case <-w.stop:
				t.Stop()
				return
			case <-t.C:
			}
			f(process, rng)
		}
	})
}

// load starts the clients. The paces make some 250 transactions a second of all nodes together, more than 50,000 transfers in ten minutes: what counts is what they see.
func (w *worker) load() {
	for i := range 10 {
		w.client(i, 200*time.Millisecond, w.transfer)
	}
	w.client(10, 500*time.Millisecond, w.audit)
	for i := 11; i < 14; i++ {
		w.client(i, 500*time.Millisecond, w.appendAndRead)
	}
	for i := 14; i < 17; i++ {
		w.client(i, 200*time.Millisecond, w.readOrWrite)
	}
	w.client(17, 100*time.Millisecond, w.stamp)
	w.client(18, 30*time.Millisecond, w.dirty)
	for i := range heldNames {
		w.client(19+i, 100*time.Millisecond, w.holdName)
	}
}
