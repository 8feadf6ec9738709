// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"encoding/binary"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist/internal/frame"
	"github.com/banyan-go/banyan/dist/internal/handshake"
	"github.com/banyan-go/banyan/etf"
)

// More cases of OTP's suites, in our own words; docs/otp-suites.md lists which test stands for which.

// A handshake by hand while the node is dialling the same name: the one with the greater name dials (whitebox of
// erl_distribution_wb_SUITE, simultaneous).
func TestSimultaneousByHand(t *testing.T) {
	for name, status := range map[string]string{"a@h": "snok", "z@h": "sok_simultaneous"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				tb, b := begin(t, m, "b@h", noPoll)
				l, err := m.Listen("")
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				port, err := portOf(l.Addr())
				if err != nil {
					t.Fatal(err)
				}
				m.Register(t.Context(), name[:1], port, false)
				dialled := make(chan error, 1)
				go func() {
					_, err := tb.Peer(t.Context(), banyan.Atom(name))
					dialled <- err
				}()
				conn, err := l.Accept()
				if err != nil {
					t.Fatal(err)
				}
				theirs := &caller{t: t, c: conn}
				theirs.hear("N")
				ours := &caller{t: t, c: dialRaw(t, m, "b")}
				side := rawSide(name, "monster")
				ours.say(handshake.NewDialler(side, "b@h").Start())
				ours.hear(status)
				// The one that goes on is finished; the other is closed.
				if status == "snok" {
					if rest, err := io.ReadAll(ours.c); len(rest) > 0 {
						t.Errorf("after nok: %q %v", rest, err)
					}
					theirs.say("sok")
					theirs.say("N", handshake.Hidden, uint32(77), side.Creation, uint16(len(name)), name)
					reply := theirs.hear("r")
					if string(reply[5:]) != string(handshake.Digest("monster", 77)) {
						t.Errorf("digest %x", reply)
					}
					theirs.say("a", handshake.Digest("monster", binary.BigEndian.Uint32(reply[1:])))
				} else {
					ours.challenge = binary.BigEndian.Uint32(ours.hear("N")[9:])
					ours.say("r", uint32(9), handshake.Digest("monster", ours.challenge))
					ours.hear("a")
					if rest, err := io.ReadAll(theirs.c); len(rest) > 0 {
						t.Errorf("the attempt that was given up: %q %v", rest, err)
					}
				}
				if err := <-dialled; err != nil {
					t.Error("who waited for the link:", err)
				}
				if up := b.next(t, "up").peer; up.Node() != banyan.Atom(name) || up.Creation() != side.Creation {
					t.Error(up.Node(), up.Creation())
				}
				b.quiet(t)
			})
		})
	}
}

// The one flag that stands for the mandatory ones of OTP 25, with those of 26, is enough (dflag_mandatory_25); alone it is
// not, as Banyan wants what OTP 26 does, which OTP 25 offers too.
func TestDigestOfFlags(t *testing.T) {
	m := newMemory()
	_, b := begin(t, m, "b@h", nil)
	say := func(f handshake.Flags) *caller {
		c := &caller{t: t, c: dialRaw(t, m, "b")}
		c.say("N", f, uint32(5), uint16(5), "raw@h")
		return c
	}
	say(handshake.Mandatory25Digest).hear("snot_allowed")
	c := say(handshake.Mandatory25Digest | handshake.UnlinkID | handshake.V4NC)
	c.hear("sok")
	challenge := c.hear("N")
	c.say("r", uint32(9), handshake.Digest("monster", binary.BigEndian.Uint32(challenge[9:])))
	c.hear("a")
	b.next(t, "up")
}

