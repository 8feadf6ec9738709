// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
)

// memory is a Network and the Names of it, within the program.
type memory struct {
	mu        sync.Mutex
	listeners map[string]*memListener
	names     map[string]uint16
	next      int
	dialled   func(net.Conn) net.Conn // wraps the dialler's end, may be nil
}

func newMemory() *memory {
	return &memory{listeners: make(map[string]*memListener), names: make(map[string]uint16)}
}

// localNames is the Names of a memory for real connections on loopback.
type localNames struct{ *memory }

func (l localNames) Lookup(_ context.Context, _, name string) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return fmt.Sprintf("127.0.0.1:%d", l.names[name]), nil
}

type memAddr string

func (memAddr) Network() string  { return "memory" }
func (a memAddr) String() string { return string(a) }

type memListener struct {
	m    *memory
	addr memAddr
	c    chan net.Conn
	once sync.Once
	end  chan struct{}
}

func (m *memory) Listen(string) (net.Listener, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.next++
	l := &memListener{m: m, addr: memAddr(fmt.Sprintf("h:%d", m.next)), c: make(chan net.Conn), end: make(chan struct{})}
	m.listeners[string(l.addr)] = l
	return l, nil
}

func (m *memory) Dial(ctx context.Context, addr string) (net.Conn, error) {
	m.mu.Lock()
	l, wrap := m.listeners[addr], m.dialled
	m.mu.Unlock()
	if l == nil {
		return nil, errors.New("connection refused")
	}
	a, b := net.Pipe()
	select {
	case l.c <- b:
		if wrap != nil {
			a = wrap(a)
		}
		return a, nil
	case <-l.end:
		return nil, errors.New("connection refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *memListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.c:
		return c, nil
	case <-l.end:
		return nil, net.ErrClosed
	}
}

func (l *memListener) Addr() net.Addr { return l.addr }

func (l *memListener) Close() error {
	l.once.Do(func() {
		close(l.end)
		l.m.mu.Lock()
		delete(l.m.listeners, string(l.addr))
		l.m.mu.Unlock()
	})
	return nil
}

func (m *memory) Register(_ context.Context, name string, port uint16, _ bool) (uint32, func(), error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, taken := m.names[name]; taken {
		return 0, nil, errors.New("name taken")
	}
	m.names[name] = port
	return 9, func() {
		m.mu.Lock()
		delete(m.names, name)
		m.mu.Unlock()
	}, nil
}

func (m *memory) Lookup(_ context.Context, host, name string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.names[name]
	if !ok {
		return "", errors.New("no such node")
	}
	return fmt.Sprintf("h:%d", p), nil
}

// event is what a fakePort was told.
type event struct {
	what   string // up, down, signal, complete
	peer   banyan.Peer
	signal banyan.Signal
	err    error
	value  any
	load   banyan.Load
}

// fakePort stands for a node.
type fakePort struct {
	name     banyan.Atom
	creation uint32
	events   chan *event                           // of pointers, since there is room for many
	deliver  func(p banyan.Peer, s *banyan.Signal) // if set, instead of events
	log      *slog.Logger

	mu      sync.Mutex
	pending map[banyan.Reference]reflect.Type
}

func newFakePort(name banyan.Atom) *fakePort { return newFakePortOf(name, 100000) }

// newFakePortOf has room for so many events.
func newFakePortOf(name banyan.Atom, room int) *fakePort {
	return &fakePort{name: name, creation: 1000, events: make(chan *event, room), log: slog.New(slog.DiscardHandler),
		pending: make(map[banyan.Reference]reflect.Type)}
}

func (f *fakePort) Name() banyan.Atom { return f.name }
func (f *fakePort) Creation() uint32  { return f.creation }
func (f *fakePort) Up(p banyan.Peer)  { f.events <- &event{what: "up", peer: p} }
func (f *fakePort) Down(p banyan.Peer, reason error) {
	f.events <- &event{what: "down", peer: p, err: reason}
}
func (f *fakePort) Target(*banyan.Signal) *banyan.Target             { return nil }
func (f *fakePort) SpawnArgs(*banyan.SpawnRequest) *banyan.SpawnArgs { return nil }
func (f *fakePort) Logger() *slog.Logger                             { return f.log }
func (f *fakePort) Deliver(p banyan.Peer, s *banyan.Signal) {
	if f.deliver != nil {
		f.deliver(p, s)
		return
	}
	f.events <- &event{what: "signal", peer: p, signal: *s}
}

func (f *fakePort) PendingReply(ref banyan.Reference) (banyan.ReplyType, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	typ, ok := f.pending[ref]
	delete(f.pending, ref)
	return banyan.ReplyType{Type: typ}, ok
}

func (f *fakePort) Complete(rt banyan.ReplyType, v any, err error) {
	f.events <- &event{what: "complete", value: v, err: err, load: rt.Load}
}

func (f *fakePort) pid(id uint32) banyan.PID {
	return banyan.PID{Node: f.name, ID: id, Creation: f.creation}
}

func (f *fakePort) ref(w uint32) banyan.Reference {
	return banyan.Reference{Node: f.name, Creation: f.creation, Len: 3, Words: [5]uint32{w, 2, 3}}
}

// next waits for the next event, which must be of that kind.
func (f *fakePort) next(t testing.TB, what string) event {
	t.Helper()
	select {
	case e := <-f.events:
		if e.what != what {
			t.Fatalf("%s: want %s, got %s: %+v %v", f.name, what, e.what, e.signal, e.err)
		}
		return *e
	case <-time.After(20 * time.Second):
		t.Fatalf("%s: nothing came, want %s", f.name, what)
	}
	panic("unreachable")
}

// quiet checks that nothing was told.
func (f *fakePort) quiet(t testing.TB) {
	t.Helper()
	select {
	case e := <-f.events:
		t.Fatalf("%s: unexpected %s: %+v %v", f.name, e.what, e.signal, e.err)
	default:
	}
}

// begin starts a transport for a fake port; change may alter its configuration.
func begin(t testing.TB, m *memory, name banyan.Atom, change func(*Config)) (*Transport, *fakePort) {
	t.Helper()
	cfg := Config{Cookie: "monster", Network: m, Names: m}
	if m == nil {
		cfg.Network, cfg.Names = nil, nil
	}
	if change != nil {
		change(&cfg)
	}
	tr, p := New(cfg), newFakePort(name)
	if err := tr.start(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := tr.Close(ctx); err != nil {
			t.Error(name, err)
		}
	})
	return tr, p
}

// connected makes two nodes with a link.
func connected(t testing.TB, m *memory, change func(*Config)) (ta, tb *Transport, a, b *fakePort, ab, ba banyan.Peer) {
	t.Helper()
	ta, a = begin(t, m, "a@h", change)
	tb, b = begin(t, m, "b@h", change)
	ab, err := ta.Peer(t.Context(), "b@h")
	if err != nil {
		t.Fatal(err)
	}
	a.next(t, "up")
	ba = b.next(t, "up").peer
	return
}

func text(from, to banyan.PID, v any) *banyan.Signal {
	return &banyan.Signal{Op: banyan.OpSend, From: from, To: to, Body: banyan.Body{Value: v}}
}
