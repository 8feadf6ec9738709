// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist/internal/frame"
	"github.com/banyan-go/banyan/dist/internal/handshake"
	"github.com/banyan-go/banyan/etf"
)

// Every operation arrives as it was sent.
func TestSignals(t *testing.T) {
	_, _, a, b, ab, ba := connected(t, newMemory(), nil)
	if ab.Node() != "b@h" || ba.Node() != "a@h" || ab.Creation() != b.creation {
		t.Fatal(ab.Node(), ba.Node(), ab.Creation())
	}
	pa, pb, ref := a.pid(7), b.pid(math.MaxUint32), a.ref(5)
	term := &banyan.TermError{Term: etf.Tuple{etf.Atom("badmatch"), 1}}
	for _, s := range []banyan.Signal{
		{Op: banyan.OpSend, From: pa, To: pb, Body: banyan.Body{Value: etf.Tuple{etf.Atom("hi"), 1}}},
		{Op: banyan.OpSend, To: pb, Body: banyan.Body{Value: 5}},
		{Op: banyan.OpSendName, From: pa, Name: "stock", Body: banyan.Body{Value: []byte("x")}},
		{Op: banyan.OpSendAlias, From: pa, Ref: b.ref(8), Body: banyan.Body{Value: etf.List{1, 2}}},
		{Op: banyan.OpLink, From: pa, To: pb},
		{Op: banyan.OpUnlink, From: pa, To: pb, ID: math.MaxUint64},
		{Op: banyan.OpUnlinkAck, From: pa, To: pb, ID: 1},
		{Op: banyan.OpExit, From: pa, To: pb, Reason: banyan.ErrKilled},
		{Op: banyan.OpExit, From: pa, To: pb, Reason: term},
		{Op: banyan.OpExit2, From: pa, To: pb, Reason: banyan.ErrKill},
		{Op: banyan.OpMonitor, From: pa, To: pb, Ref: ref},
		{Op: banyan.OpMonitor, From: pa, Name: "stock", Ref: ref},
		{Op: banyan.OpDemonitor, From: pa, Name: "stock", Ref: ref},
		{Op: banyan.OpDemonitor, From: pa, To: pb, Ref: ref},
		{Op: banyan.OpDown, From: pa, To: pb, Ref: ref, Reason: banyan.ErrNoProcess},
		{Op: banyan.OpDown, Name: "stock", To: pb, Ref: ref, Reason: banyan.ErrShutdown},
		{Op: banyan.OpSpawn, From: pa, Ref: ref, Spawn: &banyan.SpawnRequest{GroupLeader: pa, Module: "m", Function: "f", Args: []any{1, etf.Atom("x")}, Link: true, Monitor: true}},
		{Op: banyan.OpSpawn, From: pa, Ref: ref, Spawn: &banyan.SpawnRequest{GroupLeader: pa, Module: "m", Function: "f", Args: []any{1, 2}}},
		{Op: banyan.OpSpawnReply, Ref: ref, To: pb, Linked: true, Monitored: true, From: pa},
		{Op: banyan.OpSpawnReply, Ref: ref, To: pb, Err: "notsup"},
		{Op: banyan.OpGroupLeader, From: pa, To: pb},
	} {
		if err := ab.Send(&s); err != nil {
			t.Fatalf("%+v: %v", s, err)
		}
		got := b.next(t, "signal").signal
		if got.Spawn != nil && s.Spawn != nil {
			if !reflect.DeepEqual(*got.Spawn, *s.Spawn) {
				t.Errorf("got %+v, want %+v", *got.Spawn, *s.Spawn)
			}
			got.Spawn, s.Spawn = nil, nil
		}
		if !reflect.DeepEqual(got, s) {
			t.Errorf("got %+v, want %+v", got, s)
		}
	}
	if err := ab.Send(&banyan.Signal{Op: 99}); err == nil {
		t.Error("an unknown operation was sent")
	}
	if err := ab.Send(text(pa, pb, make(chan int))); err == nil || errors.Is(err, banyan.ErrNoConnection) {
		t.Errorf("a channel: %v", err)
	}
}

