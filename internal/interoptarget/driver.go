// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist"
	"github.com/banyan-go/banyan/etf"
)

// driver does what its callers ask for, so that they can test this node as a client. A call gives {ok, Result} or {error,
// Reason}; what may take long is done beside, so that the driver answers others meanwhile.
//
//	{ping, Node}  {disconnect, Node}  nodes  self
//	{send_pid, Pid, M}  {send_name, Name, Node, M}  {exit, Pid, R}
//	{call, Dest, Req, Timeout}  {cast, Dest, Req}           Dest: a pid, Name or {Name, Node}
//	{rpc | erpc, Node, M, F, A}  {spawn, Node, M, F, A}
//	{put_chars, GL, Bin}  {get_line, GL, Prompt}
//	{monitor, Pid | {Name, Node}}  {demonitor, Ref}  {link, Pid}  {unlink, Pid}  {monitor_node, Node}
//	{pg_members | pg_join | pg_leave, G}
//	{global_register | global_unregister | global_whereis, Name}
//
// Who asked for a monitor, a link or a node's end hears of it by {driver_event, {down, Ref, Object, Reason}},
// {driver_event, {exit, Pid, Reason}} and {driver_event, {nodedown, Node}}.
type driver struct {
	monitors map[banyan.Reference]watching
	links    map[banyan.PID]banyan.PID    // whom we are linked to, and who asked
	nodes    map[banyan.Atom][]banyan.PID // whose end is waited for, and by whom
}

// watching is a monitor that somebody asked for.
type watching struct {
	asked  banyan.PID
	object any // as it was asked for
}

func newDriver(_ context.Context, self *banyan.Self) (*driver, error) {
	self.TrapExits(true)
	self.MonitorNodes(true)
	return &driver{map[banyan.Reference]watching{}, map[banyan.PID]banyan.PID{}, map[banyan.Atom][]banyan.PID{}}, nil
}

// command is what the driver can do: at once in its own process, or beside it.
type command struct {
	args   int
	now    func(d *driver, self *banyan.Self, a []any) (any, error)
	beside func(ctx context.Context, a []any) (any, error)
}

// errShape is the answer to a request that nobody knows.
var errShape = errors.New("the driver knows no such request; see driver.go for those that it knows")

// TermCall does what is asked.
func (d *driver) TermCall(self *banyan.Self, request any) (any, error) {
	name, args := split(request)
	c, ok := commands[name]
	if !ok {
		c, ok = clients[name]
	}
	if !ok || len(args) != c.args {
		return failed(fmt.Errorf("%w: %s", errShape, etf.Format(request))), nil
	}
	if c.now != nil {
		return result(c.now(d, self, args)), nil
	}
	later := banyan.Defer[any](self)
	node := self.Node()
	_, err := banyan.Go(node, func(self *banyan.Self) error {
		v := result(c.beside(self, args))
		return later.Reply(v)
	})
	if err != nil {
		return failed(err), nil
	}
	return nil, nil
}

// split takes a request apart: an atom, or a tuple that begins with one.
func split(request any) (banyan.Atom, []any) {
	switch r := request.(type) {
	case etf.Atom:
		return r, nil
	case etf.Tuple:
		if len(r) > 0 {
			name, _ := r[0].(etf.Atom)
			return name, r[1:]
		}
	}
	return "", nil
}

func result(v any, err error) any {
	if err != nil {
		return failed(err)
	}
	return etf.Tuple{etf.Atom("ok"), v}
}

func failed(err error) any { return etf.Tuple{etf.Atom("error"), dist.ReasonTerm(err)} }

// TermCast has nothing to do.
func (d *driver) TermCast(*banyan.Self, any) error { return nil }

// Info passes on what was asked for.
func (d *driver) Info(self *banyan.Self, m any) error {
	switch m := m.(type) {
	case banyan.Down:
		if w, ok := d.monitors[m.Monitor]; ok {
			delete(d.monitors, m.Monitor)
			tell(self, w.asked, etf.Atom("down"), m.Monitor, w.object, dist.ReasonTerm(m.Reason))
		}
	case banyan.Exit:
		if asked, ok := d.links[m.From]; ok {
			delete(d.links, m.From)
			tell(self, asked, etf.Atom("exit"), m.From, dist.ReasonTerm(m.Reason))
		}
	case banyan.NodeDown:
		for _, asked := range d.nodes[m.Node] {
			tell(self, asked, etf.Atom("nodedown"), m.Node)
		}
		delete(d.nodes, m.Node)
	}
	return nil
}

func tell(self *banyan.Self, to banyan.PID, event ...any) {
	// Who has gone does not want to know any more.
	_ = banyan.Send(self, to, etf.Tuple{etf.Atom("driver_event"), etf.Tuple(event)})
}

var okAtom = etf.Atom("ok")

