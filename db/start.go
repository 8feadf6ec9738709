// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/db/internal/host"
	"github.com/banyan-go/banyan/supervisor"
)

// Options say how a node takes part in a database of several nodes.
type Options struct {
	// Dir is the node's folder, as for Open, and for this node alone. One that Open has filled becomes the first part of the database. "": in memory; a node
	// that is started anew is then another one, to the database.
	Dir string
	// Expect are the nodes that create the database together, the same list on each of them: when all of them are there and none has one, the one whose
	// name is the lowest creates it, and the others join it. A node that comes later needs no Expect, and one that has joined once does
	// not need it any more: without Expect a node never creates a database, but waits until a node that it is linked to has one.
	Expect []banyan.Atom
	// ReplaceAfter is how long a node must have been silent until its replicas are replaced, where another node can take them. It is not lost by that: when it
	// comes back, it takes part again. Default 5 minutes.
	ReplaceAfter time.Duration
	// SnapshotBytes bounds what the node sends of snapshots, in bytes per second. Default 64 MB.
	SnapshotBytes int
}

func (o *Options) defaults() error {
	if o.ReplaceAfter == 0 {
		o.ReplaceAfter = 5 * time.Minute
	}
	if o.SnapshotBytes == 0 {
		o.SnapshotBytes = 64 << 20
	}
	if o.ReplaceAfter < 2*silentTicks*tick {
		return fmt.Errorf("db: ReplaceAfter: %v is below %v, in which a silent node is told from a busy one", o.ReplaceAfter, 2*silentTicks*tick)
	}
	if o.SnapshotBytes < 64<<10 {
		return fmt.Errorf("db: SnapshotBytes: %d is below 64 KiB a second", o.SnapshotBytes)
	}
	return nil
}

// Start makes the node a part of the database that the nodes have which it is linked to, or of a new one: see Options.Expect. It returns when transactions can
// be carried out. Package cluster makes the links; a database without it uses those that there are.
//
// A new database is on the node that creates it, and copied to the others in the seconds that follow. If that node is lost before, so is all that there is, and if it
// is down, it is waited for. Inspector.Status shows how many voters each group has.
//
// Errors: ErrOtherDatabase, if a node that is linked serves another database than the one in the folder; ErrLeft; that of ctx; those of Open.
// Close the database before the node is stopped.
func Start(ctx context.Context, node *banyan.Node, o Options) (*DB, error) {
	fs := vfs.Default
	if o.Dir == "" {
		fs, o.Dir = vfs.NewMem(), "db"
	} else if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("db: %w", err)
	}
	return start(ctx, node, fs, o)
}

func start(ctx context.Context, node *banyan.Node, fs vfs.FS, o Options) (_ *DB, err error) {
	if err := o.defaults(); err != nil {
		return nil, err
	}
	d, err := openStores(fs, o.Dir)
	if err != nil {
		return nil, err
	}
	m := &member{db: d, node: node, options: o, ready: make(chan struct{}), watch: newWatch(), strangers: map[banyan.Atom]uint64{},
		views: map[uint64]*servedView{}, moving: map[uint64]bool{}}
	d.member = m
	m.ctx, m.cancel = context.WithCancel(node.Context(context.Background()))
	defer func() {
		if err != nil {
			d.endLease()
			m.stop()
			d.engine.stop()
			d.ram.stop()
			err = errors.Join(err, d.closeStores())
		}
	}()
	if err := m.supervise(askDoor, supervisor.Worker(askDoor, m.atDesk, supervisor.With(banyan.Name(askDoor)))); err != nil {
		return nil, fmt.Errorf("db: %w", err)
	}
	create, err := m.seek(ctx)
	if err != nil {
		return nil, err
	}
	if err := m.serve(create); err != nil {
		return nil, fmt.Errorf("db: %w", err)
	}
	if err := m.begin(ctx); err != nil {
		return nil, err
	}
	return d, m.startLease()
}

// seekEvery is how often a node without a database asks for one.
const seekEvery = 200 * time.Millisecond

