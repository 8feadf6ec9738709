// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/cluster/internal/gossip"
)

// Network makes connections and sockets for packets. Its methods may be called from any goroutine.
type Network interface {
	Dial(ctx context.Context, addr string) (net.Conn, error)
	// Listen and ListenPacket must be able to have the same port.
	Listen(addr string) (net.Listener, error)
	ListenPacket(addr string) (net.PacketConn, error)
	// Resolve is an address of a host.
	Resolve(ctx context.Context, host string) (net.IP, error)
}

// IP is the Network of real nodes: TCP and UDP.
type IP = gossip.IP

// Discovery finds nodes to join. It only ever adds candidates: members leave or are lost by other means, whatever it says.
type Discovery interface {
	// Discover calls found whenever it has found something, with host:port addresses of the gossip of nodes, this one perhaps
	// among them; until ctx ends. An error ends it: it is logged, and it is begun again after a pause.
	Discover(ctx context.Context, found func(addrs []string)) error
}

// Announcer is a Discovery that wants to know this node's own address.
type Announcer interface {
	// Announce makes addr known, until ctx ends.
	Announce(ctx context.Context, addr string) error
}

// Config says how a node takes part. Everything has a default.
type Config struct {
	// Cluster is the cluster's name. Nodes of clusters with different names never get together. Default "banyan".
	Cluster string
	// Secret is what all nodes of the cluster know. Gossip is encrypted with keys derived from it and Cluster. Default: the cookie of the node's
	// transport, which all nodes know that are linked.
	Secret string
	// Listen is the address of the gossip, host:port, for TCP and UDP. Default 127.0.0.1:0.
	Listen string
	// Advertise is the host, or host:port, at which others reach Listen. Default: Listen's host, or if that is every address
	// (0.0.0.0), the host in the node's name.
	Advertise string
	// Discovery are where to find other nodes; package discover has some. All are used.
	Discovery []Discovery
	// File is where this node notes who the other members are, so that it finds them by itself when it is started again. It is replaced as a whole when
	// that changes, has 1024 lines at most, and can be read by people and by discover.File. Its directory must be there, and for this node
	// alone to write in. Default: nothing is noted.
	File string
	// Zone, Roles and Version are for others to see: where the node is, what it is for, which build it is. Roles are at most 16.
	Zone    string
	Roles   []string
	Version string
	// Weight is how much work the node should get, relative to others. Default 1; zero is not possible, drain instead.
	Weight float64
	// JoinTime bounds how long Start looks for others before it goes on alone; it goes on sooner when all that it has found have
	// answered or refused. Default 5 s.
	JoinTime time.Duration
	// Keep is how long a node that is over or unreachable is remembered; an unreachable one is looked for as long. Default 24 h.
	Keep time.Duration
	// NoLinks leaves out the links to all members that are otherwise made and kept.
	NoLinks bool
	// Profile is how fast silence is noticed. Default LAN.
	Profile Profile
	// Network makes connections. Default IP.
	Network Network

	random func() uint64 // of tests; default crypto/rand
}

// Profile is a set of intervals.
type Profile uint8

// The profiles. With LAN a silent node is Unreachable after 1.2 to 2 s in clusters of some nodes, 3 s in those of 20.
const (
	LAN Profile = iota
	// WAN is for round trips of up to a second: 15 to 30 s.
	WAN
)

func (p Profile) timing() gossip.Timing {
	t := gossip.Timing{Probe: 250 * time.Millisecond, ProbeTimeout: 100 * time.Millisecond, Gossip: 100 * time.Millisecond,
		PushPull: 10 * time.Second, Stream: 3 * time.Second, SuspicionMult: 4}
	if p == WAN {
		t = gossip.Timing{Probe: 3 * time.Second, ProbeTimeout: 1200 * time.Millisecond, Gossip: 300 * time.Millisecond,
			PushPull: 30 * time.Second, Stream: 10 * time.Second, SuspicionMult: 5}
	}
	return t
}

// beat is how often links show life.
func (p Profile) beat() time.Duration {
	if p == WAN {
		return time.Second
	}
	return 200 * time.Millisecond
}

// Validate lists everything that is wrong with c. It touches neither files nor the network.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("cluster: "+format, args...)) }
	if len(c.Cluster) > 255 {
		bad("Cluster is longer than 255 bytes")
	}
	if c.Listen != "" {
		if _, _, err := net.SplitHostPort(c.Listen); err != nil {
			bad("Listen: %w", err)
		}
	}
	if c.Weight < 0 || math.IsNaN(c.Weight) || math.IsInf(c.Weight, 0) {
		bad("Weight: %v", c.Weight)
	}
	if c.JoinTime < 0 || c.Keep < 0 {
		bad("JoinTime and Keep cannot be negative")
	}
	if c.Profile > WAN {
		bad("Profile: there is none of number %d", c.Profile)
	}
	if err := c.record().fits(); err != nil {
		bad("%w", err)
	}
	return errors.Join(errs...)
}

func (c Config) record() record {
	return record{zone: c.Zone, roles: c.Roles, version: c.Version, weight: c.Weight, state: Joining}
}

// withSecret takes the cookie of the node's transport if no secret is given.
func (c Config) withSecret(n *banyan.Node) (Config, error) {
	if c.Secret != "" {
		return c, nil
	}
	if t, ok := n.Transport().(interface{ Cookie() string }); ok {
		c.Secret = t.Cookie()
	}
	if c.Secret == "" {
		return c, fmt.Errorf("cluster: start %s: no Secret is given, and the node's transport has no cookie to take for it: give what all nodes of the cluster know", n.Name())
	}
	return c, nil
}

func (c Config) withDefaults() Config {
	set(&c.Cluster, "banyan")
	set(&c.Listen, "127.0.0.1:0")
	set(&c.Weight, 1)
	set(&c.JoinTime, 5*time.Second)
	set(&c.Keep, 24*time.Hour)
	if c.Network == nil {
		c.Network = IP{}
	}
	if c.random == nil {
		c.random = cryptoRandom
	}
	if _, _, err := net.SplitHostPort(c.Advertise); c.Advertise != "" && err != nil {
		c.Advertise = net.JoinHostPort(c.Advertise, "0")
	}
	return c
}

// set gives what is zero its default.
func set[T comparable](p *T, def T) {
	var zero T
	if *p == zero {
		*p = def
	}
}
