// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/db"
	"github.com/banyan-go/banyan/dist"
)

// dbTests: transactions that are on the disk when they are done, each of one key with a value of 128 bytes. Erlang is Mnesia's sync_transaction with
// sync_log behind it, plain Go is an embedded etcd; all of them sync to the same disk. Those in memory, and dirty reads, are beside ram_copies and dirty_read. With three members ours and etcd's are in one process, and talk over
// TCP; Mnesia's are three emulators. The clients are on one node: at etcd it is the one that leads.
func dbTests() []*test {
	var figures []figure
	for _, clients := range dbClients {
		of := fmt.Sprintf(", %d clients", clients)
		figures = append(figures, figure{key: fmt.Sprint("rate", clients), label: "transactions" + of, unit: "/s"},
			figure{key: fmt.Sprint("p50_", clients), label: "p50" + of, unit: "ms", lower: true},
			figure{key: fmt.Sprint("p99_", clients), label: "p99" + of, unit: "ms", lower: true})
	}
	one := &test{row: "db", name: "db-one", title: "durable transactions, one node", n: 100_000, figures: slices.Clone(figures), module: "db", function: "one"}
	one.client[ours], one.client[plain] = dbRun(oursAlone), dbRun(etcdMembers(1))
	one.figures[0].target = 40_000
	three := &test{row: "db", name: "db-three", title: "durable transactions, three nodes", n: 40_000, figures: slices.Clone(figures),
		module: "db", function: "three", named: true}
	three.client[ours], three.client[plain] = dbRun(oursOfThree()), dbRun(etcdMembers(3))
	three.figures[0].factor = 2.5
	three.figures[0].beside, three.figures[3].beside, three.figures[7].beside = 1, 0.9, 1/1.3
	two := &test{row: "db", name: "db-two-keys", title: "durable transactions of two keys, three nodes", n: 20_000, figures: slices.Clone(figures)}
	two.client[ours], two.client[plain] = dbRunPairs(oursOfThree()), dbRunPairs(etcdMembers(3))
	two.figures[0].beside = 0.35
	two.missing[erlang] = "not compared"
	ram := &test{row: "db", name: "db-ram", title: "transactions in memory, three nodes", n: 100_000, figures: slices.Clone(figures),
		module: "db", function: "ram", named: true}
	ram.client[ours] = dbRun(oursOfThree(db.Stored(db.RAM)))
	ram.missing[plain] = "etcd has no such tables"
	for i, clients := range dbClients {
		ram.figures[3*i].factor = map[int]float64{256: 2, 16: 1.3, 1: 2}[clients]
	}
	dirty := &test{row: "db", name: "db-dirty", title: "dirty reads, a replica of three", n: 2_000_000, module: "db", function: "dirty", named: true,
		figures: []figure{{key: "p50", label: "a read, p50 of batches of 100", unit: "ns", lower: true, target: 300, factor: 1.5},
			{key: "p99", label: "a read, p99 of batches of 100", unit: "ns", lower: true}}}
	dirty.client[ours] = dbDirty
	dirty.missing[plain] = "not compared: a map"
	return []*test{one, three, two, ram, dirty}
}

// dbClients are how many clients write at a time. With fewer there is less to do.
var dbClients = []int{256, 16, 1}

// dbKeys is how many rows there are in the end.
const dbKeys = 4000

// dbStore is what the work needs of a database. put and pair return when it is on the disk of a majority.
type dbStore struct {
	put   func(ctx context.Context, key int, value []byte) error
	pair  func(ctx context.Context, a, b int, value []byte) error
	size  func(ctx context.Context) (int, error)
	dirty func(ctx context.Context, key int) ([]byte, bool, error) // Banyan's only
	close func()
}

func dbRun(open func(*bench, string) dbStore) work {
	return dbWork(open, func(ctx context.Context, s dbStore, i int, value []byte) error {
		return s.put(ctx, i*7919%dbKeys, value)
	})
}

func dbRunPairs(open func(*bench, string) dbStore) work {
	return dbWork(open, func(ctx context.Context, s dbStore, i int, value []byte) error {
		return s.pair(ctx, i*7919%dbKeys, (i*7919+dbKeys/2)%dbKeys, value)
	})
}

func dbWork(open func(*bench, string) dbStore, do func(context.Context, dbStore, int, []byte) error) work {
	return func(b *bench) {
		dir, err := os.MkdirTemp("", "banyan-bench-db")
		b.must(err)
		defer os.RemoveAll(dir)
		s := open(b, dir)
		defer s.close()
		for _, clients := range dbClients {
			total := b.n / (256 / clients)
			if clients == 1 {
				total *= 8
			}
			dbPhase(b, clients, total, func(ctx context.Context, i int, value []byte) error { return do(ctx, s, i, value) })
		}
		got, err := s.size(context.Background())
		b.must(err)
		b.equal("rows", got, dbKeys)
	}
}

