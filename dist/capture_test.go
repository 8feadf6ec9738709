// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist/internal/control"
	"github.com/banyan-go/banyan/dist/internal/frame"
	"github.com/banyan-go/banyan/etf"
)

// recorded is one frame between two OTP 25 nodes.
type recorded struct {
	Scenario, Dir, Name, Control string
	Conn                         int
	Hex                          string
	Atoms                        []string
}

// recordings calls f for each frame, in order.
func recordings(t testing.TB, f func(r recorded, body []byte)) {
	t.Helper()
	file, err := os.Open("testdata/frames.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	z, err := gzip.NewReader(bufio.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(z)
	for dec.More() {
		var r recorded
		if err := dec.Decode(&r); err != nil {
			t.Fatal(err)
		}
		b, err := hex.DecodeString(r.Hex)
		if err != nil || int(binary.BigEndian.Uint32(b)) != len(b)-4 {
			t.Fatal(r.Scenario, err)
		}
		f(r, b[4:])
	}
}

// direction is what one end knows of one recorded connection, and where we write the same again.
type direction struct {
	in     frame.InCache
	pieces *frame.Assembler
	out    *frame.OutCache
	again  frame.InCache
}

// opName is a word of the recording's name that must fit the operation.
var opNames = map[banyan.Op]*regexp.Regexp{
	banyan.OpSend: regexp.MustCompile(`SEND`), banyan.OpSendName: regexp.MustCompile(`REG_SEND`), banyan.OpSendAlias: regexp.MustCompile(`ALIAS_SEND`),
	banyan.OpLink: regexp.MustCompile(`^LINK`), banyan.OpUnlink: regexp.MustCompile(`UNLINK_ID$`), banyan.OpUnlinkAck: regexp.MustCompile(`UNLINK_ID_ACK`),
	banyan.OpExit: regexp.MustCompile(`EXIT(_TT)?$`), banyan.OpExit2: regexp.MustCompile(`EXIT2`), banyan.OpMonitor: regexp.MustCompile(`^MONITOR_P$`),
	banyan.OpDemonitor: regexp.MustCompile(`DEMONITOR`), banyan.OpDown: regexp.MustCompile(`MONITOR_P_EXIT`), banyan.OpSpawn: regexp.MustCompile(`SPAWN_REQUEST`),
	banyan.OpSpawnReply: regexp.MustCompile(`SPAWN_REPLY`), banyan.OpGroupLeader: regexp.MustCompile(`GROUP_LEADER`),
}

// TestRecordedFrames decodes every frame of every recording, encodes the signal again, and wants the same back.
func TestRecordedFrames(t *testing.T) {
	type key struct {
		scenario, dir string
		conn          int
	}
	dirs := map[key]*direction{}
	frames, messages, cut := 0, 0, 0
	seen := map[banyan.Op]int{}
	recordings(t, func(r recorded, body []byte) {
		frames++
		k := key{r.Scenario, r.Dir, r.Conn}
		d := dirs[k]
		if d == nil {
			d = &direction{out: frame.NewOutCache(), pieces: frame.NewAssembler(frame.Limits{MaxMessage: 1 << 20, MaxTotal: 8 << 20, MaxSequences: 100})}
			dirs[k] = d
		}
		kind, seq, id, rest, err := frame.Parse(body)
		if err != nil {
			t.Fatalf("%+v: %v", k, err)
		}
		var atoms []etf.Atom
		var whole *frame.Message
		switch kind {
		case frame.Tick:
			return
		case frame.Next:
			cut++
			whole, err = d.pieces.Next(seq, id, rest)
		default:
			var n int
			if atoms, n, err = d.in.ParseHeader(rest, nil); err != nil {
				t.Fatalf("%+v %s: %v", k, r.Name, err)
			}
			for i, a := range r.Atoms {
				if _, name, _ := strings.Cut(a, ":"); string(atoms[i]) != name && !strings.HasSuffix(name, " chars)") { // long ones are recorded in part
					t.Fatalf("%+v: atom %d is %s, recorded as %s", k, i, atoms[i], name)
				}
			}
			if kind == frame.Whole {
				whole = &frame.Message{Atoms: atoms, Data: rest[n:]}
			} else {
				cut++
				whole, err = d.pieces.First(seq, id, atoms, rest[n:])
			}
		}
		if err != nil {
			t.Fatalf("%+v %s: %v", k, r.Name, err)
		}
		if whole == nil {
			return
		}
		messages++
		from, to, _ := strings.Cut(r.Dir, ">")
		ends := control.Ends{Peer: nodeNamed(from, whole.Atoms), Local: nodeNamed(to, whole.Atoms)}
		one := decodeAll(t, r, ends, whole.Atoms, whole.Data)
		seen[one.Signal.Op]++
		if kind == frame.Whole && !opNames[one.Signal.Op].MatchString(r.Name) {
			t.Errorf("%s decoded as operation %d", r.Name, one.Signal.Op)
		}
		// And back: what we write for the same signal means the same.
		var e encoder
		if _, err := e.signal(banyan.PID{}, &one.Signal, false); err != nil {
			t.Fatalf("%+v %s: %v", k, r.Name, err)
		}
		h := d.out.AppendHeader(nil, e.table.Atoms())
		atoms, n, err := d.again.ParseHeader(h, nil)
		if err != nil || n != len(h) {
			t.Fatal(err)
		}
		two := decodeAll(t, r, ends, atoms, e.enc.Bytes())
		if !sameMessage(&one, &two) {
			t.Errorf("%+v %s\n was %+v\n now %+v", k, r.Name, one.Signal, two.Signal)
		}
	})
	if frames < 300 || messages < 300 || cut < 20 || len(seen) < 12 {
		t.Errorf("%d frames, %d messages, %d fragments, operations %v", frames, messages, cut, seen)
	}
	t.Logf("%d frames, %d messages, %d fragments, operations %v", frames, messages, cut, seen)
}

// nodeNamed guesses the node of a side, A or B: its name begins with that letter in lower case.
func nodeNamed(side string, atoms []etf.Atom) banyan.Atom {
	return banyan.Atom(strings.ToLower(side) + "@127.0.0.1")
}

// decodeAll decodes a message as the reader would, but bodies generically.
func decodeAll(t *testing.T, r recorded, ends control.Ends, atoms []etf.Atom, data []byte) control.Message {
	t.Helper()
	var d etf.Decoder
	var m control.Message
	d.Reset(data, atoms, etf.DefaultLimits())
	if err := control.Decode(&d, ends, &m); err != nil {
		t.Fatalf("%s %s %s: %v", r.Scenario, r.Name, r.Control, err)
	}
	if m.HasReason {
		m.Signal.Reason = termReason(m.Reason)
		m.Reason, m.HasReason = nil, false
	}
	if m.Payload != control.NoPayload {
		v, err := d.Term()
		if err != nil {
			t.Fatalf("%s %s: %v", r.Scenario, r.Name, err)
		}
		switch m.Payload {
		case control.Body:
			m.Signal.Body.Value = v
		case control.Reason:
			m.Signal.Reason = termReason(v)
		case control.Args:
			m.Signal.Spawn.Args = v.(etf.List)
			if len(m.Signal.Spawn.Args) != m.Arity {
				t.Fatal("arity")
			}
		}
	}
	if d.Len() != 0 {
		t.Fatalf("%s %s: %d bytes left", r.Scenario, r.Name, d.Len())
	}
	return m
}

// sameMessage compares what counts.
func sameMessage(a, b *control.Message) bool {
	x, y := a.Signal, b.Signal
	if !etf.Equal(reasonTerm(x.Reason), reasonTerm(y.Reason)) || !etf.Equal(x.Body.Value, y.Body.Value) {
		return false
	}
	if x.Spawn != nil && y.Spawn != nil {
		if !etf.Equal(etf.List(x.Spawn.Args), etf.List(y.Spawn.Args)) {
			return false
		}
		p, q := *x.Spawn, *y.Spawn
		p.Args, q.Args = nil, nil
		if !reflect.DeepEqual(p, q) {
			return false
		}
	}
	x.Reason, y.Reason, x.Body, y.Body, x.Spawn, y.Spawn = nil, nil, banyan.Body{}, banyan.Body{}, nil, nil
	return reflect.DeepEqual(x, y)
}
