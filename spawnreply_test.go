// SPDX-License-Identifier: Apache-2.0

package banyan_test

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"github.com/banyan-go/banyan"
)

// quickKiller is a link to a node that kills what was spawned for it as soon as it hears of it.
type quickKiller struct {
	port *banyan.Port
	sent chan banyan.Signal
}

func (k *quickKiller) Open(_ context.Context, port *banyan.Port) error { k.port = port; return nil }
func (k *quickKiller) Peer(context.Context, banyan.Atom) (banyan.Peer, error) {
	return nil, banyan.ErrNoConnection
}
func (k *quickKiller) Close(context.Context) error { return nil }

func (k *quickKiller) Node() banyan.Atom { return "quick@sim" }
func (k *quickKiller) Creation() uint32  { return 7 }
func (k *quickKiller) Hidden() bool      { return true }
func (k *quickKiller) OnRoom(func())     {}
func (k *quickKiller) Disconnect(error)  {}

func (k *quickKiller) pid() banyan.PID { return banyan.PID{Node: k.Node(), ID: 1, Creation: 7} }

// Send kills the process before it returns from the reply.
func (k *quickKiller) Send(s *banyan.Signal) error {
	if s.Op == banyan.OpSpawnReply || s.Op == banyan.OpExit || s.Op == banyan.OpDown { // and not the nodes' greetings
		k.sent <- *s
	}
	if s.Op == banyan.OpSpawnReply && s.Err == "" {
		pid := s.From
		go k.port.Deliver(k, &banyan.Signal{Op: banyan.OpExit2, From: k.pid(), To: pid, Reason: banyan.ErrKill})
		for alive := true; alive; runtime.Gosched() {
			_, alive = k.port.Node().Info(pid)
		}
	}
	return nil
}

// Who is linked to a process that it has spawned, or monitors it, hears why that ended, however early it does, and after the answer.
func TestEndBehindTheSpawnReply(t *testing.T) {
	k := &quickKiller{sent: make(chan banyan.Signal, 100)}
	n, err := banyan.Start("spawns@sim", banyan.WithTransport(k))
	if err != nil {
		t.Fatal(err)
	}
	defer n.Stop(context.Background())
	n.Export("m", "f", 0, func(self *banyan.Self, _ []any) error {
		_, err := self.Receive(self)
		return err
	})
	k.port.Up(k)
	for i := range 20 {
		ref := banyan.Reference{Node: k.Node(), Creation: 7, Len: 3, Words: [5]uint32{uint32(i)}}
		k.port.Deliver(k, &banyan.Signal{Op: banyan.OpSpawn, From: k.pid(), Ref: ref,
			Spawn: &banyan.SpawnRequest{GroupLeader: k.pid(), Module: "m", Function: "f", Link: true, Monitor: true}})
		reply := <-k.sent
		if reply.Op != banyan.OpSpawnReply || !reply.Linked || !reply.Monitored {
			t.Fatalf("%+v is no answer", reply)
		}
		ends := map[banyan.Op]bool{}
		for range 2 {
			s := <-k.sent
			if s.From != reply.From || !errors.Is(s.Reason, banyan.ErrKilled) || (s.Op == banyan.OpDown) != (s.Ref == ref) {
				t.Errorf("%+v", s)
			}
			ends[s.Op] = true
		}
		if !ends[banyan.OpExit] || !ends[banyan.OpDown] {
			t.Error(ends)
		}
	}
}