// dbPhase lets clients do transactions. The first of them, from 256 clients, write every key.
func dbPhase(b *bench, clients, total int, do func(ctx context.Context, i int, value []byte) error) {
	ctx := context.Background()
	value := make([]byte, 128)
	took := make([]latencies, clients)
	var next atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for c := range clients {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < total; i = int(next.Add(1)) - 1 {
				begun := time.Now()
				b.must(do(ctx, i, value))
				took[c] = append(took[c], time.Since(begun))
			}
		})
	}
	wg.Wait()
	b.figure(fmt.Sprint("rate", clients), float64(total)/time.Since(start).Seconds())
	all := slices.Concat(took...)
	slices.Sort(all)
	b.figure(fmt.Sprint("p50_", clients), all[len(all)/2].Seconds()*1000)
	b.figure(fmt.Sprint("p99_", clients), all[len(all)*99/100].Seconds()*1000)
}

func oursAlone(b *bench, dir string) dbStore {
	d, err := db.Open(dir)
	b.must(err)
	return oursStore(b, d, func() { b.must(d.Close()) })
}

// dirtyBatch is how many reads are timed at once: the clock costs as much as some of them.
const dirtyBatch = 100

// dbDirty reads rows that are there, without a transaction, on one goroutine.
func dbDirty(b *bench) {
	dir, err := os.MkdirTemp("", "banyan-bench-db")
	b.must(err)
	defer os.RemoveAll(dir)
	s := oursOfThree(db.Stored(db.DiskRAM))(b, dir)
	defer s.close()
	ctx := context.Background()
	value := make([]byte, 128)
	for k := range dbKeys {
		b.must(s.put(ctx, k, value))
	}
	for k := range dbKeys { // the replica that is read may lag behind the writes
		for ok := false; !ok; {
			_, ok, err = s.dirty(ctx, k)
			b.must(err)
		}
	}
	took := make(latencies, 0, b.n/dirtyBatch)
	found := 0
	for i := 0; i < b.n; i += dirtyBatch {
		begun := time.Now()
		for j := range dirtyBatch {
			v, ok, err := s.dirty(ctx, (i+j)*7919%dbKeys)
			if err != nil {
				b.must(err)
			}
			if ok && len(v) == len(value) {
				found++
			}
		}
		took = append(took, time.Since(begun)/dirtyBatch)
	}
	b.equal("rows found", found, b.n)
	slices.Sort(took)
	b.figure("p50", float64(took[len(took)/2].Nanoseconds()))
	b.figure("p99", float64(took[len(took)*99/100].Nanoseconds()))
}

func oursOfThree(options ...db.TableOption) func(*bench, string) dbStore {
	return func(b *bench, dir string) dbStore { return startThree(b, dir, options...) }
}

func startThree(b *bench, dir string, options ...db.TableOption) dbStore {
	port, err := freePort()
	b.must(err)
	names := []banyan.Atom{"db1@127.0.0.1", "db2@127.0.0.1", "db3@127.0.0.1"}
	var nodes []*banyan.Node
	for _, name := range names {
		n, _ := b.node(string(name), banyan.WithTransport(dist.New(dist.Config{Cookie: "bench", Listen: "127.0.0.1:0",
			Names: &dist.EPMD{Port: port, Listen: "127.0.0.1"}})))
		nodes = append(nodes, n)
	}
	for i, n := range nodes {
		for _, to := range names[i+1:] {
			b.must(n.Connect(context.Background(), to))
		}
	}
	dbs := make([]*db.DB, len(nodes))
	var wg sync.WaitGroup
	for i, n := range nodes {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			defer cancel()
			var err error
			dbs[i], err = db.Start(ctx, n, db.Options{Dir: filepath.Join(dir, string(names[i])), Expect: names})
			b.must(err)
		})
	}
	wg.Wait()
	s := oursStore(b, dbs[0], func() {
		for _, d := range dbs {
			b.must(d.Close())
		}
	}, options...)
	time.Sleep(10 * time.Second) // until every group has three voters, and is led where it stays
	return s
}

func oursStore(b *bench, d *db.DB, stop func(), options ...db.TableOption) dbStore {
	t, err := db.NewTable[int, []byte](context.Background(), d, "t", append(options, db.Partitioned())...)
	b.must(err)
	return dbStore{
		put: func(ctx context.Context, key int, value []byte) error {
			return d.Update(ctx, func(tx *db.Tx) error { return t.Put(tx, key, value) })
		},
		pair: func(ctx context.Context, k1, k2 int, value []byte) error {
			return d.Update(ctx, func(tx *db.Tx) error {
				if err := t.Put(tx, k1, value); err != nil {
					return err
				}
				return t.Put(tx, k2, value)
			})
		},
		size: func(ctx context.Context) (n int, err error) {
			err = d.View(ctx, func(tx *db.Tx) error {
				n = 0
				for _, err := range t.All(tx, db.Range[int]{}) {
					if err != nil {
						return err
					}
					n++
				}
				return nil
			})
			return n, err
		},
		dirty: func(ctx context.Context, key int) ([]byte, bool, error) { return t.Dirty(ctx, key) },
		close: stop,
	}
}
