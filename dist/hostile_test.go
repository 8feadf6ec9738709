// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist/internal/control"
	"github.com/banyan-go/banyan/dist/internal/frame"
	"github.com/banyan-go/banyan/dist/internal/handshake"
	"github.com/banyan-go/banyan/etf"
)

// framed puts a length before body.
func framed(body ...[]byte) []byte {
	b := bytes.Join(body, nil)
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
}

// terms encodes control and payload without an atom cache.
func terms(vs ...any) []byte {
	var e etf.Encoder
	for _, v := range vs {
		if err := e.Term(v); err != nil {
			panic(err)
		}
	}
	return bytes.Clone(e.Bytes())
}

var noAtoms = []byte{frame.Version, frame.Header, 0}

// logs counts what is logged as a warning.
type logs struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logs) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// What no correct peer sends costs it the link, one line in the log, and us nothing else.
func TestHostileFrames(t *testing.T) {
	raw := banyan.PID{Node: "raw@h", ID: 1, Creation: 5}
	other := banyan.PID{Node: "other@h", ID: 1, Creation: 5}
	b1 := banyan.PID{Node: "b@h", ID: 1, Creation: 1000}
	ref := banyan.Reference{Node: "raw@h", Creation: 5, Len: 3, Words: [5]uint32{1}}
	empty := etf.Atom("")
	ids := func(seq, id uint64) []byte {
		return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, seq), id)
	}
	first, next := []byte{frame.Version, frame.FirstPiece}, []byte{frame.Version, frame.NextPiece}
	send := terms(etf.Tuple{22, raw, b1})
	for name, sent := range map[string][]byte{
		"longer than any message":  {0xFF, 0xFF, 0xFF, 0xFF, 131, 68, 0},
		"just too long":            append(binary.BigEndian.AppendUint32(nil, 2<<20), make([]byte, 1000)...),
		"unknown form":             framed([]byte{131, 99}),
		"pass-through":             framed([]byte{112, 131}, send, []byte{131}, terms(1)),
		"no header":                framed([]byte{131, 68}),
		"empty cache slot":         framed([]byte{131, 68, 1, 0, 7}, send, terms(1)),
		"no control":               framed(noAtoms),
		"control is no tuple":      framed(noAtoms, terms(5)),
		"unknown operation":        framed(noAtoms, terms(etf.Tuple{99, raw, b1})),
		"negative operation":       framed(noAtoms, terms(etf.Tuple{-1, raw, b1})),
		"the old unlink":           framed(noAtoms, terms(etf.Tuple{4, raw, b1})),
		"arity":                    framed(noAtoms, terms(etf.Tuple{1, raw})),
		"a name for a pid":         framed(noAtoms, terms(etf.Tuple{22, raw, etf.Atom("x")}, 1)),
		"a pid for a name":         framed(noAtoms, terms(etf.Tuple{6, raw, empty, b1}, 1)),
		"link for another node":    framed(noAtoms, terms(etf.Tuple{1, other, b1})),
		"exit for another node":    framed(noAtoms, terms(etf.Tuple{3, other, b1, etf.Atom("kill")})),
		"exit2 for another node":   framed(noAtoms, terms(etf.Tuple{26, other, b1}, etf.Atom("kill"))),
		"exit for our node":        framed(noAtoms, terms(etf.Tuple{24, b1, b1}, etf.Atom("kill"))),
		"exit to another node":     framed(noAtoms, terms(etf.Tuple{3, raw, other, etf.Atom("kill")})),
		"monitor for another node": framed(noAtoms, terms(etf.Tuple{19, other, b1, ref})),
		"unlink for another node":  framed(noAtoms, terms(etf.Tuple{35, 1, other, b1})),
		"unlink id 0":              framed(noAtoms, terms(etf.Tuple{35, 0, raw, b1})),
		"unlink id -1":             framed(noAtoms, terms(etf.Tuple{35, -1, raw, b1})),
		"down of another node":     framed(noAtoms, terms(etf.Tuple{21, other, b1, ref, etf.Atom("x")})),
		"link to another node":     framed(noAtoms, terms(etf.Tuple{1, raw, other})),
		"monitor of another node":  framed(noAtoms, terms(etf.Tuple{19, raw, other, ref})),
		"unlink to another node":   framed(noAtoms, terms(etf.Tuple{35, 1, raw, other})),
		"priority, two addresses":  framed(noAtoms, terms(etf.Tuple{37, 12, raw, ref}, 1)),
		"priority, no token":       framed(noAtoms, terms(etf.Tuple{37, 2, raw, b1}, 1)),
		"priority, three elements": framed(noAtoms, terms(etf.Tuple{37, 0, raw}, 1)),
		"priority, flags no int":   framed(noAtoms, terms(etf.Tuple{37, empty, raw, b1}, 1)),
		"priority, alias no ref":   framed(noAtoms, terms(etf.Tuple{37, 4, raw, b1}, 1)),
		"priority, name no atom":   framed(noAtoms, terms(etf.Tuple{37, 8, raw, b1}, 1)),
		"priority, exit of other":  framed(noAtoms, terms(etf.Tuple{37, 16, other, b1}, 1)),
		"priority, no payload":     framed(noAtoms, terms(etf.Tuple{37, 0, raw, b1})),
		"handshake again":          framed(handshake.NewDialler(rawSide("raw@h", "monster"), "b@h").Start()),
		"atom longer than frame":   framed([]byte{131, 68, 1, 8, 7, 200, 'x'}, send, terms(1)),
		"atom of 256 characters":   framed([]byte{131, 68, 1, 0x18, 7, 1, 0}, bytes.Repeat([]byte("x"), 256), send, terms(1)),
		"atom that is not UTF-8":   framed([]byte{131, 68, 1, 8, 7, 2, 0xC3, 0x28}, send, terms(1)),
		"references, no flags":     framed([]byte{131, 68, 255, 0}),
		"reference out of header":  framed(noAtoms, send, []byte{82, 3}),
		"more fragments announced": append(framed(first, ids(1, 2), []byte{0}, send), framed(next, ids(1, 2), []byte("x"))...),
		"compressed bomb":          framed(noAtoms, send, []byte{80, 0x7F, 0xFF, 0xFF, 0xFF, 0x78, 0x9C}),
		"no payload":               framed(noAtoms, send),
		"payload is no term":       framed(noAtoms, send, []byte{255}),
		"payload cut":              framed(noAtoms, send, []byte{109, 0, 0, 1, 0, 'x'}),
		"payload with a tail":      framed(noAtoms, send, terms(1, 2)),
		"control with a tail":      framed(noAtoms, terms(etf.Tuple{1, raw, b1}), terms(1)),
		"2^32 elements":            framed(noAtoms, send, []byte{108, 255, 255, 255, 255, 106}),
		"corrupt call":             framed(noAtoms, send, terms(etf.Atom("x"))[:1]),
		"arguments no list":        framed(noAtoms, terms(etf.Tuple{29, ref, raw, raw, etf.Tuple{etf.Atom("m"), etf.Atom("f"), 1}, etf.List{}}, 7)),
		"too few arguments":        framed(noAtoms, terms(etf.Tuple{29, ref, raw, raw, etf.Tuple{etf.Atom("m"), etf.Atom("f"), 1}, etf.List{}}, etf.List{})),
		"options no list":          framed(noAtoms, terms(etf.Tuple{29, ref, raw, raw, etf.Tuple{etf.Atom("m"), etf.Atom("f"), 0}, etf.ImproperList{Elems: []any{etf.Atom("link")}, Tail: 1}}, etf.List{})),
		"2^60 fragments":           framed(first, ids(1, 1<<60), []byte{0}, send, terms(1)),
		"0 fragments":              framed(first, ids(1, 0), []byte{0}, send, terms(1)),
		"unknown sequence":         framed(next, ids(1, 1), []byte("x")),
		"sequence begins twice":    append(framed(first, ids(1, 3), []byte{0}, send), framed(first, ids(1, 3), []byte{0}, send)...),
		"fragment skipped":         append(framed(first, ids(1, 3), []byte{0}, send), framed(next, ids(1, 1), []byte("x"))...),
		"fragment too short":       framed(next, []byte{1, 2, 3}),
	} {
		t.Run(name, func(t *testing.T) {
			m := newMemory()
			_, b := begin(t, m, "b@h", func(c *Config) { c.MaxMessage = 1 << 20 })
			var log logs
			b.log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
			c := silent(t, m)
			up := b.next(t, "up")
			go c.Write(sent)
			e := b.next(t, "down")
			if e.peer != up.peer || !errors.Is(e.err, banyan.ErrNoConnection) ||
				(!errors.Is(e.err, frame.ErrProtocol) && !errors.Is(e.err, control.ErrInvalid)) {
				t.Error(e.err)
			}
			if _, err := c.Read(make([]byte, 1)); err == nil {
				t.Error("the link was kept")
			}
			b.quiet(t)
			log.mu.Lock()
			defer log.mu.Unlock()
			if n := strings.Count(log.text.String(), "\n"); n > 1 {
				t.Errorf("%d lines in the log:\n%s", n, log.text.String())
			}
		})
	}
}

