// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/cluster/internal/gossip"
)

// Cluster is a node's part in its cluster. Make it with Start.
type Cluster struct {
	node *banyan.Node
	cfg  Config
	log  *slog.Logger
	g    *gossip.Gossip
	id   gossip.ID
	desk banyan.PID // who answers for this node's part

	ctx     context.Context // ends with everything
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	done    chan struct{} // closed when all has ended
	stopped sync.Once

	// telling has one slot, which is filled while this node says something new of itself, so that it is said in that order. It is no
	// mutex because saying it waits for the network.
	telling chan struct{}
	nudged  chan struct{} // one slot: the rejoin loop should look again
	claims  chan struct{} // one slot: another instance of our name was heard of
	drains  chan struct{} // one slot, which is filled while this node drains
	joined  bool          // guarded by mu; the name is ours

	mu        sync.Mutex
	core      *core                              // guarded by mu
	me        record                             // guarded by mu; what this node says of itself
	watchers  map[*watcher]struct{}              // guarded by mu
	known     *candidates                        // guarded by mu
	linking   map[banyan.Atom]context.CancelFunc // guarded by mu; who is being linked
	linked    map[banyan.Atom]time.Time          // guarded by mu; who was begun to be linked in the last second
	layer     linkLayer                          // guarded by mu, set once; nil: links cannot be listened to
	ears      *ears                              // guarded by mu; nil without layer
	hooks     []func(context.Context) error      // guarded by mu; of Drain
	undrain   func()                             // guarded by mu; ends a Drain that goes on
	forgotten map[banyan.Atom]declared           // guarded by mu; what was declared by Forget, here or elsewhere
	err       error                              // guarded by mu; why it has ended
	again     time.Time                          // guarded by mu; when this node last said again what it is
}

func cryptoRandom() uint64 {
	var b [8]byte
	rand.Read(b[:])
	return binary.NativeEndian.Uint64(b[:])
}

// Start takes part in the cluster: it finds other nodes, makes sure that none of them has this node's name, and returns when this node
// is Up. The node stops taking part when it stops. Errors: ErrNameInUse; a *RefusedError if all who answered refused; that of ctx.
//
// A node that finds nobody within Config.JoinTime is Up alone, and goes on looking.
func Start(ctx context.Context, node *banyan.Node, cfg Config) (*Cluster, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg, err := cfg.withDefaults().withSecret(node)
	if err != nil {
		return nil, err
	}
	c := &Cluster{node: node, cfg: cfg, log: node.Logger(), done: make(chan struct{}), core: newCore(node.Name()),
		watchers: map[*watcher]struct{}{}, linking: map[banyan.Atom]context.CancelFunc{}, linked: map[banyan.Atom]time.Time{}, known: newCandidates(),
		telling: make(chan struct{}, 1), nudged: make(chan struct{}, 1), claims: make(chan struct{}, 1),
		drains: make(chan struct{}, 1), forgotten: map[banyan.Atom]declared{}}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.me = cfg.record()
	c.me.name, c.me.instance, c.me.creation = node.Name(), cfg.random(), node.Creation()
	c.me.inc = Incarnation(time.Now().UnixNano())
	c.id = gossip.ID{Name: string(c.me.name), Instance: c.me.instance}
	g, err := gossip.Start(ctx, gossip.Config{Cluster: cfg.Cluster, Secret: []byte(cfg.Secret), ID: c.id, Network: cfg.Network,
		Listen: cfg.Listen, Advertise: cfg.Advertise, Meta: c.me.encode(), Handler: handler{c}, Logger: c.log, Timing: cfg.Profile.timing()})
	if err != nil {
		return nil, fmt.Errorf("cluster: start %s: %w", node.Name(), err)
	}
	c.g = g
	if err := c.openDesk(); err != nil {
		c.end(err)
		return nil, fmt.Errorf("cluster: start %s: %w", node.Name(), err)
	}
	old := c.recall()
	c.discover()
	if !cfg.NoLinks {
		err := c.listen()
		if err == nil {
			err = c.watchLinks()
		}
		if err != nil {
			c.end(err)
			return nil, fmt.Errorf("cluster: start %s: %w", node.Name(), err)
		}
	}
	err = c.firstJoin(ctx)
	if err == nil {
		err = c.claim(ctx)
	}
	if err != nil {
		c.end(err)
		return nil, fmt.Errorf("cluster: start %s: %w", node.Name(), err)
	}
	c.run(c.rejoinLoop)
	c.run(c.claimLoop)
	c.run(c.loadLoop)
	c.run(c.expireLoop)
	if cfg.File != "" {
		c.run(func() { c.rememberLoop(old) })
	}
	node.AtStop(func(ctx context.Context) { c.Leave(ctx) })
	return c, nil
}

// run starts a goroutine that ends with c.ctx.
func (c *Cluster) run(f func()) { c.wg.Go(f) }

// Node is the node that takes part.
func (c *Cluster) Node() *banyan.Node { return c.node }

// Addr is where other nodes reach this one's gossip: what to give them as a seed.
func (c *Cluster) Addr() string { return c.g.Addr() }

// Self is this node as a member.
func (c *Cluster) Self() Member {
	m, _ := c.Member(c.node.Name())
	return m
}

// Member is what is known of a node. false: nothing.
func (c *Cluster) Member(name banyan.Atom) (Member, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.core.member(name)
}