// Calls, casts and replies have Erlang's form, and replies find their call.
func TestBodies(t *testing.T) {
	ta, _, a, b, ab, ba := connected(t, newMemory(), nil)
	pa, pb, tag := a.pid(7), b.pid(8), a.ref(5)
	send := func(p banyan.Peer, s banyan.Signal) {
		t.Helper()
		if err := p.Send(&s); err != nil {
			t.Fatal(err)
		}
	}
	send(ab, banyan.Signal{Op: banyan.OpSend, From: pa, To: pb, Body: banyan.Body{Kind: banyan.BodyCall, From: pa, Tag: tag, Value: etf.Tuple{etf.Atom("add"), 5}}})
	got := b.next(t, "signal").signal.Body
	want := banyan.Body{Kind: banyan.BodyCall, From: pa, Tag: tag, Value: etf.Tuple{etf.Atom("add"), 5}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("call: %+v", got)
	}
	send(ab, banyan.Signal{Op: banyan.OpSendName, From: pa, Name: "x", Body: banyan.Body{Kind: banyan.BodyCast, Value: etf.Atom("stop")}})
	if got := b.next(t, "signal").signal.Body; got.Kind != banyan.BodyCast || got.Value != etf.Atom("stop") {
		t.Errorf("cast: %+v", got)
	}
	// Foreign tags: a bare reference, and anything.
	for _, tagTerm := range []any{tag, etf.Tuple{tag, etf.Atom("b@h")}, 17} {
		send(ab, *text(pa, pb, etf.Tuple{etf.Atom("$gen_call"), etf.Tuple{pa, tagTerm}, etf.Atom("q")}))
		got := b.next(t, "signal").signal.Body
		ref, _ := tagTerm.(banyan.Reference)
		if got.Kind != banyan.BodyCall || got.From != pa || got.Tag != ref || !etf.Equal(got.TagTerm, tagTerm) || got.Value != etf.Atom("q") {
			t.Errorf("tag %v: %+v", tagTerm, got)
		}
		send(ba, banyan.Signal{Op: banyan.OpSend, From: pb, To: pa, Body: banyan.Body{Kind: banyan.BodyReply, TagTerm: got.TagTerm, Value: 1}})
		if got := a.next(t, "signal").signal.Body; !etf.Equal(got.Value, etf.Tuple{tagTerm, 1}) {
			t.Errorf("echo of %v: %v", tagTerm, got.Value)
		}
	}
	// What only looks like a call is a message.
	for _, odd := range []any{etf.Tuple{etf.Atom("$gen_call"), etf.Tuple{1, tag}, 2}, etf.Tuple{etf.Atom("$gen_call"), 1, 2},
		etf.Tuple{etf.Atom("$gen_cast"), 1, 2}, etf.Tuple{}, etf.Tuple{b.ref(1), 2}, etf.Tuple{etf.List{1}, 2}, etf.Tuple{etf.Tuple{}, 2}} {
		send(ab, *text(pa, pb, odd))
		if got := b.next(t, "signal").signal.Body; got.Kind != banyan.BodyTerm || !etf.Equal(got.Value, odd) {
			t.Errorf("%v became %+v", odd, got)
		}
	}
	reply := func(v any, err error, op banyan.Op, typ reflect.Type) event {
		t.Helper()
		a.mu.Lock()
		a.pending[tag] = typ
		a.mu.Unlock()
		s := banyan.Signal{Op: op, From: pb, Body: banyan.Body{Kind: banyan.BodyReply, Tag: tag, Value: v, Err: err}}
		if op == banyan.OpSendAlias {
			s.Ref = tag
		} else {
			s.To = pa
		}
		send(ba, s)
		return a.next(t, "complete")
	}
	for _, op := range []banyan.Op{banyan.OpSend, banyan.OpSendAlias} {
		if e := reply(42, nil, op, reflect.TypeFor[int]()); e.err != nil || *e.value.(*int) != 42 {
			t.Errorf("%+v", e)
		}
		if e := reply(etf.Tuple{1, 2}, nil, op, reflect.TypeFor[any]()); e.err != nil || !etf.Equal(*e.value.(*any), etf.Tuple{1, 2}) {
			t.Errorf("%+v", e)
		}
		if e := reply(nil, fmt.Errorf("shelf: %w", banyan.ErrMailboxFull), op, reflect.TypeFor[int]()); !errors.Is(e.err, banyan.ErrMailboxFull) || e.err.Error() != "shelf: mailbox full" {
			t.Errorf("%+v", e)
		}
		if e := reply("no number", nil, op, reflect.TypeFor[int]()); e.err == nil || !strings.Contains(e.err.Error(), "decoded") {
			t.Errorf("%+v", e)
		}
	}
	// Too late: dropped, counted, the link lives.
	send(ba, banyan.Signal{Op: banyan.OpSend, From: pb, To: pa, Body: banyan.Body{Kind: banyan.BodyReply, Tag: tag, Value: 1}})
	send(ba, *text(pb, pa, etf.Atom("still there")))
	if e := a.next(t, "signal"); e.signal.Body.Value != etf.Atom("still there") {
		t.Errorf("%+v", e)
	}
	if st := ta.Stats(); st.Late != 1 || st.Undecodable != 2 || st.Links != 1 {
		t.Errorf("%+v", st)
	}
}

