// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"time"
)

// linkPoll is what the documentation of dist.Config suggests where polling is wanted; the default is none.
const linkPoll = 50 * time.Microsecond

// remotePingPongTests: one message to and fro between two operating system processes.
func remotePingPongTests() []*test {
	parked := &test{row: "10", name: "remote-pingpong-parked", title: "remote ping-pong, parked", n: 20_000, paired: true,
		figures: []figure{rate("round trips", 8500, 0)}, module: "remote", function: "pingpong"}
	parked.client[ours], parked.server[ours] = remotePingPong(-1), echoServer(-1)
	parked.client[plain], parked.server[plain] = plainPingPong, plainEchoServer
	polled := &test{row: "10", name: "remote-pingpong-polled", title: "remote ping-pong, polling", n: 40_000, paired: true,
		figures: []figure{rate("round trips", 20_000, 0)}, module: "remote", function: "pingpong"}
	polled.client[ours], polled.server[ours] = remotePingPong(linkPoll), echoServer(linkPoll)
	polled.client[plain], polled.server[plain] = plainPollingPingPong, plainPollingEchoServer
	return []*test{parked, polled}
}

func remotePingPong(poll time.Duration) work {
	return func(b *bench) {
		n, ctx := b.remote("client", poll)
		p, ref := newPinger(b, n, ctx, 0)
		start := time.Now()
		cast(b, ctx, ref, pingOn{})
		<-p.over
		b.rate(b.n, start)
		b.equal("sum", p.sum, b.n*(b.n+1)/2)
	}
}

func plainPingPong(b *bench) {
	c := b.dial()
	r := bufio.NewReader(c)
	start := time.Now()
	for i := range b.n {
		b.roundTrip(c, r, i)
	}
	b.rate(b.n, start)
}
