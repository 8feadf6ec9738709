// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/banyan-go/banyan"
)

// deskName is the registered name of the process that answers for a node's part in the cluster.
const deskName banyan.Atom = "banyan_cluster"

// done is the reply of calls that have nothing to say.
const done banyan.Atom = "ok"

// deskKind is what the runtime calls it.
const deskKind = "*cluster.desk"

// desk answers other nodes: members, and tools that are none.
type desk struct {
	c       *Cluster
	began   time.Time
	pending int  // answers that are yet to be given
	closing bool // the cluster has ended
}

func init() {
	banyan.RegisterType[Member]()
	banyan.RegisterType[Load]()
	banyan.RegisterType[Info]()
	banyan.RegisterType[forgotten]()
	banyan.RegisterCall[membersQuery]("banyan_cluster_members")
	banyan.RegisterCall[infoQuery]("banyan_cluster_info")
	banyan.RegisterCall[drainQuery]("banyan_cluster_drain")
	banyan.RegisterCall[undrainQuery]("banyan_cluster_undrain")
	banyan.RegisterCall[forgetQuery]("banyan_cluster_forget")
	banyan.RegisterCast[forgetNote]("banyan_cluster_forget_note")
	banyan.RegisterError("cluster.left", ErrLeft)
	banyan.RegisterError("cluster.undrained", ErrUndrained)
	banyan.RegisterError("cluster.unknown", ErrUnknown)
	banyan.RegisterError("cluster.reachable", ErrReachable)
}

func (c *Cluster) openDesk() error {
	ref, err := banyan.Spawn(c.node, func(context.Context, *banyan.Self) (*desk, error) { return &desk{c: c, began: time.Now()}, nil }, banyan.Name(deskName))
	if err != nil {
		return err
	}
	c.desk = ref.PID()
	go func() { // ends with c
		<-c.done
		_ = banyan.Cast(c.node.Context(context.Background()), ref, closing{}) // it may have ended with the node
	}()
	return nil
}

// closing tells the desk that the cluster has ended.
type closing struct{}

// Cast ends the desk once all have their answers.
func (closing) Cast(d *desk, self *banyan.Self) error {
	d.closing = true
	return d.close(self)
}

func (d *desk) close(self *banyan.Self) error {
	if d.closing && d.pending == 0 {
		self.Stop(nil)
	}
	return nil
}

// answered tells the desk that an answer was given.
type answered struct{}

// Cast notes it.
func (answered) Cast(d *desk, self *banyan.Self) error {
	d.pending--
	return d.close(self)
}

// later does what takes its time beside the desk, and then answers the call that is served. It is no process's: one that is not in a
// handler may be waited for, and the desk itself is not, when the node drains.
func (d *desk) later(self *banyan.Self, do func(ctx context.Context) error) {
	answer, until, pid := banyan.Defer[banyan.Atom](self), time.Now().Add(time.Hour), self.PID()
	if t, ok := self.Deadline(); ok {
		until = t
	}
	d.pending++
	go func() {
		ctx, cancel := context.WithDeadline(context.Background(), until)
		defer cancel()
		if err := do(ctx); err != nil {
			_ = answer.Fail(err) // who asked may have given up
		} else {
			_ = answer.Reply(done)
		}
		if ref, err := banyan.RefOf[*desk](d.c.node, pid); err == nil {
			_ = banyan.Cast(d.c.node.Context(context.Background()), ref, answered{}) // it may have ended with the node
		}
	}()
}

// membersQuery asks for all members.
type membersQuery struct{}

// Call gives them.
func (membersQuery) Call(d *desk, _ *banyan.Self) ([]Member, error) {
	d.c.mu.Lock()
	defer d.c.mu.Unlock()
	return d.c.core.members(), nil
}

// infoQuery asks for what a node says of itself.
type infoQuery struct{}

// Call gives it.
func (infoQuery) Call(d *desk, _ *banyan.Self) (Info, error) {
	n := d.c.node
	i := Info{Member: d.c.Self(), Cluster: d.c.cfg.Cluster, Began: d.began, OSPID: os.Getpid(), Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH,
		MaxProcesses: n.MaxProcesses(), Links: slices.Sorted(slices.Values(n.Nodes()))}
	if b, ok := debug.ReadBuildInfo(); ok {
		i.Program = b.Path
	}
	return i, nil
}

// drainQuery has the node drain.
type drainQuery struct{ Leave bool }

// Call begins it; the answer comes when it is done.
func (m drainQuery) Call(d *desk, self *banyan.Self) (banyan.Atom, error) {
	if m.Leave {
		d.later(self, d.c.Drain)
	} else {
		d.later(self, d.c.Quiesce)
	}
	return done, nil
}

// undrainQuery takes the node back into service.
type undrainQuery struct{}

// Call begins it.
func (undrainQuery) Call(d *desk, self *banyan.Self) (banyan.Atom, error) {
	d.later(self, d.c.Undrain)
	return done, nil
}

// forgetQuery has the node forget another one.
type forgetQuery struct{ Name banyan.Atom }

// Call does it.
func (m forgetQuery) Call(d *desk, _ *banyan.Self) (banyan.Atom, error) {
	return done, d.c.Forget(m.Name)
}

// forgetNote tells what was forgotten elsewhere.
type forgetNote struct{ List []forgotten }

// Cast notes it.
func (m forgetNote) Cast(d *desk, _ *banyan.Self) error {
	d.c.mu.Lock()
	defer d.c.mu.Unlock()
	for _, f := range m.List[:min(len(m.List), maxForgotten)] {
		d.c.forget(f)
	}
	return nil
}