// What is odd but allowed does not cost the link.
func TestOddFrames(t *testing.T) {
	m := newMemory()
	_, b := begin(t, m, "b@h", nil)
	c := silent(t, m)
	b.next(t, "up")
	raw := banyan.PID{Node: "raw@h", ID: 1, Creation: 5}
	b1 := banyan.PID{Node: "b@h", ID: 1, Creation: 1000}
	ref := banyan.Reference{Node: "raw@h", Creation: 5, Len: 3, Words: [5]uint32{1}}
	empty, token := etf.Atom(""), etf.Tuple{0, 1, 2, raw, 3}
	in := func(vs ...any) { c.Write(framed(noAtoms, terms(vs...))) }
	go func() {
		in(etf.Tuple{2, empty, b1}, 1)
		in(etf.Tuple{12, empty, b1, token}, 2)
		in(etf.Tuple{23, raw, b1, token}, 3)
		in(etf.Tuple{16, raw, empty, etf.Atom("x"), token}, 4)
		in(etf.Tuple{34, raw, ref, token}, 5)
		in(etf.Tuple{37, 0, raw, b1}, 6)
		in(etf.Tuple{37, 2, raw, b1, token, "later"}, 7)
		in(etf.Tuple{37, 4 + 1<<40, raw, ref}, 8)
		in(etf.Tuple{37, 8, raw, etf.Atom("x")}, 9)
		in(etf.Tuple{13, raw, b1, token, etf.Atom("killed")})
		in(etf.Tuple{18, raw, b1, token, etf.Atom("kill")})
		in(etf.Tuple{27, raw, b1, token}, etf.Atom("kill"))
		in(etf.Tuple{37, 16, raw, b1}, etf.Atom("kill"))
		in(etf.Tuple{21, etf.Atom("x"), b1, ref, etf.Atom("noproc")})
		in(etf.Tuple{30, ref, raw, raw, etf.Tuple{etf.Atom("m"), etf.Atom("f"), 2}, etf.List{etf.Atom("link"), etf.Tuple{etf.Atom("priority"), etf.Atom("high")}, etf.Tuple{etf.Atom("monitor"), etf.List{}}}, token}, etf.List{1, 2})
		in(etf.Tuple{32, ref, b1, 3, raw, token})
	}()
	for i := 1; i <= 9; i++ {
		if s := b.next(t, "signal").signal; s.Body.Value != i {
			t.Fatalf("%d: %+v", i, s)
		}
	}
	for _, want := range []struct {
		op     banyan.Op
		reason error
	}{{banyan.OpExit, banyan.ErrKilled}, {banyan.OpExit2, banyan.ErrKill}, {banyan.OpExit2, banyan.ErrKill}, {banyan.OpExit2, banyan.ErrKill},
		{banyan.OpDown, banyan.ErrNoProcess}, {banyan.OpSpawn, nil}, {banyan.OpSpawnReply, nil}} {
		s := b.next(t, "signal").signal
		if s.Op != want.op || s.Reason != want.reason {
			t.Errorf("%+v, want %+v", s, want)
		}
		if s.Op == banyan.OpSpawn && (!s.Spawn.Link || !s.Spawn.Monitor || len(s.Spawn.Args) != 2) {
			t.Errorf("%+v", s.Spawn)
		}
	}
	// An option nobody knows is answered.
	go in(etf.Tuple{29, ref, raw, raw, etf.Tuple{etf.Atom("m"), etf.Atom("f"), 0}, etf.List{etf.Tuple{etf.Atom("colour"), 1}}}, etf.List{})
	head := make([]byte, 4)
	io.ReadFull(c, head)
	body := make([]byte, binary.BigEndian.Uint32(head))
	io.ReadFull(c, body)
	atoms, n, err := new(frame.InCache).ParseHeader(body[2:], nil)
	if err != nil {
		t.Fatal(err)
	}
	var d etf.Decoder
	d.Reset(body[2+n:], atoms, etf.Limits{})
	if v, err := d.Term(); err != nil || !etf.Equal(v, etf.Tuple{31, ref, raw, 0, etf.Atom("badopt")}) {
		t.Error(v, err)
	}
	b.quiet(t)
}