// commands is the table of what the driver knows. clients, in functions.go, is the rest of it.
var commands = map[banyan.Atom]command{
	"ping": {1, nil, func(ctx context.Context, a []any) (any, error) {
		node, err := arg[etf.Atom](a, 0)
		if err != nil {
			return nil, err
		}
		return ping(ctx, node), nil
	}},
	"disconnect": {1, func(_ *driver, self *banyan.Self, a []any) (any, error) {
		node, err := arg[etf.Atom](a, 0)
		return self.Node().Disconnect(node), err
	}, nil},
	"nodes": {0, func(_ *driver, self *banyan.Self, _ []any) (any, error) { return self.Node().Nodes(), nil }, nil},
	"self":  {0, func(_ *driver, self *banyan.Self, _ []any) (any, error) { return self.PID(), nil }, nil},
	"send_pid": {2, func(_ *driver, self *banyan.Self, a []any) (any, error) {
		pid, err := arg[banyan.PID](a, 0)
		if err != nil {
			return nil, err
		}
		return okAtom, banyan.Send(self, pid, a[1])
	}, nil},
	"send_name": {3, func(_ *driver, self *banyan.Self, a []any) (any, error) {
		name, err := arg[etf.Atom](a, 0)
		node, nerr := arg[etf.Atom](a, 1)
		if err = errors.Join(err, nerr); err != nil {
			return nil, err
		}
		return okAtom, banyan.SendName(self, name, node, a[2])
	}, nil},
	"exit": {2, func(_ *driver, self *banyan.Self, a []any) (any, error) {
		pid, err := arg[banyan.PID](a, 0)
		if err != nil {
			return nil, err
		}
		return okAtom, banyan.SendExit(self, pid, dist.TermReason(a[1]))
	}, nil},
	"call": {3, nil, func(ctx context.Context, a []any) (any, error) {
		to, err := destination(ctx, a[0])
		if err != nil {
			return nil, err
		}
		if ms, ok := a[2].(int); ok {
			ctx = banyan.Within(ctx, time.Duration(ms)*time.Millisecond)
		} else {
			ctx = banyan.Within(ctx, 24*time.Hour) // infinity, for a test
		}
		return banyan.Call(ctx, to, banyan.Ask[any]{Term: a[1]})
	}},
	"cast": {2, func(_ *driver, self *banyan.Self, a []any) (any, error) {
		to, err := destination(self, a[0])
		if err != nil {
			return nil, err
		}
		return okAtom, banyan.Cast(self, to, banyan.Tell{Term: a[1]})
	}, nil},
	"spawn": {4, nil, func(ctx context.Context, a []any) (any, error) {
		node, err := arg[etf.Atom](a, 0)
		module, merr := arg[etf.Atom](a, 1)
		function, ferr := arg[etf.Atom](a, 2)
		args, aerr := arg[etf.List](a, 3)
		if err = errors.Join(err, merr, ferr, aerr); err != nil {
			return nil, err
		}
		return banyan.SpawnFunc(ctx, node, module, function, args)
	}},
	"monitor": {1, func(d *driver, self *banyan.Self, a []any) (any, error) {
		var ref banyan.Reference
		switch to := a[0].(type) {
		case banyan.PID:
			ref = self.Monitor(to)
		default:
			name, node, err := nameAndNode(a[0])
			if err != nil {
				return nil, err
			}
			ref = self.MonitorName(name, node)
		}
		d.monitors[ref] = watching{self.Caller(), a[0]}
		return ref, nil
	}, nil},
	"demonitor": {1, func(d *driver, self *banyan.Self, a []any) (any, error) {
		ref, err := arg[banyan.Reference](a, 0)
		if err != nil {
			return nil, err
		}
		self.Demonitor(ref)
		delete(d.monitors, ref)
		return true, nil
	}, nil},
	"link": {1, func(d *driver, self *banyan.Self, a []any) (any, error) {
		pid, err := arg[banyan.PID](a, 0)
		if err != nil {
			return nil, err
		}
		d.links[pid] = self.Caller()
		return true, self.Link(pid)
	}, nil},
	"unlink": {1, func(d *driver, self *banyan.Self, a []any) (any, error) {
		pid, err := arg[banyan.PID](a, 0)
		if err != nil {
			return nil, err
		}
		self.Unlink(pid)
		delete(d.links, pid)
		return true, nil
	}, nil},
	"monitor_node": {1, func(d *driver, self *banyan.Self, a []any) (any, error) {
		node, err := arg[etf.Atom](a, 0)
		if err != nil {
			return nil, err
		}
		if err := self.Node().Connect(self, node); err != nil {
			tell(self, self.Caller(), etf.Atom("nodedown"), node)
			return true, nil
		}
		d.nodes[node] = append(d.nodes[node], self.Caller())
		return true, nil
	}, nil},
}

// arg takes one argument, of the type that it must have.
func arg[T any](a []any, i int) (T, error) {
	v, ok := a[i].(T)
	if !ok {
		return v, fmt.Errorf("argument %d is %s, want %T", i+1, etf.Format(a[i]), v)
	}
	return v, nil
}

// ping asks the node as net_adm:ping does.
func ping(ctx context.Context, node banyan.Atom) etf.Atom {
	self := ctx.(*banyan.Self)
	if node != self.Node().Name() {
		kernel := banyan.At[banyan.Foreign]("net_kernel", node)
		v, err := banyan.Call(ctx, kernel, banyan.Ask[any]{Term: etf.Tuple{etf.Atom("is_auth"), self.Node().Name()}})
		if err != nil || v != etf.Atom("yes") {
			return "pang"
		}
	}
	return "pong"
}

// destination is a pid, a local name, or {Name, Node}.
func destination(ctx context.Context, t any) (banyan.Dest[banyan.Foreign], error) {
	if pid, ok := t.(banyan.PID); ok {
		return banyan.RefOf[banyan.Foreign](ctx.(*banyan.Self).Node(), pid)
	}
	name, node, err := nameAndNode(t)
	return banyan.At[banyan.Foreign](name, node), err
}

func nameAndNode(t any) (name, node banyan.Atom, err error) {
	switch t := t.(type) {
	case etf.Atom:
		return t, "", nil
	case etf.Tuple:
		if len(t) == 2 {
			name, ok1 := t[0].(etf.Atom)
			node, ok2 := t[1].(etf.Atom)
			if ok1 && ok2 {
				return name, node, nil
			}
		}
	}
	return "", "", fmt.Errorf("%s is no destination: want a pid, a name, or {Name, Node}", etf.Format(t))
}
