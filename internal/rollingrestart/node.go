// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/cluster"
	"github.com/banyan-go/banyan/cluster/discover"
	"github.com/banyan-go/banyan/dist"
	"github.com/banyan-go/banyan/pg"
)

const (
	cookie  = "rolling"
	servers = 4                // on each node
	grace   = 20 * time.Second // for draining
)

// group is who is called.
var group = pg.In[*server](pg.Default, banyan.Atom("servers"))

func init() {
	banyan.RegisterCall[Serve]("%Rolling.Serve") // a map with __struct__: fields may be added
	banyan.RegisterType[Served]("%Rolling.Served")
}

// server handles calls, and writes down which.
type server struct{ j *journal }

// Call handles one.
func (m Serve) Call(s *server, self *banyan.Self) (Served, error) {
	if err := s.j.note(m.ID); err != nil {
		return Served{}, err
	}
	return Served{ID: m.ID, Node: string(self.Node().Name())}.with(m), nil
}

// journal is a file of what was handled.
type journal struct {
	mu sync.Mutex
	f  *os.File
	w  *bufio.Writer
}

func openJournal(path string) (*journal, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	return &journal{f: f, w: bufio.NewWriter(f)}, nil
}

func (j *journal) note(id uint64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	_, err := j.w.Write(binary.BigEndian.AppendUint64(nil, id))
	return err
}

func (j *journal) close() error { return errors.Join(j.w.Flush(), j.f.Close()) }

// place is what all nodes are told.
type place struct {
	name string
	epmd int
	dir  string // where they leave their addresses
}

// join starts a node that is a member of the cluster, with its scope of groups.
func (p place) join(ctx context.Context) (*banyan.Node, *cluster.Cluster, error) {
	node, err := banyan.Start(p.name, banyan.WithTransport(dist.New(dist.Config{Cookie: cookie, Names: &dist.EPMD{Port: p.epmd, Retry: 100 * time.Millisecond}})))
	if err != nil {
		return nil, nil, err
	}
	_, err = pg.Start(node, pg.Default)
	var c *cluster.Cluster
	if err == nil {
		c, err = cluster.Start(ctx, node, cluster.Config{Discovery: []cluster.Discovery{discover.Dir(p.dir)}, Version: build})
	}
	if err != nil {
		return nil, nil, errors.Join(err, node.Stop(context.Background()))
	}
	return node, c, nil
}

// serve is one of the three nodes, until SIGTERM.
func serve(ctx context.Context, p place, path string) error {
	j, err := openJournal(path)
	if err != nil {
		return err
	}
	node, c, err := p.join(ctx)
	if err != nil {
		return err
	}
	ctx = c.DrainOn(ctx, grace, syscall.SIGTERM)
	for range servers {
		ref, err := banyan.SpawnState(node, &server{j})
		if err == nil {
			err = group.Join(node.Context(ctx), ref)
		}
		if err != nil {
			return errors.Join(err, node.Stop(context.Background()))
		}
	}
	fmt.Println("up")
	<-ctx.Done()
	err = node.Stop(context.Background())
	return errors.Join(err, j.close()) // nobody handles anything any more
}
