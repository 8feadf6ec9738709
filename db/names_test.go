// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
)

// waiter is a process that waits for its end.
func waiter(t *testing.T, n *banyan.Node) banyan.PID {
	t.Helper()
	pid, err := banyan.Go(n, func(self *banyan.Self) error {
		_, err := self.Receive(self.Context())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func endProcess(n *banyan.Node, pid banyan.PID) {
	_ = banyan.SendExit(n.Context(context.Background()), pid, banyan.ErrKill)
}

// names starts the names on nodes of a party.
func (p *party) strict(names ...string) map[string]*Names {
	p.t.Helper()
	m := map[string]*Names{}
	for _, name := range names {
		n, err := StartNames(p.dbs[name], p.sim.Node(name))
		if err != nil {
			p.t.Fatal(err)
		}
		m[name] = n
		p.t.Cleanup(n.Close)
	}
	return m
}

func eventually(t *testing.T, within time.Duration, what string, f func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		if time.Since(began) > within {
			t.Fatalf("not within %v: %s", within, what)
		}
		<-tick.C
	}
	return time.Since(began)
}

// TestNameOnOneNode: a database of one process has names, with tokens that rise, as long as their holders live.
func TestNameOnOneNode(t *testing.T) {
	p := newParty(t, 1, Options{})
	d, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	node := p.sim.Node("n1@sim")
	n, err := StartNames(d, node)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if _, err := StartNames(d, node); err == nil {
		t.Error("names are started twice")
	}
	ctx := t.Context()
	first, second := waiter(t, node), waiter(t, node)
	a, err := n.Register(ctx, "till", first)
	if err != nil || !a.Valid() || a.Value() == 0 {
		t.Fatalf("%v %v", a, err)
	}
	var taken *NameTakenError
	if _, err := n.Register(ctx, "till", second); !errors.As(err, &taken) || !errors.Is(err, ErrNameTaken) || taken.Holder != (NameHolder{first, a.Value()}) {
		t.Errorf("a taken name: %v", err)
	}
	if h, ok := n.WhereIs("till"); !ok || h != (NameHolder{first, a.Value()}) {
		t.Errorf("%v %v", h, ok)
	}
	if h, err := n.WhereIsStrict(ctx, "till"); err != nil || h != (NameHolder{first, a.Value()}) {
		t.Errorf("%v %v", h, err)
	}
	endProcess(node, first)
	select {
	case <-a.Done():
	case <-time.After(5 * time.Second):
		t.Fatal("the holder has ended, and its token does not know")
	}
	if a.Valid() {
		t.Error("a token outlives its process")
	}
	var b Token
	eventually(t, 5*time.Second, "the name is free again", func() bool {
		b, err = n.Register(ctx, "till", second)
		return err == nil
	})
	if b.Value() <= a.Value() {
		t.Errorf("tokens: %d, then %d", a.Value(), b.Value())
	}
	check := func(token uint64) error {
		return d.Update(ctx, func(tx *Tx) error { return n.Check(tx, "till", token) })
	}
	if err := check(b.Value()); err != nil {
		t.Error(err)
	}
	if err := check(a.Value()); !errors.Is(err, ErrStale) {
		t.Errorf("an old token in a transaction: %v", err)
	}
	if err := n.Unregister(ctx, "till"); err != nil || b.Valid() {
		t.Errorf("%v, valid %v", err, b.Valid())
	}
	if err := n.Unregister(ctx, "till"); !errors.Is(err, ErrNoName) {
		t.Errorf("unregistered twice: %v", err)
	}
	if _, err := n.WhereIsStrict(ctx, "till"); !errors.Is(err, ErrNoName) {
		t.Errorf("a name of nobody: %v", err)
	}
	if _, err := Name[*nameGuard](n, "till").Resolve(ctx); !errors.Is(err, banyan.ErrNoProcess) || !errors.Is(err, ErrNoName) {
		t.Errorf("a call to a name of nobody: %v", err)
	}
	if _, err := n.Register(ctx, "till", first); !errors.Is(err, banyan.ErrNoProcess) {
		t.Errorf("a process that has ended gets a name: %v", err)
	}
	if _, err := n.Register(ctx, "till", banyan.PID{Node: "other@sim"}); !errors.Is(err, ErrNotHere) {
		t.Errorf("a process of elsewhere: %v", err)
	}
	if (Token{}).Valid() || (Token{}).Value() != 0 {
		t.Error("no token is valid")
	}
}

// TestNamesLast: what a life held is free in the next one.
func TestNamesLast(t *testing.T) {
	p := newParty(t, 1, Options{})
	dir, node := t.TempDir(), p.sim.Node("n1@sim")
	pid := waiter(t, node)
	last := uint64(0)
	for range 3 {
		d, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		n, err := StartNames(d, node)
		if err != nil {
			t.Fatal(err)
		}
		token, err := n.Register(t.Context(), "till", pid)
		if err != nil || token.Value() <= last {
			t.Errorf("%v after %d: %v", token, last, err)
		}
		last = token.Value()
		if err := d.Close(); err != nil { // before the names
			t.Error(err)
		}
		if token.Valid() {
			t.Error("a token outlives its database")
		}
		n.Close()
	}
}

func TestFence(t *testing.T) {
	var f Fence
	for _, c := range []struct {
		name  string
		token uint64
		ok    bool
	}{{"a", 5, true}, {"a", 5, true}, {"a", 4, false}, {"b", 4, true}, {"a", 7, true}, {"a", 5, false}, {"c", 0, false}} {
		if err := f.Admit(c.name, c.token); (err == nil) != c.ok || err != nil && !errors.Is(err, ErrStale) {
			t.Errorf("%s %d: %v", c.name, c.token, err)
		}
	}
}

// TestNameOfAKilledNode: three nodes; one that is gone without a word loses its names after its lease, and no sooner.
func TestNameOfAKilledNode(t *testing.T) {
	p := newParty(t, 3, Options{})
	p.opts.Expect = sims(p.names)
	p.start(p.names...)
	p.until(20*time.Second, "three voters", p.settled("3+0", "3+0"))
	n := p.strict(p.names...)
	ctx := t.Context()
	n3 := p.sim.Node("n3@sim")
	old, err := n["n3@sim"].Register(ctx, "till", waiter(t, n3))
	if err != nil {
		t.Fatal(err)
	}
	p.until(20*time.Second, "the voters on leases are three", func() bool {
		page := p.dbs["n1@sim"].leases.Page()
		return page != nil && len(page.Conf.Lists) == 1 && len(page.Conf.Lists[0]) == 3
	})
	eventually(t, 5*time.Second, "the others know the name", func() bool { _, ok := n["n1@sim"].WhereIs("till"); return ok })
	other := waiter(t, p.sim.Node("n1@sim"))
	if _, err := n["n1@sim"].Register(ctx, "till", other); !errors.Is(err, ErrNameTaken) {
		t.Fatalf("a name of another node: %v", err)
	}
	downs := make(chan Down, 10)
	defer p.dbs["n1@sim"].OnDown(func(list []Down) {
		for _, d := range list {
			downs <- d
		}
	})()
	p.sim.Isolate("n3@sim")
	began := time.Now()
	refused := make(chan time.Duration, 1)
	go func() {
		began := time.Now()
		_, err := n["n3@sim"].Register(ctx, "other", waiter(t, n3))
		if !errors.Is(err, ErrNoQuorum) {
			t.Errorf("a name in a minority: %v", err)
		}
		refused <- time.Since(began)
	}()
	var ended time.Time // when the old holder knew
	var next Token
	for {
		if ended.IsZero() && !old.Valid() {
			ended = time.Now()
		}
		if next, err = n["n1@sim"].Register(ctx, "till", other); err == nil {
			break
		}
		if time.Since(began) > 20*time.Second {
			t.Fatalf("the name is not free: %v", err)
		}
	}
	if old.Valid() || ended.IsZero() {
		t.Fatal("two hold one name")
	}
	t.Logf("cut off: its own token ended after %v, the next holder was there after %v", ended.Sub(began), time.Since(began))
	if next.Value() <= old.Value() {
		t.Errorf("tokens: %d, then %d", old.Value(), next.Value())
	}
	if d := <-downs; d.Node != "n3@sim" || d.Left {
		t.Errorf("%+v", d)
	}
	if took := <-refused; took > 2*time.Second {
		t.Errorf("the minority refused a name after %v", took)
	}
	p.sim.HealAll()
	p.sim.Connect()
	eventually(t, 20*time.Second, "the node takes part again, in its next life", func() bool {
		_, err := n["n3@sim"].Register(ctx, "third", waiter(t, n3))
		return err == nil
	})
	if old.Valid() || !next.Valid() {
		t.Errorf("after the heal: old %v, next %v", old.Valid(), next.Valid())
	}
}

// holders records, for one name, when somebody held it.
type holders struct {
	mu   sync.Mutex
	list []held
}

type held struct {
	who      string
	token    uint64
	from, to time.Time // to: the last moment at which the token was seen to be valid
}

// follow watches a token until it is void.
func (h *holders) follow(who string, t Token) {
	x := held{who: who, token: t.Value(), from: time.Now()}
	for {
		now := time.Now()
		if !t.Valid() {
			break
		}
		x.to = now
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.list = append(h.list, x)
}

// overlap finds two that held the name at once, or in the wrong order.
func (h *holders) overlap() string {
	for i, a := range h.list {
		for _, b := range h.list[i+1:] {
			first, second := a, b
			if second.token < first.token {
				first, second = second, first
			}
			if first.token == second.token || !first.to.Before(second.from) {
				return fmt.Sprintf("%+v\n%+v", first, second)
			}
		}
	}
	return ""
}

// TestOverlapIsNoticed: the checker sees what it is there for.
func TestOverlapIsNoticed(t *testing.T) {
	at := func(ms int) time.Time { return time.Unix(0, int64(ms)*1e6) }
	if h := (&holders{list: []held{{"a", 1, at(0), at(5)}, {"b", 2, at(6), at(9)}}}); h.overlap() != "" {
		t.Error("it sees what is not there")
	}
	for _, list := range [][]held{{{"a", 1, at(0), at(7)}, {"b", 2, at(6), at(9)}}, {{"a", 2, at(0), at(5)}, {"b", 1, at(6), at(9)}}, {{"a", 1, at(0), at(5)}, {"b", 1, at(6), at(9)}}} {
		if (&holders{list: list}).overlap() == "" {
			t.Errorf("it does not see %+v", list)
		}
	}
}

// TestOneHolder: nodes that are cut off and come back compete for one name; at no moment do two have a valid token. BANYAN_NAMES is how many seconds.
func TestOneHolder(t *testing.T) {
	length := 8 * time.Second
	if s, err := time.ParseDuration(os.Getenv("BANYAN_NAMES")); err == nil {
		length = s
	}
	p := newParty(t, 3, Options{})
	p.opts.Expect = sims(p.names)
	p.start(p.names...)
	p.until(20*time.Second, "three voters", p.settled("3+0", "3+0"))
	n := p.strict(p.names...)
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	var h holders
	var wg sync.WaitGroup
	for i, name := range p.names {
		wg.Go(func() {
			node := p.sim.Node(name)
			for round := 0; ctx.Err() == nil; round++ {
				pid := waiter(t, node)
				token, err := n[name].Register(ctx, "the one", pid)
				if err != nil {
					endProcess(node, pid)
					continue
				}
				end := time.AfterFunc(time.Duration(100+37*((round+i)%20))*time.Millisecond, func() {
					if round%2 == 0 {
						endProcess(node, pid)
						return
					}
					_ = n[name].Unregister(ctx, "the one") // refused after a lapse, and then it is void anyway
				})
				h.follow(name, token)
				end.Stop()
				endProcess(node, pid)
			}
		})
	}
	for i := 0; ctx.Err() == nil; i++ {
		victim := p.names[i%3]
		pause(ctx, 500*time.Millisecond)
		p.sim.Isolate(victim)
		pause(ctx, 2200*time.Millisecond)
		p.sim.HealAll()
		p.sim.Connect()
		pause(ctx, time.Second)
	}
	wg.Wait()
	if bad := h.overlap(); bad != "" {
		t.Errorf("two holders:\n%s", bad)
	}
	by := map[string]int{}
	for _, x := range h.list {
		by[x.who]++
	}
	t.Logf("%d holders one after the other: %v", len(h.list), by)
	if len(h.list) < 5 {
		t.Error("too few to show anything")
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
