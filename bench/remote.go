// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist"
)

// remote starts a node of a pair: client@127.0.0.1 or server@127.0.0.1. poll is as in dist.Config.
func (b *bench) remote(role string, poll time.Duration) (*banyan.Node, context.Context) {
	banyan.RegisterCall[hello]("hello")
	banyan.RegisterCast[ping]("ping")
	banyan.RegisterCast[pong]("pong")
	banyan.RegisterCall[meet]("meet")
	banyan.RegisterCast[chunk]("chunk")
	banyan.RegisterCast[mark]("mark")
	banyan.RegisterCall[total]("total")
	banyan.RegisterCall[inc]("inc")
	banyan.RegisterCall[meetAdder]("meet_adder")
	return b.node(role+"@127.0.0.1", banyan.WithTransport(dist.New(dist.Config{
		Cookie: cookie(), PollTime: poll,
	})))
}

// serverNode is the other end's name.
const serverNode = "server@127.0.0.1"

// echoer answers pings.
type echoer struct{ peer banyan.Ref[*pinger] }

// hello tells the echoer who pings, and gives its own handle.
type hello struct{ Me banyan.Ref[*pinger] }

// Call keeps the peer.
func (m hello) Call(e *echoer, self *banyan.Self) (banyan.Ref[*echoer], error) {
	e.peer = m.Me
	return banyan.RefOf[*echoer](self.Node(), self.PID())
}

type ping struct{ N int }

// Cast answers.
func (m ping) Cast(e *echoer, self *banyan.Self) error { return banyan.Cast(self, e.peer, pong{m.N}) }

// echoServer is the other end of every ping.
func echoServer(poll time.Duration) work {
	return func(b *bench) {
		n, _ := b.remote("server", poll)
		spawn(b, n, &echoer{}, banyan.Name("echo"))
		// Five big messages may wait: more than the default bound of 64 MiB.
		spawn(b, n, &catcher{}, banyan.Name("catcher"), banyan.Mailbox(banyan.Limits{Bytes: 1 << 30}))
		b.ready("")
	}
}

// pinger pings the echoer: for a number of times, or with pauses and for ever.
type pinger struct {
	b     *bench
	to    banyan.Ref[*echoer]
	pause time.Duration // between an answer and the next ping; 0: a number of pings as fast as it goes
	left  int
	sum   int
	n     int
	wait  vigil // with pauses only
	due   bool  // a wait begins when the next ping is due, not when it is sent
	over  chan struct{}
}

type pong struct{ N int }

// Cast notes an answer.
func (m pong) Cast(p *pinger, self *banyan.Self) error {
	p.b.equal("pong", m.N, p.n)
	p.sum += m.N
	if p.pause > 0 {
		p.wait.end()
		if p.due {
			p.wait.begin(p.pause)
		}
		banyan.CastAfter(self, p.pause, pingOn{})
		return nil
	}
	if p.left--; p.left == 0 {
		close(p.over)
		return nil
	}
	return p.ping(self)
}

func (p *pinger) ping(self *banyan.Self) error {
	p.n++
	if p.pause > 0 && !(p.due && p.n > 1) {
		p.wait.begin(0)
	}
	return banyan.Cast(self, p.to, ping{p.n})
}

type pingOn struct{}

// Cast sends the next ping.
func (pingOn) Cast(p *pinger, self *banyan.Self) error { return p.ping(self) }

// newPinger makes a pinger that knows its echoer, and gives its state to look at.
func newPinger(b *bench, n *banyan.Node, ctx context.Context, pause time.Duration) (*pinger, banyan.Ref[*pinger]) {
	p := &pinger{b: b, pause: pause, left: b.n, over: make(chan struct{})}
	ref := spawn(b, n, p)
	to, err := banyan.Call(ctx, banyan.At[*echoer]("echo", serverNode), hello{ref})
	b.must(err)
	p.to = to // before its first message
	return p, ref
}
