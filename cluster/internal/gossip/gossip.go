// SPDX-License-Identifier: Apache-2.0

package gossip

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/hashicorp/memberlist"
)

// Handler hears of others, and of ourselves. Its methods are called with a lock held: they must return soon and not call Gossip.
type Handler interface {
	// Check says whether what an instance says of itself is understood. One that is not does not get in.
	Check(id ID, meta []byte) error
	// Alive: an instance is there, or again, or says something new.
	Alive(id ID, addr string, meta []byte)
	// Silent: an instance does not answer anybody, or has said goodbye.
	Silent(id ID)
	// Whisper: something that a node tells us alone.
	Whisper(b []byte)
	// Report: something that a node tells everybody.
	Report(b []byte) News
}

// News is what a report is to who hears it.
type News int

const (
	Old  News = iota // it is known, or of no use
	New              // it is passed on
	Last             // likewise, and it is the last of its instance: nothing will come that says it again, so those who have missed it are told later
)

// Timing is memberlist's.
//
// ProbeTimeout must be well below half of Probe. After it others are asked to probe; they give up after ProbeTimeout too, and say so.
// If their word comes later than Probe, as with memberlist's own ratio of one half, the asking node takes it for its own fault that it
// hears from nobody, and triples the time of its next probes: just when somebody is silent, detection becomes slow.
type Timing struct {
	Probe, ProbeTimeout, Gossip, PushPull, Stream time.Duration
	SuspicionMult                                 int
}

// Config says how to take part.
type Config struct {
	Cluster           string
	Secret            []byte
	ID                ID
	Network           Network
	Listen, Advertise string
	Meta              []byte
	Handler           Handler
	Logger            *slog.Logger
	Timing            Timing
}

// MaxMeta is how much an instance may say of itself.
const MaxMeta = memberlist.MetaMaxSize

// Gossip is this node's part of it.
type Gossip struct {
	list    *memberlist.Memberlist
	t       *transport
	d       *delegate
	timeout time.Duration
	probe   time.Duration
}

// Start takes part, alone until Join.
func Start(ctx context.Context, c Config) (*Gossip, error) {
	k, err := deriveKeys(c.Secret, c.Cluster)
	if err != nil {
		return nil, err
	}
	l, p, port, err := listen(c.Network, c.Listen)
	if err != nil {
		return nil, fmt.Errorf("listening at %s: %w", c.Listen, err)
	}
	_, host, _ := strings.Cut(c.ID.Name, "@")
	ip, port, err := advertised(ctx, c.Network, c.Advertise, c.Listen, host, port, p.LocalAddr())
	if err != nil {
		l.Close()
		p.Close()
		return nil, err
	}
	t := &transport{net: c.Network, keys: k, me: hello{cluster: c.Cluster, id: c.ID}, ip: ip, port: port, log: c.Logger,
		refused: &limiter{}, listener: l, socket: p, packets: make(chan *memberlist.Packet), streams: make(chan net.Conn),
		setups: make(chan struct{}, maxSetups), conns: map[net.Conn]struct{}{}}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	t.start()
	g := &Gossip{t: t, timeout: c.Timing.Stream, probe: c.Timing.Probe}
	g.d = newDelegate(c.Handler, c.Meta, func() int {
		if g.list == nil {
			return 1
		}
		return g.list.NumMembers()
	})
	g.list, err = memberlist.Create(g.config(c, k))
	if err != nil {
		t.Shutdown()
		return nil, err
	}
	return g, nil
}

func (g *Gossip) config(c Config, k keys) *memberlist.Config {
	m := memberlist.DefaultLANConfig()
	m.Name = c.ID.String()
	m.Transport = g.t
	m.SecretKey = k.packets
	m.Delegate, m.Events, m.Alive = g.d, g.d, g.d
	m.Logger = log.New(&bridge{to: c.Logger, ctx: g.t.ctx}, "", 0)
	m.ProbeInterval, m.ProbeTimeout = c.Timing.Probe, c.Timing.ProbeTimeout
	m.GossipInterval, m.PushPullInterval = c.Timing.Gossip, c.Timing.PushPull
	m.SuspicionMult = c.Timing.SuspicionMult
	m.TCPTimeout = c.Timing.Stream
	m.GossipToTheDeadTime = time.Minute
	// With memberlist's 4 a change is missed by one node in a hundred of a small cluster, until the next exchange with another one
	// (PushPull) tells it; with 8 by one in ten thousand. Changes are rare, so it costs little.
	m.RetransmitMult = 8
	// Packets of membership are small, and compressing them costs more than it saves.
	m.EnableCompression = false
	m.DNSConfigPath = "" // addresses are resolved by us
	return m
}

// Addr is where others reach this node.
func (g *Gossip) Addr() string { return (&net.TCPAddr{IP: g.t.ip, Port: g.t.port}).String() }

// Join exchanges all that is known with who listens at addr, an IP address with a port. Who answers but does not belong to us gives
// a *RefusedError; this node itself gives nil.
func (g *Gossip) Join(ctx context.Context, addr string) error {
	// memberlist wraps errors as text, so the handshake is done once before.
	if _, err := g.Who(ctx, addr); err != nil {
		if errors.Is(err, errSelf) {
			return nil
		}
		return err
	}
	_, err := g.list.Join([]string{addr})
	return err
}

// Who is the instance that answers at addr.
func (g *Gossip) Who(ctx context.Context, addr string) (ID, error) {
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	c, id, err := g.t.dial(ctx, addr, purposeWho)
	if err != nil {
		return id, err
	}
	return id, c.Close()
}

// Tell changes what this node says of itself, and begins to spread it; it waits for that at most as long as ctx allows.
func (g *Gossip) Tell(ctx context.Context, meta []byte) error {
	g.d.set(meta)
	return g.list.UpdateNode(g.wait(ctx))
}

// wait is how long memberlist may wait.
func (g *Gossip) wait(ctx context.Context) time.Duration {
	wait := g.timeout
	if d, ok := ctx.Deadline(); ok {
		wait = min(wait, time.Until(d))
	}
	return max(wait, time.Nanosecond) // zero would be for ever
}

// Report tells everybody b, soon. It begins with the length of a name, one byte, and the name; it replaces a report with the same
// name that is still on its way.
func (g *Gossip) Report(b []byte) { g.d.report(b, false) }

// LastReport is Report for the last time: what comes after it is not told.
func (g *Gossip) LastReport(b []byte) { g.d.report(b, true) }

// Whisper tells one instance b, in one packet that may be lost. Nothing happens if it is not heard.
func (g *Gossip) Whisper(to ID, b []byte) {
	name := to.String()
	for _, n := range g.list.Members() {
		if n.Name == name {
			g.list.SendBestEffort(n, append([]byte{0}, b...)) // what cannot be sent is lost
			return
		}
	}
}

// Leave says goodbye, and waits until others have heard it, at most as long as ctx allows.
func (g *Gossip) Leave(ctx context.Context) error { return g.list.Leave(g.wait(ctx)) }

// Stop ends it. memberlist has no way to end a probe that waits for an answer: on a real network that is left to itself for the second that
// it may take, on a simulated one, whose time ends with its test, it is waited for.
func (g *Gossip) Stop() {
	g.list.Shutdown()
	if _, real := g.t.net.(IP); real {
		return
	}
	<-time.After(g.probe * time.Duration(g.list.GetHealthScore()+1))
}
