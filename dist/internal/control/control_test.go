// SPDX-License-Identifier: Apache-2.0

package control

import (
	"errors"
	"math"
	"math/big"
	"reflect"
	"testing"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

var (
	ends   = Ends{Local: "b@h", Peer: "a@h"}
	theirs = banyan.PID{Node: "a@h", ID: 7, Serial: 1, Creation: 9}
	ours   = banyan.PID{Node: "b@h", ID: 8, Creation: 10}
	third  = banyan.PID{Node: "c@h", ID: 9, Creation: 11}
	ref    = banyan.Reference{Node: "a@h", Creation: 9, Len: 3, Words: [5]uint32{1, 2, 3}}
	token  = etf.Tuple{1, 2, 3, theirs, 4}
	none   = etf.Atom("")
)

// decode encodes a term and decodes it as a control message.
func decode(t testing.TB, term any) (Message, error) {
	t.Helper()
	var e etf.Encoder
	if err := e.Term(term); err != nil {
		t.Fatal(err)
	}
	var d etf.Decoder
	d.Reset(e.Bytes(), nil, etf.Limits{})
	var m Message
	err := Decode(&d, ends, &m)
	if err == nil && d.Len() != 0 {
		t.Fatalf("%v: %d bytes left", term, d.Len())
	}
	return m, err
}

// Every operation of the protocol, in every form.
func TestDecode(t *testing.T) {
	sig := func(op banyan.Op, f func(s *banyan.Signal)) banyan.Signal {
		s := banyan.Signal{Op: op, From: theirs, To: ours}
		if f != nil {
			f(&s)
		}
		return s
	}
	reason := etf.Atom("why")
	named := func(s *banyan.Signal) { s.To, s.Name = banyan.PID{}, "x" }
	alias := func(s *banyan.Signal) { s.To, s.Ref = banyan.PID{}, ref }
	for _, tc := range []struct {
		term    etf.Tuple
		want    banyan.Signal
		payload Payload
		reason  any
	}{
		{etf.Tuple{1, theirs, ours}, sig(banyan.OpLink, nil), NoPayload, nil},
		{etf.Tuple{2, none, ours}, sig(banyan.OpSend, func(s *banyan.Signal) { s.From = banyan.PID{} }), Body, nil},
		{etf.Tuple{12, none, ours, token}, sig(banyan.OpSend, func(s *banyan.Signal) { s.From = banyan.PID{} }), Body, nil},
		{etf.Tuple{22, theirs, ours}, sig(banyan.OpSend, nil), Body, nil},
		{etf.Tuple{23, theirs, ours, token}, sig(banyan.OpSend, nil), Body, nil},
		{etf.Tuple{3, theirs, ours, reason}, sig(banyan.OpExit, nil), NoPayload, reason},
		{etf.Tuple{13, theirs, ours, token, reason}, sig(banyan.OpExit, nil), NoPayload, reason},
		{etf.Tuple{24, theirs, ours}, sig(banyan.OpExit, nil), Reason, nil},
		{etf.Tuple{25, theirs, ours, token}, sig(banyan.OpExit, nil), Reason, nil},
		{etf.Tuple{8, theirs, ours, reason}, sig(banyan.OpExit2, nil), NoPayload, reason},
		{etf.Tuple{18, theirs, ours, token, reason}, sig(banyan.OpExit2, nil), NoPayload, reason},
		{etf.Tuple{26, theirs, ours}, sig(banyan.OpExit2, nil), Reason, nil},
		{etf.Tuple{27, theirs, ours, token}, sig(banyan.OpExit2, nil), Reason, nil},
		{etf.Tuple{6, theirs, none, etf.Atom("x")}, sig(banyan.OpSendName, named), Body, nil},
		{etf.Tuple{16, theirs, none, etf.Atom("x"), token}, sig(banyan.OpSendName, named), Body, nil},
		{etf.Tuple{7, third, ours}, sig(banyan.OpGroupLeader, func(s *banyan.Signal) { s.From = third }), NoPayload, nil},
		{etf.Tuple{19, theirs, ours, ref}, sig(banyan.OpMonitor, func(s *banyan.Signal) { s.Ref = ref }), NoPayload, nil},
		{etf.Tuple{19, theirs, etf.Atom("x"), ref}, sig(banyan.OpMonitor, func(s *banyan.Signal) { named(s); s.Ref = ref }), NoPayload, nil},
		{etf.Tuple{20, theirs, etf.Atom("x"), ref}, sig(banyan.OpDemonitor, func(s *banyan.Signal) { named(s); s.Ref = ref }), NoPayload, nil},
		{etf.Tuple{21, theirs, ours, ref, reason}, sig(banyan.OpDown, func(s *banyan.Signal) { s.Ref = ref }), NoPayload, reason},
		{etf.Tuple{28, etf.Atom("x"), ours, ref}, sig(banyan.OpDown, func(s *banyan.Signal) { s.From = banyan.PID{}; s.Name = "x"; s.Ref = ref }), Reason, nil},
		{etf.Tuple{31, ref, ours, 3, theirs}, sig(banyan.OpSpawnReply, func(s *banyan.Signal) { s.Ref = ref; s.Linked, s.Monitored = true, true }), NoPayload, nil},
		{etf.Tuple{32, ref, ours, 0, etf.Atom("notsup"), token}, sig(banyan.OpSpawnReply, func(s *banyan.Signal) { s.From = banyan.PID{}; s.Ref = ref; s.Err = "notsup" }), NoPayload, nil},
		{etf.Tuple{33, theirs, ref}, sig(banyan.OpSendAlias, alias), Body, nil},
		{etf.Tuple{34, theirs, ref, token}, sig(banyan.OpSendAlias, alias), Body, nil},
		{etf.Tuple{35, uint64(math.MaxUint64), theirs, ours}, sig(banyan.OpUnlink, func(s *banyan.Signal) { s.ID = math.MaxUint64 }), NoPayload, nil},
		{etf.Tuple{36, 1, theirs, ours}, sig(banyan.OpUnlinkAck, func(s *banyan.Signal) { s.ID = 1 }), NoPayload, nil},
		{etf.Tuple{37, 0, theirs, ours}, sig(banyan.OpSend, nil), Body, nil},
		{etf.Tuple{37, 1 + 2, theirs, ours, token, "more", "and more"}, sig(banyan.OpSend, nil), Body, nil},
		{etf.Tuple{37, 4, theirs, ref}, sig(banyan.OpSendAlias, alias), Body, nil},
		{etf.Tuple{37, 8, theirs, etf.Atom("x")}, sig(banyan.OpSendName, named), Body, nil},
		{etf.Tuple{37, 16, theirs, ours}, sig(banyan.OpExit2, nil), Reason, nil},
		{etf.Tuple{37, new(big.Int).Lsh(big.NewInt(1), 100), theirs, ours}, sig(banyan.OpSend, nil), Body, nil},
	} {
		m, err := decode(t, tc.term)
		if err != nil {
			t.Errorf("%v: %v", tc.term, err)
			continue
		}
		if !reflect.DeepEqual(m.Signal, tc.want) || m.Payload != tc.payload || m.Reason != tc.reason || m.HasReason != (tc.reason != nil) {
			t.Errorf("%v:\n got %+v\nwant %+v", tc.term, m, tc.want)
		}
	}
}

func TestSpawnOptions(t *testing.T) {
	a := func(s string) etf.Atom { return etf.Atom(s) }
	for _, tc := range []struct {
		opts               any
		link, monitor, bad bool
	}{
		{etf.List{}, false, false, false},
		{etf.List{a("link"), a("monitor")}, true, true, false},
		{etf.List{etf.Tuple{a("monitor"), etf.List{}}, etf.Tuple{a("max_heap_size"), etf.Map{}}, etf.Tuple{a("reply"), a("no")}}, false, true, false},
		{etf.List{a("monitor"), a("colour")}, false, true, true},
		{etf.List{etf.Tuple{a("link"), 1}}, false, false, true},
		{etf.List{etf.Tuple{1, 2}, etf.Tuple{}, "x"}, false, false, true},
		{etf.List{1, 2}, false, false, true},
	} {
		m, err := decode(t, etf.Tuple{29, ref, theirs, third, etf.Tuple{a("m"), a("f"), 2}, tc.opts})
		if err != nil {
			t.Errorf("%v: %v", tc.opts, err)
			continue
		}
		s := m.Signal.Spawn
		if s.Link != tc.link || s.Monitor != tc.monitor || m.BadOption != tc.bad || s.GroupLeader != third || s.Module != "m" || s.Function != "f" || m.Arity != 2 || m.Payload != Args {
			t.Errorf("%v: %+v %+v", tc.opts, m, s)
		}
	}
}

// What OTP cuts a connection for.
func TestDecodeRefuses(t *testing.T) {
	for _, term := range []any{
		17, etf.Tuple{}, etf.Tuple{etf.Atom("x")}, etf.Tuple{0, 1}, etf.Tuple{5, theirs, ours}, etf.Tuple{4, theirs, ours}, etf.Tuple{38, theirs, ours},
		etf.Tuple{-1, theirs, ours}, etf.Tuple{new(big.Int).Lsh(big.NewInt(1), 80), theirs, ours}, etf.Tuple{1, theirs}, etf.Tuple{1, theirs, ours, 1}, etf.Tuple{1, ours, theirs},
		etf.Tuple{1, theirs, third}, etf.Tuple{1, theirs, theirs}, etf.Tuple{19, theirs, third, ref}, etf.Tuple{20, theirs, theirs, ref}, etf.Tuple{35, 1, theirs, third},
		etf.Tuple{1, third, ours}, etf.Tuple{3, theirs, third, 1}, etf.Tuple{3, third, ours, 1}, etf.Tuple{8, third, ours, 1}, etf.Tuple{24, third, ours},
		etf.Tuple{26, third, ours}, etf.Tuple{19, third, ours, ref}, etf.Tuple{20, third, ours, ref}, etf.Tuple{35, 1, third, ours}, etf.Tuple{36, 1, third, ours},
		etf.Tuple{35, 0, theirs, ours}, etf.Tuple{35, -5, theirs, ours}, etf.Tuple{35, etf.Atom("x"), theirs, ours}, etf.Tuple{21, third, ours, ref, 1},
		etf.Tuple{28, none, ours, ref}, etf.Tuple{19, theirs, 5, ref}, etf.Tuple{19, theirs, ours, 5}, etf.Tuple{6, theirs, none, ours}, etf.Tuple{6, 1, none, etf.Atom("x")},
		etf.Tuple{2, none, etf.Atom("x")}, etf.Tuple{33, theirs, ours}, etf.Tuple{31, ref, ours, etf.Atom("x"), theirs}, etf.Tuple{31, ref, ours, 0, third}, etf.Tuple{31, ref, ours, 0, 5},
		etf.Tuple{29, ref, third, theirs, etf.Tuple{etf.Atom("m"), etf.Atom("f"), 1}, etf.List{}}, etf.Tuple{29, ref, theirs, theirs, etf.Tuple{etf.Atom("m"), etf.Atom("f")}, etf.List{}},
		etf.Tuple{29, ref, theirs, theirs, etf.Tuple{etf.Atom("m"), etf.Atom("f"), 256}, etf.List{}}, etf.Tuple{29, ref, theirs, theirs, etf.Tuple{etf.Atom("m"), etf.Atom("f"), -1}, etf.List{}},
		etf.Tuple{29, ref, theirs, theirs, etf.Tuple{etf.Atom("m"), etf.Atom("f"), 1}, 5},
		etf.Tuple{37, 12, theirs, ref}, etf.Tuple{37, 2, theirs, ours}, etf.Tuple{37, 0, theirs}, etf.Tuple{37, 16, third, ours}, etf.Tuple{37, 4, theirs, ours}, etf.Tuple{37, etf.Atom("x"), theirs, ours},
	} {
		if m, err := decode(t, term); !errors.Is(err, ErrInvalid) {
			t.Errorf("%v was taken: %+v, %v", term, m, err)
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	for _, s := range []banyan.Signal{{}, {Op: 99}, {Op: banyan.OpSend}, {Op: banyan.OpUnlink, From: theirs, To: ours}, {Op: banyan.OpSpawn, From: theirs},
		{Op: banyan.OpSpawn, From: theirs, Spawn: &banyan.SpawnRequest{Args: make([]any, 256)}}} {
		var e etf.Encoder
		if _, err := Encode(&e, ours, &s); !errors.Is(err, ErrSignal) {
			t.Errorf("%+v: %v", s, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, term := range []any{etf.Tuple{1, theirs, ours}, etf.Tuple{13, theirs, ours, token, etf.Atom("x")}, etf.Tuple{37, 2, theirs, ours, token},
		etf.Tuple{30, ref, theirs, theirs, etf.Tuple{etf.Atom("m"), etf.Atom("f"), 2}, etf.List{etf.Atom("link")}, token}} {
		var e etf.Encoder
		e.Term(term)
		f.Add(e.Bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var d etf.Decoder
		d.Reset(b, []etf.Atom{"a@h", "b@h", "x"}, etf.Limits{})
		var m Message
		if Decode(&d, ends, &m) != nil {
			return
		}
		var e etf.Encoder
		if _, err := Encode(&e, ours, &m.Signal); err != nil && !errors.Is(err, ErrSignal) {
			var ee *etf.Error
			if !errors.As(err, &ee) {
				t.Fatal(err)
			}
		}
	})
}