// A ping is answered without any process.
func TestNetKernel(t *testing.T) {
	_, _, a, b, ab, _ := connected(t, newMemory(), nil)
	pa, tag := a.pid(7), a.ref(5)
	a.pending[tag] = reflect.TypeFor[any]()
	for _, s := range []banyan.Signal{
		{Op: banyan.OpMonitor, From: pa, Name: "net_kernel", Ref: tag},
		{Op: banyan.OpSendName, From: pa, Name: "net_kernel", Body: banyan.Body{Kind: banyan.BodyCall, From: pa, Tag: tag, Value: etf.Tuple{etf.Atom("is_auth"), etf.Atom("a@h")}}},
		{Op: banyan.OpDemonitor, From: pa, Name: "net_kernel", Ref: tag},
	} {
		if err := ab.Send(&s); err != nil {
			t.Fatal(err)
		}
	}
	if e := a.next(t, "complete"); e.err != nil || *e.value.(*any) != etf.Atom("yes") {
		t.Errorf("%+v", e)
	}
	b.quiet(t)
}

// Large messages come whole; one sender's order holds; other senders are not held up.
func TestFragments(t *testing.T) {
	_, _, a, b, ab, _ := connected(t, newMemory(), nil)
	big := []byte(strings.Repeat("0123456789", 100_000))
	const senders = 5
	for round := range 3 {
		for i := range senders {
			from := a.pid(uint32(100 + i))
			for {
				err := ab.Send(text(from, b.pid(1), etf.Tuple{i, 2 * round, big}))
				if err == nil {
					break
				}
				wait(t, ab, err)
			}
			for ab.Send(text(from, b.pid(1), etf.Tuple{i, 2*round + 1, etf.Atom("behind it")})) != nil {
				wait(t, ab, banyan.ErrLinkFull)
			}
		}
	}
	var next [senders]int
	for range 3 * senders * 2 {
		v := b.next(t, "signal").signal.Body.Value.(etf.Tuple)
		i := v[0].(int)
		if v[1] != next[i] {
			t.Fatalf("sender %d: message %v, want %d", i, v[1], next[i])
		}
		next[i]++
		if body, ok := v[2].([]byte); ok && string(body) != string(big) {
			t.Fatal("the message was changed")
		}
	}
	b.quiet(t)
}