// The change from messages of 2 bytes' length to frames of 4 may fall anywhere in what comes with one read (switch_options
// of erl_distribution_wb_SUITE).
func TestSwitchAtAnyByte(t *testing.T) {
	raw := banyan.PID{Node: "raw@h", ID: 1, Creation: 5}
	for cut := 1; ; cut++ {
		m := newMemory()
		_, b := begin(t, m, "b@h", noPoll)
		c := &caller{t: t, c: dialRaw(t, m, "b")}
		c.challenged()
		last := append([]byte{0, 21, 'r', 0, 0, 0, 9}, handshake.Digest("monster", c.challenge)...)
		last = append(last, 0, 0, 0, 0)
		last = append(last, framed(noAtoms, terms(etf.Tuple{22, raw, b.pid(1)}, 7))...)
		last = append(last, framed(noAtoms, terms(etf.Tuple{22, raw, b.pid(1)}, 8))...)
		if cut >= len(last) {
			return
		}
		go func() {
			c.c.Write(last[:cut])
			c.c.Write(last[cut:])
		}()
		c.hear("a")
		b.next(t, "up")
		for _, want := range []int{7, 8} {
			if s := b.next(t, "signal").signal; s.Body.Value != want {
				t.Fatalf("cut at %d: %+v, want %d", cut, s, want)
			}
		}
	}
}

// What came in pieces and was not finished when its link ended is never delivered, and what the old link held is no part of the
// next one (exit_dist_fragments, bad_dist_ext_connection_id).
func TestLinkEndsWithinAMessage(t *testing.T) {
	m := newMemory()
	_, b := begin(t, m, "b@h", noPoll)
	raw := banyan.PID{Node: "raw@h", ID: 1, Creation: 5}
	ids := func(id uint64) []byte { return binary.BigEndian.AppendUint64([]byte{0, 0, 0, 0, 0, 0, 0, 1}, id) }
	piece := func(kind byte, id uint64, rest ...[]byte) []byte {
		return framed(append([][]byte{{frame.Version, kind}, ids(id)}, rest...)...)
	}
	send, payload := terms(etf.Tuple{22, raw, b.pid(1)}), terms(etf.List{1, 2, 3})
	for range 3 {
		c := silent(t, m)
		old := b.next(t, "up").peer
		c.Write(piece(frame.FirstPiece, 3, []byte{0}, send, payload[:2]))
		c.Write(piece(frame.NextPiece, 2, payload[2:4]))
		c.Close()
		if e := b.next(t, "down"); e.peer != old {
			t.Fatal("another link")
		}
	}
	// The same sequence again, whole, over a new link.
	c := silent(t, m)
	b.next(t, "up")
	go func() {
		c.Write(piece(frame.FirstPiece, 2, []byte{0}, send, payload[:2]))
		c.Write(piece(frame.NextPiece, 1, payload[2:]))
	}()
	if s := b.next(t, "signal").signal; !etf.Equal(s.Body.Value, etf.List{1, 2, 3}) {
		t.Errorf("%+v", s.Body.Value)
	}
	b.quiet(t)
}

