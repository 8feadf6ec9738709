// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/db/internal/lease"
	"github.com/banyan-go/banyan/db/internal/tenure"
	"github.com/banyan-go/banyan/db/internal/txn"
)

var (
	// ErrNameTaken: another process holds the name. The error is a *NameTakenError, which says who.
	ErrNameTaken = errors.New("the name is taken")
	// ErrNoName: nobody holds the name. It is banyan.ErrNoProcess as well, in what sends and calls return.
	ErrNoName = errors.New("nobody holds the name")
	// ErrNotHere: a name can be given to processes of the own node only, since it is held by the node's lease. Register it there.
	ErrNotHere = errors.New("the process is of another node")
	// ErrStale: a token of the past: the name has, or may have, another holder. Who presents it must stop what it does in the name's name.
	ErrStale = errors.New("the token is no longer valid")
)

// namePatience bounds how long Register and the like wait for a majority.
const namePatience = 1800 * time.Millisecond

// NameTakenError is ErrNameTaken with the holder.
type NameTakenError struct {
	Name   string
	Holder NameHolder
}

// Error implements error.
func (e *NameTakenError) Error() string {
	return fmt.Sprintf("db: name %q: %v, by %v", e.Name, ErrNameTaken, e.Holder.PID)
}

// Is makes it an ErrNameTaken.
func (e *NameTakenError) Is(target error) bool { return target == ErrNameTaken }

// NameHolder is who holds a name, and by which grant.
type NameHolder struct {
	PID   banyan.PID
	Token uint64
}

// Names are names that at most one process holds, whatever fails: rows of the database, held by the lease of the holder's node. They
// cost what a transaction costs, and are for what must not exist twice. All nodes see the same names; package global's are others, which Erlang nodes see
// too, and which two processes may have while the cluster is split.
type Names struct {
	db    *DB
	node  *banyan.Node
	l     *tenure.Keeper
	guard banyan.Ref[*nameGuard]

	mu   sync.Mutex
	held map[banyan.PID]map[*holding]bool
	// freeing are grants that are to be taken back: name to grant.
	freeing map[string]uint64
	kick    chan struct{}
	ctx     context.Context
	cancel  context.CancelFunc
	work    sync.WaitGroup
	forget  func()
}

// StartNames makes a node of this program take part in the names of a database. With a database that Start gave, it is the same node. Close it before
// the database.
func StartNames(d *DB, node *banyan.Node) (*Names, error) {
	if d.member != nil && d.member.node != node {
		return nil, fmt.Errorf("db: names: the database is of node %s, not of %s", d.member.node.Name(), node.Name())
	}
	l, err := d.lease(string(node.Name()), node.Logger())
	if err != nil {
		return nil, err
	}
	n := &Names{db: d, node: node, l: l, held: map[banyan.PID]map[*holding]bool{}, freeing: map[string]uint64{}, kick: make(chan struct{}, 1)}
	if n.guard, err = banyan.SpawnState(node, &nameGuard{n, map[banyan.PID]bool{}}); err != nil {
		return nil, fmt.Errorf("db: names: %w", err)
	}
	if !l.OnLapse(n.lapse) {
		_ = banyan.SendExit(node.Context(context.Background()), n.guard.PID(), banyan.ErrShutdown)
		return nil, errors.New("db: names: they are started on this node already")
	}
	n.ctx, n.cancel = context.WithCancel(node.Context(context.Background()))
	n.work.Go(n.release)
	n.forget = d.OnDown(func([]Down) { n.nudge() })
	return n, nil
}

// Close gives all names back that are held here, and ends the part that this node has in them. Their tokens are not valid from then on.
func (n *Names) Close() {
	if !n.l.OnLapse(nil) {
		return
	}
	n.forget()
	n.drop(func(*holding) bool { return true })
	n.cancel()
	n.work.Wait()
	_ = banyan.SendExit(n.node.Context(context.Background()), n.guard.PID(), banyan.ErrShutdown)
	ctx, cancel := context.WithTimeout(context.Background(), tenure.Farewell)
	defer cancel()
	n.free(ctx) // what is not freed now ends with the node's life
}

// Register gives a process of this node a name, if nobody holds it. At most one process of all nodes holds it at any time: as long as its Token is
// valid, nobody else has a valid one. The name is free again when the process ends, when Unregister is called, and when the node's life is over.
//
// Errors: a *NameTakenError; ErrNoQuorum within 2 s when no majority can be reached: the name is not held then; ErrNotHere; banyan.ErrNoProcess; ErrClosed, ErrDead.
func (n *Names) Register(ctx context.Context, name string, pid banyan.PID) (Token, error) {
	t, err := n.register(ctx, name, pid)
	var taken *NameTakenError
	if err != nil && !errors.As(err, &taken) {
		err = fmt.Errorf("db: name %q: %w", name, err)
	}
	return t, err
}