// wait waits for room after ErrLinkFull.
func wait(t testing.TB, p banyan.Peer, err error) {
	t.Helper()
	if !errors.Is(err, banyan.ErrLinkFull) {
		t.Fatal(err)
	}
	c := make(chan struct{})
	p.OnRoom(func() { close(c) })
	<-c
}

// heldUp is a connection whose writes can be held up.
type heldUp struct {
	net.Conn
	mu sync.Mutex // a write needs it
}

func (g *heldUp) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.Conn.Write(b)
}

// A DOWN whose sender is not named goes behind everything that may have been sent before it. Others' messages need not wait for
// that. The writer is held up, for else it may be through with the large message before the others are sent.
func TestLateSignals(t *testing.T) {
	m := newMemory()
	var g *heldUp
	m.dialled = func(c net.Conn) net.Conn {
		g = &heldUp{Conn: c}
		return g
	}
	_, _, a, b, ab, _ := connected(t, m, nil)
	big := make([]byte, 2*piecesPerWrite*frame.PieceSize)
	g.mu.Lock()
	ab.Send(text(a.pid(1), b.pid(1), big))
	ab.Send(&banyan.Signal{Op: banyan.OpDown, Name: "x", To: b.pid(1), Ref: b.ref(1), Reason: banyan.ErrKilled})
	ab.Send(text(a.pid(2), b.pid(1), 1))
	g.mu.Unlock()
	var got []any
	for range 3 {
		s := b.next(t, "signal").signal
		switch v := s.Body.Value.(type) {
		case nil:
			got = append(got, s.Op)
		case []byte:
			got = append(got, len(v))
		default:
			got = append(got, v)
		}
	}
	if want := []any{1, len(big), banyan.OpDown}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// What is larger than MaxMessage is refused here, and not sent for the peer to cut the link.
func TestTooLarge(t *testing.T) {
	_, _, a, b, ab, _ := connected(t, newMemory(), func(c *Config) { c.MaxMessage = 100_000 })
	if err := ab.Send(text(a.pid(1), b.pid(1), make([]byte, 100_001))); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	if err := ab.Send(text(a.pid(1), b.pid(1), make([]byte, 99_000))); err != nil {
		t.Error(err)
	}
	b.next(t, "signal")
}

// Many atoms, far more than the cache holds.
func TestManyAtoms(t *testing.T) {
	_, _, a, b, ab, _ := connected(t, newMemory(), nil)
	for i := range 3000 {
		v := etf.List{etf.Atom(fmt.Sprintf("atom_%d", i)), etf.Atom(fmt.Sprintf("atom_%d", i/2)), etf.Atom("ok")}
		for j := range i % 300 {
			v = append(v, etf.Atom(fmt.Sprintf("x%d", j*7)))
		}
		for {
			err := ab.Send(text(a.pid(1), b.pid(1), v))
			if err == nil {
				break
			}
			wait(t, ab, err)
		}
		if i%50 == 0 {
			for range min(i, 49) + 1 {
				got := b.next(t, "signal").signal.Body.Value.(etf.List)
				if i == 0 && !etf.Equal(got, v) {
					t.Fatal(got)
				}
			}
		}
	}
}

// A peer that agreed neither to the atom cache nor to fragments gets whole terms in whole frames, and may send such.
func TestPassThrough(t *testing.T) {
	m := newMemory()
	_, b := begin(t, m, "b@h", nil)
	c := dialRaw(t, m, "b")
	side := rawSide("raw@h", "monster")
	side.Flags &^= handshake.DistHdrAtomCache | handshake.Fragments
	if _, err := shake(c, side, "b@h", true); err != nil {
		t.Fatal(err)
	}
	ba := b.next(t, "up").peer
	raw := banyan.PID{Node: "raw@h", ID: 1, Creation: 5}
	big := make([]byte, 300_000)
	if err := ba.Send(text(b.pid(1), raw, big)); err != nil {
		t.Fatal(err)
	}
	head := make([]byte, 4)
	io.ReadFull(c, head)
	body := make([]byte, binary.BigEndian.Uint32(head))
	if _, err := io.ReadFull(c, body); err != nil || body[0] != frame.PassThrough {
		t.Fatal(err)
	}
	var d etf.Decoder
	d.Reset(body[1:], nil, etf.Limits{})
	var got []any
	for range 2 {
		if err := d.Version(); err != nil {
			t.Fatal(err)
		}
		v, err := d.Term()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, v)
	}
	if d.Len() != 0 || !etf.Equal(got[0], etf.Tuple{22, b.pid(1), raw}) || !etf.Equal(got[1], big) {
		t.Error("not what was sent")
	}
	go c.Write(framed([]byte{112, 131}, terms(etf.Tuple{22, raw, b.pid(1)}), []byte{131}, terms("hello")))
	if s := b.next(t, "signal").signal; s.From != raw || string(s.Body.Value.([]byte)) != "hello" {
		t.Errorf("%+v", s)
	}
	go c.Write(framed(noAtoms, terms(etf.Tuple{22, raw, b.pid(1)}, 1)))
	b.next(t, "down")
}