// seek finds the node's place: in the database that its folder has, in the one of a node that is linked, or in one that it shall create.
func (m *member) seek(ctx context.Context) (create bool, err error) {
	groups, err := m.db.log.Groups()
	if err != nil {
		return false, err
	}
	if m.db.cluster() == 0 && len(groups) > 0 {
		return true, nil // a creation that a crash broke off
	}
	for {
		mine := m.db.cluster()
		found, empty := m.survey(ctx)
		for _, name := range found.names() {
			if mine != 0 && found[name] != mine {
				return false, fmt.Errorf("%w: %s has %s, the folder %s has %s", ErrOtherDatabase, name, databaseName(found[name]), m.options.Dir, databaseName(mine))
			}
		}
		if mine != 0 {
			return false, nil
		}
		if err = found.agree(); err != nil {
			return false, err
		}
		for _, name := range found.names() {
			if err = m.join(ctx, name); err == nil {
				return false, nil
			}
		}
		if len(found) == 0 && m.creates(empty) {
			return true, nil
		}
		t := time.NewTimer(seekEvery)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return false, fmt.Errorf("db: no database was found: %w", errors.Join(ctx.Err(), err))
		}
	}
}

// databases are nodes that have a database, and which.
type databases map[banyan.Atom]uint64

func (f databases) names() (list []banyan.Atom) {
	for name := range f {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

// agree: with two databases among the nodes, it is for people to say which one a new node belongs to.
func (f databases) agree() error {
	names := f.names()
	for _, name := range names {
		if f[name] != f[names[0]] {
			return fmt.Errorf("%w: %s has %s, %s has %s: link the node to nodes of one only", ErrOtherDatabase,
				names[0], databaseName(f[names[0]]), name, databaseName(f[name]))
		}
	}
	return nil
}

// survey asks the nodes that are linked, and those that are expected, what they have. Nodes without package db do not answer.
func (m *member) survey(ctx context.Context) (found databases, empty map[banyan.Atom]bool) {
	found, empty = databases{}, map[banyan.Atom]bool{}
	names := append(m.node.Nodes(), m.options.Expect...)
	slices.Sort(names)
	type reply struct {
		name banyan.Atom
		a    helloAnswer
		err  error
	}
	replies := make(chan reply)
	n := 0
	for _, name := range slices.Compact(names) {
		if name == m.node.Name() {
			continue
		}
		n++
		go func() {
			ctx, cancel := context.WithTimeout(ctx, 5*seekEvery)
			defer cancel()
			a, err := banyan.Call(m.node.Context(ctx), banyan.At[*desk](askDoor, name), helloCall{})
			replies <- reply{name, a, err}
		}()
	}
	for range n {
		switch r := <-replies; {
		case r.err != nil:
		case r.a.Cluster != 0:
			found[r.name] = r.a.Cluster
			if r.a.Cluster == m.db.cluster() {
				m.peers.learn(r.a.Number, r.name)
			}
		default:
			empty[r.name] = true
		}
	}
	return found, empty
}

// creates: it takes all expected nodes to say that they have nothing, so two of them never both create a database.
func (m *member) creates(empty map[banyan.Atom]bool) bool {
	e := m.options.Expect
	if !slices.Contains(e, m.node.Name()) || slices.Min(e) != m.node.Name() {
		return false
	}
	for _, name := range e {
		if name != m.node.Name() && !empty[name] {
			return false
		}
	}
	return true
}

// join asks a node for a place in its database.
func (m *member) join(ctx context.Context, name banyan.Atom) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	a, err := banyan.Call(m.node.Context(ctx), banyan.At[*desk](askDoor, name), joinCall{m.node.Name(), m.db.log.ID()})
	if err != nil {
		return fmt.Errorf("db: node %s: %w", name, err)
	}
	if a.Cluster == 0 || a.Number == 0 || len(a.Numbers) != len(a.Names) {
		return fmt.Errorf("db: node %s gives no place in its database", name)
	}
	for i, n := range a.Numbers {
		m.peers.learn(n, a.Names[i])
	}
	return m.db.log.SetMember(a.Cluster, a.Number)
}

// config is what both hosts have in common.
func (m *member) config(number uint64) host.Config {
	return host.Config{Node: number, Events: m.watch, SnapshotBytes: m.options.SnapshotBytes / int(time.Second/tick), ChunkBytes: 48 << 10}
}

// serve starts the hosts, and what carries their frames.
func (m *member) serve(create bool) error {
	d := m.db
	number := uint64(founder)
	if !create {
		_, number = d.log.Member()
	}
	config := m.config(number)
	config.Log, config.State, config.Rand = d.log, d.state, newRand()
	core, err := host.New(config)
	if err != nil {
		return err
	}
	if create {
		if err := d.create(core); err != nil {
			return err
		}
	}
	m.cluster, m.number = d.log.Member()
	m.watch.own(m.number)
	m.peers.learn(m.number, m.node.Name())
	// Of beats there is one for each node and tick besides what is answered; entries are bounded by raft, which has 64 messages of a group under way.
	c := &carrier{&sender{m: m, name: "banyan_db_beats", limit: 4096}, &sender{m: m, name: "banyan_db_entries", limit: 4096}}
	m.carrier = c
	if err := m.supervise("banyan_db_senders", c.beats.spec(), c.entries.spec()); err != nil {
		return err
	}
	d.host = host.Start(core, tick, c)
	if err := d.startRAM(m.config(m.number), ramCarrier{c}); err != nil {
		return err
	}
	d.shards = map[uint64]shard{}
	for _, g := range allGroups() {
		s := newSpread(m, d.here(g))
		d.shards[g] = s
		m.spreads = append(m.spreads, s)
	}
	close(m.ready)
	// Only now: what came before would have found no host.
	door := supervisor.Worker(frameDoor, func(context.Context, *banyan.Self) (*door, error) { return &door{m}, nil },
		supervisor.With(banyan.Name(frameDoor), banyan.Mailbox(banyan.Limits{Messages: 16384, Bytes: 64 << 20})))
	if err := m.supervise("banyan_db_doors", door, supervisor.Process("links", m.followLinks)); err != nil {
		return err
	}
	m.run(m.tend)
	return nil
}

func (m *member) atDesk(context.Context, *banyan.Self) (*desk, error) { return &desk{m}, nil }

// supervise starts processes of the database that are started again when they fail.
func (m *member) supervise(name string, children ...supervisor.Item) error {
	ref, err := supervisor.New(name, supervisor.OneForOne, append(children, supervisor.Intensity(1000, time.Minute))...).Start(m.node)
	if err == nil {
		m.trees = append(m.trees, ref)
	}
	return err
}

// begin waits until the database answers, and makes sure that it knows this node as it is.
func (m *member) begin(ctx context.Context) error {
	for {
		err := m.db.Update(ctx, m.appear)
		for _, g := range groups() {
			if err == nil {
				err = m.db.txns.EndAll(ctx, g, m.db.mine)
			}
		}
		switch {
		case err == nil:
			m.db.later(m.db.forgetSessions) // groups that have no majority now do not hold up the start
			return nil
		case !errors.Is(err, ErrNoQuorum) && !errors.Is(err, ErrUnknown) && !errors.Is(err, ErrConflict), ctx.Err() != nil:
			return err
		}
		if err := m.otherDatabase(); err != nil {
			return err
		}
	}
}

// otherDatabase is the reason why nobody answers, if it is that others serve another database.
func (m *member) otherDatabase() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, cluster := range m.strangers {
		return fmt.Errorf("%w: %s has %s, the folder %s has %s", ErrOtherDatabase, name, databaseName(cluster), m.options.Dir, databaseName(m.cluster))
	}
	return nil
}

// run runs f in a goroutine that stop waits for; not at all once the database is being closed.
func (m *member) run(f func(ctx context.Context)) {
	m.starting.Lock()
	defer m.starting.Unlock()
	if m.ctx.Err() != nil {
		return
	}
	m.work.Add(1)
	go func() {
		defer m.work.Done()
		f(m.ctx)
	}()
}

// stop hands over what is led here, as far as somebody takes it at once, and ends all but the host.
func (m *member) stop() {
	select {
	case <-m.ready:
		m.handOver()
	default:
	}
	m.starting.Lock()
	m.cancel()
	m.starting.Unlock()
	for _, t := range slices.Backward(m.trees) {
		_ = supervisor.Stop(m.node.Context(context.Background()), t, banyan.ErrShutdown) // gone already with a node that was stopped
	}
	m.work.Wait()
	m.dropViews(0)
}
