// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist/internal/handshake"
	"github.com/banyan-go/banyan/etf"
)

// These are the topics of OTP's erl_distribution_wb_SUITE, in our own words: a handshake made by hand against a node, right up
// to one step, which is wrong. In virtual time, so that waiting for ever would show.

// caller is a handshake made by hand.
type caller struct {
	t         *testing.T
	c         net.Conn
	challenge uint32 // the node's
}

// say writes one message.
func (c *caller) say(msg ...any) {
	var b []byte
	for _, m := range msg {
		switch m := m.(type) {
		case string:
			b = append(b, m...)
		case []byte:
			b = append(b, m...)
		case uint16:
			b = binary.BigEndian.AppendUint16(b, m)
		case uint32:
			b = binary.BigEndian.AppendUint32(b, m)
		case uint64:
			b = binary.BigEndian.AppendUint64(b, m)
		case handshake.Flags:
			b = binary.BigEndian.AppendUint64(b, uint64(m))
		}
	}
	if err := writeMessage(c.c, b); err != nil && !errors.Is(err, io.ErrClosedPipe) {
		c.t.Error(err)
	}
}

// name is a right send_name.
func (c *caller) name() { c.say(handshake.NewDialler(rawSide("raw@h", "monster"), "b@h").Start()) }

// hear reads one message, which must begin with want.
func (c *caller) hear(want string) []byte {
	c.t.Helper()
	msg, err := readMessage(c.c)
	if err != nil || !strings.HasPrefix(string(msg), want) {
		c.t.Errorf("%q %v, want %q", msg, err, want)
	}
	return msg
}

// challenged goes up to the node's challenge.
func (c *caller) challenged() {
	c.t.Helper()
	c.name()
	c.hear("sok")
	if msg := c.hear("N"); len(msg) > 13 {
		c.challenge = binary.BigEndian.Uint32(msg[9:])
	}
}

