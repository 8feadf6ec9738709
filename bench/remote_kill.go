// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net"
	"time"

	"github.com/banyan-go/banyan"
)

// remoteKillTests: how soon a monitor knows that the other operating system process was killed.
func remoteKillTests() []*test {
	t := &test{row: "10", name: "remote-kill", title: "a peer's kill -9", n: 1, fixed: true, paired: true, kill: true,
		figures: []figure{{key: "seen", label: "seen after", unit: "ms", lower: true, target: 5}}, module: "remote", function: "kill"}
	t.client[ours], t.server[ours] = remoteKill, echoServer(0)
	t.client[plain], t.server[plain] = plainKill, plainEchoServer
	return []*test{t}
}

// mourner monitors a process of the other node.
type mourner struct {
	b    *bench
	at   time.Time
	over chan struct{}
}

type watchOver struct{ Who banyan.PID }

// Call begins to monitor.
func (m watchOver) Call(w *mourner, self *banyan.Self) (banyan.Reference, error) {
	return self.Monitor(m.Who), nil
}

// Info is told of the end.
func (w *mourner) Info(_ *banyan.Self, m any) error {
	if _, ok := m.(banyan.Down); ok {
		w.at = time.Now()
		close(w.over)
	}
	return nil
}

func remoteKill(b *bench) {
	n, ctx := b.remote("client", 0)
	to, err := banyan.Call(ctx, banyan.At[*echoer]("echo", serverNode), hello{})
	b.must(err)
	w := &mourner{b: b, over: make(chan struct{})}
	_, err = banyan.Call(ctx, spawn(b, n, w), watchOver{to.PID()})
	b.must(err)
	b.armed()
	<-w.over
	b.figure("seen_at", float64(w.at.UnixMicro()))
}

func plainKill(b *bench) {
	c := b.dial()
	b.roundTrip(c, c, 1)
	b.armed()
	var one [1]byte
	_, err := c.Read(one[:])
	at := time.Now()
	if err == nil {
		b.failf("read from a dead peer")
	}
	b.figure("seen_at", float64(at.UnixMicro()))
}

// plainBulkServer is an echo or a sink, as the first byte says.
func plainBulkServer(b *bench) {
	b.listen(func(c net.Conn) {
		var kind [1]byte
		if _, err := c.Read(kind[:]); err != nil {
			return
		}
		if kind[0] == 'p' {
			echo(c)
		} else {
			sink(c)
		}
	})
}
