// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist/internal/handshake"
)

// Transport is the links of one node. Make it with New and give it to banyan.Start; after Close it is of no use.
// All methods may be called from any goroutine.
type Transport struct {
	cfg       Config
	name      banyan.Atom
	port      port
	nobody    banyan.PID // the sender of what no process sends; the pid that init has in Erlang
	encode    *encoderPool
	keys      *keyring // nil: no TLS
	admission *admission
	stats     counters
	relays    relays

	refusedAt atomic.Int64 // when a refusal was logged last, Unix nanoseconds
	beat      atomic.Int64 // how often to show life on links to friends, nanoseconds; 0: never
	beatWake  chan struct{}

	ctx        context.Context // ends with Close
	cancel     context.CancelFunc
	wg         sync.WaitGroup // every goroutine of ours but the registrar's
	listener   net.Listener
	unregister func()
	pending    chan struct{} // one token per handshake of a caller

	// upMu is held while a link is put in, so that two handshakes of one peer that end together cannot both be. Lock
	// order: upMu, mu. The port is called under upMu, never under mu.
	upMu sync.Mutex

	mu     sync.Mutex
	open   bool                               // guarded by mu
	closed bool                               // guarded by mu
	beats  bool                               // guarded by mu; the beater runs
	nodes  map[banyan.Atom]*node              // guarded by mu; absent: nothing known
	setups map[net.Conn]struct{}              // guarded by mu; connections in the handshake, for Close
	kept   map[banyan.Atom]context.CancelFunc // guarded by mu; ends the keeper of a node
}

// node is what we have to do with one other node.
type node struct {
	link    *link    // up, or going down and not yet reported
	attempt *attempt // our own attempt to connect
}

// counters are written by many.
type counters struct {
	received, sent, bytesIn, bytesOut atomic.Uint64
	undecodable, refused, links, late atomic.Uint64
}

// Stats are figures since Open.
type Stats struct {
	// Links is how many links are up.
	Links int
	// Received and Sent count signals, BytesIn and BytesOut all that passed after the handshake.
	Received, Sent, BytesIn, BytesOut uint64
	// Undecodable counts messages that were dropped, or answered with an error, because they did not fit the Go type of
	// what they were sent to.
	Undecodable uint64
	// Late counts replies to calls that nobody waited for any more.
	Late uint64
	// Refused counts incoming connections that did not get through the handshake.
	Refused uint64
}

// New makes a transport. What is wrong with cfg, Open tells.
func New(cfg Config) *Transport {
	ctx, cancel := context.WithCancel(context.Background())
	t := &Transport{cfg: cfg, ctx: ctx, cancel: cancel, beatWake: make(chan struct{}, 1), encode: newEncoderPool(),
		nodes: make(map[banyan.Atom]*node), setups: make(map[net.Conn]struct{})}
	t.relays = relays{t: t, ends: make(map[leg]passage)}
	return t
}

var _ banyan.Transport = (*Transport)(nil)

// Open begins to listen and registers the node's name. The runtime calls it, once.
func (t *Transport) Open(ctx context.Context, port *banyan.Port) error { return t.start(ctx, port) }