func TestWrongCallers(t *testing.T) {
	flags, long := handshake.Hidden, strings.Repeat("x", 252)
	send := func(f handshake.Flags, name string) []any { return []any{"N", f, uint32(5), uint16(len(name)), name} }
	digest := func(challenge uint32) []byte { return handshake.Digest("monster", challenge) }
	steps := map[string]func(c *caller){
		"says nothing":                 func(c *caller) {},
		"goes away":                    func(c *caller) { c.c.Close() },
		"an empty message":             func(c *caller) { c.say() },
		"a message of 1025 bytes":      func(c *caller) { c.say(make([]byte, 1025)) },
		"half a length":                func(c *caller) { c.c.Write([]byte{0}) },
		"half a message":               func(c *caller) { c.c.Write([]byte{0, 50, 'N'}) },
		"a message of no known kind":   func(c *caller) { c.say("x") },
		"the handshake of OTP 22":      func(c *caller) { c.say("n", uint16(5), uint32(0x7fffff), "raw@h") },
		"a name that is cut":           func(c *caller) { c.say("N", flags, uint32(5), uint16(50), "raw@h") },
		"a name of no bytes":           func(c *caller) { c.say(send(flags, "")...) },
		"a name without a host":        func(c *caller) { c.say(send(flags, "raw")...) },
		"a name with an empty host":    func(c *caller) { c.say(send(flags, "raw@")...) },
		"a name with two hosts":        func(c *caller) { c.say(send(flags, "raw@h@h")...) },
		"a name with a blank":          func(c *caller) { c.say(send(flags, "ra w@h")...) },
		"a name of 256 bytes":          func(c *caller) { c.say(send(flags, long+"@abc")...) },
		"our own name":                 func(c *caller) { c.say(send(flags, "b@h")...); c.hear("snot_allowed") },
		"wants a name":                 func(c *caller) { c.say(send(flags|handshake.NameMe, "h")...); c.hear("snot_allowed") },
		"first the reply":              func(c *caller) { c.say("r", uint32(1), digest(1)) },
		"first the status reply":       func(c *caller) { c.say("strue") },
		"the name twice":               func(c *caller) { c.name(); c.hear("sok"); c.hear("N"); c.name() },
		"a status nobody asked for":    func(c *caller) { c.challenged(); c.say("strue") },
		"silent after the name":        func(c *caller) { c.challenged() },
		"an ack instead of a reply":    func(c *caller) { c.challenged(); c.say("a", digest(c.challenge)) },
		"the digest of another cookie": func(c *caller) { c.challenged(); c.say("r", uint32(1), handshake.Digest("guess", c.challenge)) },
		"the digest of its own number": func(c *caller) { c.challenged(); c.say("r", uint32(1), digest(1)) },
		"a digest that is cut":         func(c *caller) { c.challenged(); c.say("r", uint32(1), digest(c.challenge)[:15]) },
		"a digest and more":            func(c *caller) { c.challenged(); c.say("r", uint32(1), digest(c.challenge), "x") },
		"our challenge back":           func(c *caller) { c.challenged(); c.say("r", c.challenge, digest(c.challenge)) },
		"a frame too early":            func(c *caller) { c.challenged(); c.c.Write([]byte{0, 0, 0, 0}) },
	}
	for bit := handshake.Flags(1); bit != 0; bit <<= 1 {
		if handshake.Mandatory26&bit != 0 {
			steps[fmt.Sprintf("lacks flag %x", uint64(bit))] = func(c *caller) {
				c.say(send(handshake.Mandatory26&^bit, "raw@h")...)
				c.hear("snot_allowed")
			}
		}
	}
	for name, step := range steps {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				tb, b := begin(t, m, "b@h", noPoll)
				c := &caller{t: t, c: dialRaw(t, m, "b")}
				start := time.Now()
				step(c)
				if rest, _ := io.ReadAll(c.c); len(rest) > 0 {
					t.Errorf("the node goes on: %q", rest)
				}
				if d := time.Since(start); d > tb.cfg.SetupTime {
					t.Errorf("it took %v", d)
				}
				synctest.Wait()
				if st := tb.Stats(); st.Refused != 1 || st.Links != 0 || len(tb.pending) != 0 {
					t.Errorf("%+v", st)
				}
				b.quiet(t)
				if _, err := shake(dialRaw(t, m, "b"), rawSide("raw@h", "monster"), "b@h", true); err != nil {
					t.Error("the right handshake after it:", err)
				}
				b.next(t, "up")
			})
		})
	}
}

// What is odd but allowed: unknown flags, bytes behind the name, frames in the packet of the last message.
func TestOddCallers(t *testing.T) {
	m := newMemory()
	_, b := begin(t, m, "b@h", nil)
	c := &caller{t: t, c: dialRaw(t, m, "b")}
	c.say("N", handshake.Hidden|0x80|1<<27|1<<31|1<<40|1<<63, uint32(5), uint16(5), "raw@h", "and more")
	c.hear("sok")
	c.challenge = binary.BigEndian.Uint32(c.hear("N")[9:])
	raw := banyan.PID{Node: "raw@h", ID: 1, Creation: 5}
	reply := append([]byte{0, 21, 'r', 0, 0, 0, 9}, handshake.Digest("monster", c.challenge)...)
	reply = append(reply, 0, 0, 0, 0) // a tick
	go c.c.Write(append(reply, framed(noAtoms, terms(etf.Tuple{22, raw, b.pid(1)}, 7))...))
	if ack := c.hear("a"); string(ack[1:]) != string(handshake.Digest("monster", 9)) {
		t.Errorf("%q", ack)
	}
	b.next(t, "up")
	if s := b.next(t, "signal").signal; s.Body.Value != 7 {
		t.Errorf("%+v", s)
	}
}