func (n *Names) register(ctx context.Context, name string, pid banyan.PID) (Token, error) {
	if pid.Node != n.node.Name() {
		return Token{}, ErrNotHere
	}
	ctx, cancel := context.WithTimeout(ctx, namePatience)
	defer cancel()
	life, term, err := n.lease(ctx)
	if err != nil {
		return Token{}, err
	}
	if err := n.watch(ctx, pid); err != nil {
		return Token{}, err
	}
	row := nameRow{Node: life.Node, Inc: life.Inc, PID: pid, Grant: rand.Uint64() | 1}
	var last *Tx
	err = n.db.Update(ctx, func(tx *Tx) error {
		last = tx
		mine, err := livesTable.Get(tx, life.Node)
		if err != nil {
			return err
		}
		if mine.State != tenure.Up || mine.Inc != life.Inc {
			return ErrNoQuorum // this node is over, and has not heard of it
		}
		switch holder, taken, err := n.holder(tx, name); {
		case err != nil:
			return err
		case taken && holder.Grant != row.Grant:
			return &NameTakenError{name, NameHolder{holder.PID, holder.version}}
		}
		return namesTable.Put(tx, name, row)
	})
	if err != nil {
		if errors.Is(err, ErrUnknown) {
			n.takeBack(name, row.Grant)
			err = fmt.Errorf("%w: %w", ErrNoQuorum, err)
		}
		return Token{}, err
	}
	h := &holding{l: n.l, name: name, pid: pid, grant: row.Grant, token: last.version, term: term, done: make(chan struct{})}
	n.mu.Lock()
	if n.held[pid] == nil {
		n.held[pid] = map[*holding]bool{}
	}
	n.held[pid][h] = true
	n.mu.Unlock()
	if _, alive := n.node.Info(pid); !alive { // the guard may have heard of that before we were in its list
		n.drop(func(x *holding) bool { return x == h })
		return Token{}, banyan.ErrNoProcess
	}
	if t := (Token{h}); t.Valid() {
		return t, nil
	}
	n.drop(func(x *holding) bool { return x == h })
	return Token{}, fmt.Errorf("%w: the node's lease ended meanwhile", ErrNoQuorum)
}

// watch has the guard hear of a process's end. It does already of one that holds something.
func (n *Names) watch(ctx context.Context, pid banyan.PID) error {
	n.mu.Lock()
	watched := len(n.held[pid]) > 0
	n.mu.Unlock()
	if watched {
		return nil
	}
	alive, err := banyan.Call(n.node.Context(ctx), n.guard, guardCall{pid})
	if err == nil && !alive {
		err = banyan.ErrNoProcess
	}
	return err
}

// holder reads who holds a name. A row of a life that is over holds nothing.
func (n *Names) holder(tx *Tx, name string) (r cachedName, held bool, err error) {
	row, ok, err := namesTable.Lookup(tx, name)
	if err != nil || !ok {
		return r, false, err
	}
	l, err := livesTable.Get(tx, row.Node)
	return cachedName{row, tx.versionRead(namesTable.at(name))}, err == nil && l.Inc == row.Inc && l.State == tenure.Up, err
}

// Unregister gives a name back that a process of this node holds. Its token is not valid from the moment of the call. That nobody here holds it is ErrNoName.
// When ctx, or 2 s, end first, the name is given back later.
func (n *Names) Unregister(ctx context.Context, name string) error {
	if len(n.drop(func(h *holding) bool { return h.name == name })) == 0 {
		return fmt.Errorf("db: name %q: %w", name, ErrNoName)
	}
	ctx, cancel := context.WithTimeout(ctx, namePatience)
	defer cancel()
	n.free(ctx)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.freeing[name] != 0 {
		return fmt.Errorf("db: name %q: it is not given back yet: %w", name, ErrNoQuorum)
	}
	return nil
}

// WhereIs finds the holder of a name in what this node has applied: it may be out of date by as much as this node's replica is, and who is found by it may no longer
// hold the name. It takes no transaction.
func (n *Names) WhereIs(name string) (NameHolder, bool) {
	r, ok := n.db.names.find(name)
	if !ok {
		return NameHolder{}, false
	}
	if n.l.Page().Over(r.life()) {
		return NameHolder{}, false
	}
	return NameHolder{r.PID, r.version}, true
}