// Control messages without sense cut the link of who sent them, and spare the process that they are for: it has what came before, in order,
// and hears once that what it was linked to is out of reach (bad_dist_structure).
func TestBadStructureSparesTheProcess(t *testing.T) {
	m := newMemory()
	n, _ := startNode(t, "b@h", Config{Cookie: "monster", Network: m, Names: m})
	got := make(chan any, 10)
	pid, err := banyan.Go(n, func(self *banyan.Self) error {
		self.TrapExits(true)
		for {
			m, err := self.Receive(self)
			if err != nil {
				return err
			}
			got <- m
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	raw := banyan.PID{Node: "raw@h", ID: 1, Creation: 5}
	ref := banyan.Reference{Node: "raw@h", Creation: 5, Len: 3, Words: [5]uint32{1}}
	normal := etf.Atom("normal")
	for _, bad := range []etf.Tuple{
		{21, raw, pid, normal}, {21, raw, pid, normal, normal}, {1}, {1, raw}, {35, raw}, {35, 1, raw, ref}, {20, ref}, {20, raw, pid}, {7}, {7, normal, pid},
		{19, normal, pid, ref}, {19, raw, pid}, {8}, {8, raw}, {8, raw, normal, normal}, {3, raw, normal, normal}, {6, raw}, {6, raw, etf.Atom(""), pid},
		{2, etf.Atom("")}, {2, etf.Atom(""), normal}, {22, raw, normal}, {31, ref, pid}, {29, ref, raw}, {0}, {100, raw, pid},
	} {
		c := silent(t, m)
		go io.Copy(io.Discard, c) // ends with the link
		go c.Write(append(append(framed(noAtoms, terms(etf.Tuple{22, raw, pid}, etf.Atom("one"))), framed(noAtoms, terms(etf.Tuple{1, raw, pid}))...),
			append(framed(noAtoms, terms(etf.Tuple{22, raw, pid}, etf.Atom("two"))), framed(noAtoms, terms(bad))...)...))
		for _, want := range []any{etf.Atom("one"), etf.Atom("two"), banyan.Exit{From: raw, Reason: banyan.ErrNoConnection}} {
			if m := <-got; m != want {
				t.Fatalf("%s: the process got %v, want %v", etf.Format(bad), m, want)
			}
		}
	}
	if _, alive := n.Info(pid); !alive || len(got) > 0 {
		t.Errorf("alive %v, %d messages more", alive, len(got))
	}
}

// Fifteen nodes of one program connect to one Erlang node at once, and each reaches the process that waits for it, which
// answers it (ei_threaded_send and ei_threaded_accept of erl_interface); those that monitor it hear of their links' ends.
func TestErlangManyNodes(t *testing.T) {
	const many = 15
	epmdPort := freePort(t)
	e := startErlang(t, "ermany", epmdPort, "monster")
	e.eval(t, fmt.Sprintf("[register(list_to_atom(\"mth\" ++ integer_to_list(I)), spawn(fun() -> receive {F, N} -> F ! {self(), N, N =:= I} end end)) || I <- lists:seq(0, %d)], ok", many-1))
	type node struct {
		tr   *Transport
		port *fakePort
		peer banyan.Peer
	}
	nodes := make([]node, many)
	var wg sync.WaitGroup
	for i := range nodes {
		tr, p := goNode(t, fmt.Sprintf("many%d", i), epmdPort, nil)
		nodes[i] = node{tr: tr, port: p}
	}
	errs := make(chan error, many)
	for i := range nodes {
		wg.Go(func() {
			n := &nodes[i]
			var err error
			if n.peer, err = n.tr.Peer(t.Context(), banyan.Atom(e.name)); err == nil {
				err = n.peer.Send(&banyan.Signal{Op: banyan.OpSendName, From: n.port.pid(7), Name: banyan.Atom(fmt.Sprintf("mth%d", i)),
					Body: banyan.Body{Value: etf.Tuple{n.port.pid(7), i}}})
			}
			errs <- err
		})
	}
	wg.Wait()
	for range nodes {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	for i, n := range nodes {
		n.port.next(t, "up")
		v, ok := n.port.next(t, "signal").signal.Body.Value.(etf.Tuple)
		if !ok || len(v) != 3 || v[1] != i || v[2] != etf.Atom("true") {
			t.Errorf("node %d got %v", i, v)
		}
	}
	// A monitor of a name on a node that ends fires once, whether it was set before the link or later (monitor_ei_process).
	last := nodes[many-1]
	target := fmt.Sprintf("{any, 'many%d@127.0.0.1'}", many-1)
	if got := e.eval(t, "put(m, [monitor(process, "+target+") || _ <- [1, 2]]), "+target+" ! hello, ok"); got != "ok" {
		t.Fatal(got)
	}
	last.port.next(t, "signal")
	last.port.next(t, "signal")
	if s := last.port.next(t, "signal").signal; s.Op != banyan.OpSendName || s.Name != "any" {
		t.Errorf("%+v", s)
	}
	last.peer.Disconnect(nil)
	last.port.next(t, "down")
	if got := e.eval(t, "[receive {'DOWN', M, process, O, R} -> {O =:= "+target+", R} after 10000 -> late end || M <- get(m)]"); got != "[{true,noconnection},{true,noconnection}]" {
		t.Error(got)
	}
	if got := e.eval(t, "receive X -> X after 0 -> none end"); got != "none" {
		t.Error("one more:", got)
	}
}