// Two callers of one name in the handshake at once: whoever proves to know the cookie first has the link, the other is closed.
func TestTwoPendingCallersOfOneName(t *testing.T) {
	m := newMemory()
	_, b := begin(t, m, "b@h", nil)
	one, two := &caller{t: t, c: dialRaw(t, m, "b")}, &caller{t: t, c: dialRaw(t, m, "b")}
	one.challenged()
	two.challenged()
	two.say("r", uint32(9), handshake.Digest("monster", two.challenge))
	two.hear("a")
	up := b.next(t, "up").peer
	one.say("r", uint32(9), handshake.Digest("monster", one.challenge))
	if rest, err := io.ReadAll(one.c); len(rest) > 0 {
		t.Errorf("the second got %q %v", rest, err)
	}
	raw := banyan.PID{Node: "raw@h", ID: 1, Creation: 5}
	go two.c.Write(framed(noAtoms, terms(etf.Tuple{22, raw, b.pid(1)}, 7)))
	if e := b.next(t, "signal"); e.peer != up {
		t.Error("not the link of the first")
	}
	b.quiet(t)
}

// Nodes that answer a call wrongly cost no more than the time for a handshake, and the error says what was wrong.
func TestWrongAcceptors(t *testing.T) {
	challenge := func(name string, f handshake.Flags, n uint32) []any {
		return []any{"N", f, n, uint32(5), uint16(len(name)), name}
	}
	for name, tc := range map[string]struct {
		step func(c *caller)
		want error
	}{
		"says nothing":            {func(c *caller) {}, nil},
		"goes away":               {func(c *caller) { c.c.Close() }, handshake.ErrClosed},
		"an empty status":         {func(c *caller) { c.say() }, handshake.ErrProtocol},
		"a status of 2 KiB":       {func(c *caller) { c.say(make([]byte, 2048)) }, handshake.ErrProtocol},
		"an unknown status":       {func(c *caller) { c.say("sperhaps") }, handshake.ErrProtocol},
		"a name we did not ask":   {func(c *caller) { c.say("snamed:\x00\x03x@h\x00\x00\x00\x01") }, handshake.ErrProtocol},
		"not allowed":             {func(c *caller) { c.say("snot_allowed") }, ErrRefused},
		"nok, and does not call":  {func(c *caller) { c.say("snok") }, nil},
		"silent after ok":         {func(c *caller) { c.say("sok") }, nil},
		"another node":            {func(c *caller) { c.say("sok"); c.say(challenge("x@h", handshake.Hidden, 1)...) }, ErrWrongName},
		"an old node":             {func(c *caller) { c.say("sok"); c.say(challenge("b@h", handshake.Mandatory25, 1)...) }, handshake.ErrFlags},
		"a challenge that is cut": {func(c *caller) { c.say("sok"); c.say("N", handshake.Hidden, uint32(1)) }, handshake.ErrProtocol},
		"our challenge back":      {func(c *caller) { c.say("sok"); c.say(challenge("b@h", handshake.Hidden, 0)...); c.hear("r") }, nil},
		"closes on our digest": {func(c *caller) {
			c.say("sok")
			c.say(challenge("b@h", handshake.Hidden, 1)...)
			c.hear("r")
			c.c.Close()
		}, ErrCookie},
		"a wrong digest": {func(c *caller) {
			c.say("sok")
			c.say(challenge("b@h", handshake.Hidden, 1)...)
			c.hear("r")
			c.say("a", make([]byte, 16))
		}, ErrCookie},
		"alive, then silent": {func(c *caller) { c.say("salive"); c.hear("strue") }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				ta, a := begin(t, m, "a@h", noPoll)
				l, err := m.Listen("")
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				port, err := portOf(l.Addr())
				if err != nil {
					t.Fatal(err)
				}
				m.Register(t.Context(), "b", port, false)
				go func() {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					c := &caller{t: t, c: conn}
					c.hear("N")
					tc.step(c)
					io.Copy(io.Discard, conn)
					conn.Close()
				}()
				start := time.Now()
				_, err = ta.Peer(t.Context(), "b@h")
				if !errors.Is(err, banyan.ErrNoConnection) || (tc.want != nil && !errors.Is(err, tc.want)) {
					t.Errorf("%v, want %v", err, tc.want)
				}
				if d := time.Since(start); d > ta.cfg.SetupTime {
					t.Errorf("it took %v", d)
				}
				a.quiet(t)
			})
		})
	}
}