// WhereIsStrict is WhereIs as of a moment between the call and the return, whoever has heard of it so far. ErrNoName if nobody holds the name; ErrNoQuorum
// within 2 s.
func (n *Names) WhereIsStrict(ctx context.Context, name string) (NameHolder, error) {
	ctx, cancel := context.WithTimeout(ctx, namePatience)
	defer cancel()
	var h NameHolder
	err := n.db.View(ctx, func(tx *Tx) error {
		r, held, err := n.holder(tx, name)
		if err == nil && !held {
			err = ErrNoName
		}
		h = NameHolder{r.PID, r.version}
		return err
	})
	if err != nil {
		return NameHolder{}, fmt.Errorf("db: name %q: %w", name, err)
	}
	return h, nil
}

// Check makes a transaction depend on it that a token is the name's newest: if the name has got another holder until the transaction commits, nothing is
// written. It is how a holder writes to the database: ErrStale if it is none any more.
func (n *Names) Check(tx *Tx, name string, token uint64) error {
	r, held, err := n.holder(tx, name)
	if err == nil && (!held || r.version != token) {
		err = fmt.Errorf("db: name %q, token %d: %w", name, token, ErrStale)
	}
	return err
}

// lease waits for the node's lease.
func (n *Names) lease(ctx context.Context) (life lease.Life, term uint64, err error) {
	switch life, term, err = n.l.Wait(ctx); {
	case errors.Is(err, tenure.ErrStopped):
		err = ErrClosed
	case err != nil:
		err = fmt.Errorf("%w: %w", ErrNoQuorum, err)
	}
	return life, term, err
}

// lapse voids what was held in terms that have ended.
func (n *Names) lapse() {
	n.drop(func(h *holding) bool { return !n.l.Valid(h.term) })
}

// drop voids holdings, and has their names given back.
func (n *Names) drop(which func(*holding) bool) (dropped []*holding) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for pid, set := range n.held {
		for h := range set {
			if which(h) {
				h.end()
				delete(set, h)
				n.freeing[h.name] = h.grant
				dropped = append(dropped, h)
			}
		}
		if len(set) == 0 {
			delete(n.held, pid)
		}
	}
	if len(dropped) > 0 {
		n.nudge()
	}
	return dropped
}

// ended drops what a process held.
func (n *Names) ended(pid banyan.PID) {
	n.mu.Lock()
	for h := range n.held[pid] {
		h.end()
		n.freeing[h.name] = h.grant
	}
	delete(n.held, pid)
	n.mu.Unlock()
	n.nudge()
}

func (n *Names) takeBack(name string, grant uint64) {
	n.mu.Lock()
	n.freeing[name] = grant
	n.mu.Unlock()
	n.nudge()
}

func (n *Names) nudge() {
	select {
	case n.kick <- struct{}{}:
	default:
	}
}

// release is the goroutine that gives names back: those that were dropped here, and, where the meta group is led, those of lives that are over.
func (n *Names) release() {
	for {
		retry := time.NewTimer(time.Second)
		select {
		case <-n.ctx.Done():
			retry.Stop()
			return
		case <-n.kick:
		case <-retry.C:
		}
		retry.Stop()
		n.free(n.ctx)
		if st, ok := n.db.host.Status(txn.MetaGroup); ok && st.Leading {
			n.sweep()
		}
	}
}

// batch is how many names one transaction gives back.
const batch = 64

// free gives back what is to be given back.
func (n *Names) free(ctx context.Context) {
	for {
		some := map[string]uint64{}
		n.mu.Lock()
		for name, grant := range n.freeing {
			if some[name] = grant; len(some) == batch {
				break
			}
		}
		n.mu.Unlock()
		if len(some) == 0 {
			return
		}
		err := n.db.Update(ctx, func(tx *Tx) error {
			for name, grant := range some {
				r, ok, err := namesTable.Lookup(tx, name)
				if err == nil && ok && r.Grant == grant {
					err = namesTable.Delete(tx, name)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return // it is tried again
		}
		n.mu.Lock()
		for name, grant := range some {
			if n.freeing[name] == grant {
				delete(n.freeing, name)
			}
		}
		n.mu.Unlock()
	}
}

// sweep removes the rows of lives that are over. They hold nothing; this only keeps the table small.
func (n *Names) sweep() {
	page := n.l.Page()
	if page == nil {
		return
	}
	names := n.db.names.of(page.Over)
	for len(names) > 0 {
		some := names[:min(batch, len(names))]
		names = names[len(some):]
		err := n.db.Update(n.ctx, func(tx *Tx) error {
			for _, name := range some {
				if _, held, err := n.holder(tx, name); err != nil {
					return err
				} else if held {
					continue
				}
				if err := namesTable.Delete(tx, name); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return // it is tried again
		}
	}
}