// start is Open for any port.
func (t *Transport) start(ctx context.Context, port port) error {
	if err := t.cfg.Validate(); err != nil {
		return err
	}
	if err := handshake.CheckName(string(port.Name())); err != nil {
		return fmt.Errorf("dist: %w", err)
	}
	t.cfg = t.cfg.withDefaults()
	cookie, err := t.cfg.cookie()
	if err != nil {
		return err
	}
	var keys *keyring
	if t.cfg.TLS != nil {
		if keys, err = newKeyring(*t.cfg.TLS, port.Logger()); err != nil {
			return err
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open || t.closed {
		return errors.New("dist: Open was called twice, or after Close")
	}
	t.name, t.port, t.keys = port.Name(), port, keys
	t.admission = newAdmission(&t.cfg, cookie)
	t.nobody = banyan.PID{Node: t.name, Creation: port.Creation()}
	t.pending = make(chan struct{}, t.cfg.MaxPending)
	if t.listener, err = t.cfg.Network.Listen(t.cfg.Listen); err != nil {
		return fmt.Errorf("dist: listening at %s: %w", t.cfg.Listen, err)
	}
	number, err := portOf(t.listener.Addr())
	if err == nil {
		alive, _, _ := strings.Cut(string(t.name), "@")
		_, t.unregister, err = t.cfg.Names.Register(ctx, alive, number, !t.cfg.Visible)
	}
	if err != nil {
		t.listener.Close()
		return fmt.Errorf("dist: making %s known: %w", t.name, err)
	}
	t.open = true
	t.wg.Add(1)
	go t.accept()
	for _, node := range t.cfg.Keep {
		t.keepLocked(node)
	}
	return nil
}

// portOf is the port number of a listener's address.
func portOf(a net.Addr) (uint16, error) {
	_, p, err := net.SplitHostPort(a.String())
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(p, 10, 16)
	return uint16(n), err
}

// Addr is where links are accepted; nil before Open.
func (t *Transport) Addr() net.Addr {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.listener == nil {
		return nil
	}
	return t.listener.Addr()
}

// Stats returns the figures.
func (t *Transport) Stats() Stats {
	return Stats{Links: int(t.stats.links.Load()), Received: t.stats.received.Load(), Sent: t.stats.sent.Load(),
		BytesIn: t.stats.bytesIn.Load(), BytesOut: t.stats.bytesOut.Load(),
		Undecodable: t.stats.undecodable.Load(), Late: t.stats.late.Load(), Refused: t.stats.refused.Load()}
}

// Nodes lists the nodes that a link is up to.
func (t *Transport) Nodes() []banyan.Atom {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []banyan.Atom
	for name, n := range t.nodes {
		if n.link != nil && n.link.alive() {
			out = append(out, name)
		}
	}
	return out
}

// Close ends all links and listeners and waits for its goroutines, at most until ctx ends. What was sent before is
// written first, as far as the peers read it at once.
func (t *Transport) Close(ctx context.Context) error {
	t.mu.Lock()
	t.closed = true
	links := make([]*link, 0, len(t.nodes))
	for _, n := range t.nodes {
		if n.link != nil {
			links = append(links, n.link)
		}
	}
	unregister := t.unregister
	t.unregister = nil
	t.mu.Unlock()
	t.cancel()
	for _, l := range links {
		l.drain(ctx)
		l.fail(errStopped)
	}
	t.mu.Lock()
	if t.listener != nil {
		t.listener.Close()
	}
	for c := range t.setups {
		c.Close()
	}
	t.mu.Unlock()
	done := make(chan struct{})
	go func() { // ends with the goroutines that it waits for
		t.wg.Wait()
		if unregister != nil {
			unregister()
		}
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("dist: closing: %w", ctx.Err())
	}
}

// get returns what is known of a node, making room for it. Call with mu held.
func (t *Transport) get(name banyan.Atom) *node {
	n := t.nodes[name]
	if n == nil {
		n = &node{}
		t.nodes[name] = n
	}
	return n
}

// tidy forgets a node there is nothing to know of. Call with mu held.
func (t *Transport) tidy(name banyan.Atom) {
	if n := t.nodes[name]; n != nil && n.link == nil && n.attempt == nil {
		delete(t.nodes, name)
	}
}

// track notes a connection in the handshake; false when the transport is closed, and the connection with it.
func (t *Transport) track(c net.Conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		c.Close()
		return false
	}
	t.setups[c] = struct{}{}
	return true
}

// untrack ends that.
func (t *Transport) untrack(c net.Conn) {
	t.mu.Lock()
	delete(t.setups, c)
	t.mu.Unlock()
}