// Members gives all members as they are at one moment, sorted by name; those that are over and remembered too.
func (c *Cluster) Members() iter.Seq[Member] {
	c.mu.Lock()
	list := c.core.members()
	c.mu.Unlock()
	return slices.Values(list)
}

// Done closes when this node no longer takes part; Err says why: ErrLeft, ErrNameInUse or ErrReplaced, nil before.
func (c *Cluster) Done() <-chan struct{} { return c.done }

// Err is why this node no longer takes part.
func (c *Cluster) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// end stops everything, without a goodbye. It waits for all goroutines but memberlist's.
func (c *Cluster) end(why error) {
	c.stopped.Do(func() {
		c.mu.Lock()
		c.err = why
		c.cancel() // under mu: who starts a goroutine under mu has looked whether it may
		c.mu.Unlock()
		c.g.Stop()
		c.wg.Wait()
		if pid, ok := c.node.Whereis(deskName); ok && pid == c.desk { // the name is free for another start; answers are still given
			c.node.Unregister(deskName)
		}
		close(c.done)
	})
	<-c.done
}

// fail ends it from one of its own goroutines.
func (c *Cluster) fail(why error) {
	c.log.Error("this node no longer takes part in its cluster", "cluster", c.cfg.Cluster, "error", why)
	go c.end(why) // it waits for our goroutines, and so for the caller; it ends when they have
}

// become changes what this node says of itself and spreads it.
func (c *Cluster) become(ctx context.Context, change func(r *record)) error {
	c.telling <- struct{}{} // held for a bounded time, see Gossip.Tell
	defer func() { <-c.telling }()
	c.mu.Lock()
	r := c.me
	change(&r)
	r.revision++
	c.me = r
	c.mu.Unlock()
	return c.g.Tell(ctx, r.encode())
}

// handler is what the gossip calls. All methods are short. memberlist's timers may call after it was stopped; that changes nothing.
type handler struct{ c *Cluster }

// Check lets in records that can be read, while there is room.
func (h handler) Check(id gossip.ID, meta []byte) error {
	if _, err := decodeRecord(id, meta); err != nil {
		return err
	}
	h.c.mu.Lock()
	defer h.c.mu.Unlock()
	if !h.c.core.room(banyan.Atom(id.Name)) {
		return errors.New("too many nodes are known already")
	}
	return nil
}

// Alive takes what an instance says of itself.
func (h handler) Alive(id gossip.ID, addr string, meta []byte) {
	r, err := decodeRecord(id, meta)
	if err != nil {
		return // Check has refused it already
	}
	c := h.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() != nil {
		return
	}
	c.apply(c.core.alive(r, addr, time.Now()))
	if r.name == c.me.name && r.instance != c.me.instance {
		poke(c.claims)
	}
}

// Silent notes that an instance is not heard.
func (h handler) Silent(id gossip.ID) {
	c := h.c
	if id == c.id {
		return // our own goodbye
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() != nil {
		return
	}
	c.apply(c.core.silent(banyan.Atom(id.Name), id.Instance, time.Now()))
}

// Report takes a load report, or an instance's last one.
func (h handler) Report(b []byte) gossip.News {
	now := time.Now()
	name, instance, seq, load, last, ok := decodeLoad(b, now)
	if !ok {
		return gossip.Old
	}
	h.c.mu.Lock()
	defer h.c.mu.Unlock()
	if name == h.c.me.name || h.c.ctx.Err() != nil || !h.c.core.report(name, instance, seq, load) {
		return gossip.Old
	}
	if last {
		h.c.apply(h.c.core.left(name, instance, now))
		return gossip.Last
	}
	return gossip.New
}

// apply does what events ask for. With mu held.
func (c *Cluster) apply(events []Event) {
	c.publish(events)
	for _, e := range events {
		m := e.Member
		if m.Name == c.me.name {
			continue
		}
		c.unlink(e)
		c.link(m)
		if e.Kind == Joined {
			if !c.joined {
				poke(c.nudged) // this node has company before it has found any
			}
			if c.core.links[m.Name] {
				c.catchUp(m.Name)
			}
		}
		if e.Kind == ReachChanged {
			level, text := slog.LevelInfo, "a member of the cluster is "+m.Reach.String()
			if m.Reach != Reachable && !m.State.Over() {
				level = slog.LevelWarn
			}
			if m.Reach == Indirect {
				text = "this node and a member that others hear cannot reach each other: calls go through another one"
			}
			c.log.Log(context.Background(), level, text, "member", string(m.Name), "was", e.Was.Reach.String())
			if !m.State.Over() && (e.Was.Reach == Unreachable || m.Reach == Unreachable) { // of those that are over nobody is missed
				poke(c.nudged)
			}
		} else {
			c.log.Debug("cluster: "+e.Kind.String(), "member", string(m.Name), "state", m.State.String())
		}
	}
}

// poke fills a channel of one slot.
func poke(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// sleep waits; false: c ends.
func (c *Cluster) sleep(d time.Duration, or <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-or:
	case <-c.ctx.Done():
	}
	return c.ctx.Err() == nil
}

// jitter is d, give or take a fifth.
func (c *Cluster) jitter(d time.Duration) time.Duration {
	return d - d/5 + time.Duration(c.cfg.random()%uint64(2*d/5+1))
}

// expireLoop forgets who is long gone.
func (c *Cluster) expireLoop() {
	for c.sleep(min(c.cfg.Keep/4+time.Second, time.Hour), nil) {
		c.mu.Lock()
		c.apply(c.core.expire(c.cfg.Keep, time.Now()))
		c.mu.Unlock()
	}
}