// A length alone makes us hold nothing.
func TestAnnouncedLengthCostsNothing(t *testing.T) {
	m := newMemory()
	_, b := begin(t, m, "b@h", nil)
	c := silent(t, m)
	b.next(t, "up")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	c.Write([]byte{7, 0xFF, 0xFF, 0xFF}) // 128 MiB are announced
	c.Write(make([]byte, 1000))
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 4<<20 {
		t.Errorf("%d bytes were taken", grown)
	}
}

// FuzzReceiver feeds arbitrary frames to a receiver.
func FuzzReceiver(f *testing.F) {
	recordings(f, func(r recorded, body []byte) {
		if len(body) < 2000 {
			f.Add(body, []byte{})
		}
	})
	f.Fuzz(func(t *testing.T, one, two []byte) {
		p := newFakePortOf("b@127.0.0.1", 10) // a large channel would be most of the time
		p.deliver = func(banyan.Peer, *banyan.Signal) {}
		tr := New(Config{})
		tr.cfg = tr.cfg.withDefaults()
		tr.name, tr.port = p.name, p
		side := rawSide("a@127.0.0.1", "")
		l := tr.newLink(holdConn{}, peerOf(side))
		r := newReceiver(l)
		for _, b := range [][]byte{one, two} {
			if r.frame(b) != nil {
				return
			}
		}
	})
}