// Close leaves no goroutine behind, and says everything that was sent before.
func TestCloseWaits(t *testing.T) {
	before := runtime.NumGoroutine()
	m := newMemory()
	cfg := Config{Cookie: "c", Network: m, Names: m}
	ta, tb, a, b := New(cfg), New(cfg), newFakePort("a@h"), newFakePort("b@h")
	if err := errors.Join(ta.start(t.Context(), a), tb.start(t.Context(), b)); err != nil {
		t.Fatal(err)
	}
	ab, err := ta.Peer(t.Context(), "b@h")
	if err != nil {
		t.Fatal(err)
	}
	const n = 1000
	for i := range n {
		if err := ab.Send(text(a.pid(1), b.pid(1), i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(ta.Close(t.Context()), ta.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	a.next(t, "up")
	a.next(t, "down")
	b.next(t, "up")
	for i := range n {
		if v := b.next(t, "signal").signal.Body.Value; v != i {
			t.Fatal(i, v)
		}
	}
	b.next(t, "down")
	if err := tb.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := ta.Peer(t.Context(), "b@h"); !errors.Is(err, banyan.ErrNoConnection) {
		t.Error(err)
	}
	for start := time.Now(); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Since(start) > 5*time.Second {
			t.Fatalf("%d goroutines before, %d after", before, runtime.NumGoroutine())
		}
	}
}

// Small messages of flat types cost no allocation to send.
func TestSendDoesNotAllocate(t *testing.T) {
	_, _, a, b, ab, _ := connected(t, newMemory(), nil)
	b.deliver = func(banyan.Peer, *banyan.Signal) {}
	s := text(a.pid(1), b.pid(1), etf.Atom("tick"))
	for range 100 {
		push(t, ab, s)
	}
	total := 0.0
	for range 5 { // the receiver, which allocates a little, runs in the same program
		total += testing.AllocsPerRun(20, func() { ab.Send(s) })
	}
	if total/5 > 4 {
		t.Errorf("%v allocations a message, sent and received", total/5)
	}
}

// With polling all is as without.
func TestPolling(t *testing.T) {
	var pa, pb *fakePort
	pa, pb, ab, _ := tcpPair(t, func(c *Config) { c.PollTime = 100 * time.Microsecond }, nil)
	pb.deliver = func(p banyan.Peer, s *banyan.Signal) { p.Send(text(pb.pid(1), pa.pid(1), s.Body.Value)) }
	for i := range 500 {
		if err := ab.Send(text(pa.pid(1), pb.pid(1), i)); err != nil {
			t.Fatal(err)
		}
		if v := pa.next(t, "signal").signal.Body.Value; v != i {
			t.Fatal(v)
		}
	}
	ab.Disconnect(nil)
	pa.next(t, "down")
	if e := pb.next(t, "down"); !errors.Is(e.err, errClosed) {
		t.Error(e.err)
	}
}
