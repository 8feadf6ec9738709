// SPDX-License-Identifier: Apache-2.0

package handshake

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
)

func side(name string, challenge uint32) Side {
	return Side{Name: name, Creation: 77, Flags: Hidden, Cookie: "monster", Challenge: challenge}
}

// run lets both machines talk until both are through or one fails. decide and answer stand for the link table.
func run(d *Dialler, a *Acceptor, decide Status, answer bool) (dialErr, acceptErr error, events []Event) {
	toA, toD := [][]byte{d.Start()}, [][]byte(nil)
	for len(toA)+len(toD) > 0 {
		if len(toA) > 0 {
			out, ev, err := a.Receive(toA[0])
			toA, toD = toA[1:], append(toD, out...)
			if err != nil {
				acceptErr = err
				if len(toD) == 0 {
					return d.Closed(), acceptErr, events
				}
			}
			switch ev {
			case Named:
				toD = append(toD, a.Decide(decide)...)
			case Proven:
				events = append(events, Proven)
				toD = append(toD, a.Ack())
			}
			continue
		}
		out, ev, err := d.Receive(toD[0])
		toD = toD[1:]
		if err != nil {
			return err, acceptErr, events
		}
		if out != nil {
			toA = append(toA, out)
		}
		switch ev {
		case Alive:
			toA = append(toA, d.Answer(answer))
		case Wait, Done:
			events = append(events, ev)
		}
	}
	return nil, acceptErr, events
}

func TestBothSides(t *testing.T) {
	for _, tc := range []struct {
		name              string
		dial, accept      func(*Side)
		want              string
		decide            Status
		answer            bool
		dialErr, acceptEr error
		events            []Event
	}{
		{name: "ok", decide: StatusOK, events: []Event{Proven, Done}},
		{name: "ok_simultaneous", decide: StatusOKSimultaneous, events: []Event{Proven, Done}},
		{name: "alive, lost the old one", decide: StatusAlive, answer: true, events: []Event{Proven, Done}},
		{name: "alive, keeps the old one", decide: StatusAlive, acceptEr: ErrClosed, dialErr: ErrClosed},
		{name: "nok", decide: StatusNOK, events: []Event{Wait}},
		{name: "not allowed", decide: StatusNotAllowed, dialErr: ErrRefused},
		{name: "wrong cookie", decide: StatusOK, dial: func(s *Side) { s.Cookie = "other" }, dialErr: ErrCookie, acceptEr: ErrCookie},
		{name: "alive, wrong cookie", decide: StatusAlive, answer: true, dial: func(s *Side) { s.Cookie = "x" }, dialErr: ErrCookie, acceptEr: ErrCookie},
		{name: "other name", decide: StatusOK, want: "c@h", dialErr: ErrName},
		{name: "own name", decide: StatusOK, dial: func(s *Side) { s.Name = "b@h" }, dialErr: ErrRefused, acceptEr: ErrName},
		{name: "no @", decide: StatusOK, dial: func(s *Side) { s.Name = "bh" }, dialErr: ErrClosed, acceptEr: ErrName},
		{name: "empty host", decide: StatusOK, dial: func(s *Side) { s.Name = "b@" }, dialErr: ErrClosed, acceptEr: ErrName},
		{name: "name me", decide: StatusOK, dial: func(s *Side) { s.Flags |= NameMe }, dialErr: ErrRefused, acceptEr: ErrName},
		{name: "dialler too old", decide: StatusOK, dial: func(s *Side) { s.Flags &^= V4NC }, dialErr: ErrRefused, acceptEr: ErrFlags},
		{name: "acceptor too old", decide: StatusOK, accept: func(s *Side) { s.Flags &^= UnlinkID }, dialErr: ErrFlags, acceptEr: ErrFlags},
		{name: "reflected", decide: StatusOK, dial: func(s *Side) { s.Challenge = 2 }, dialErr: ErrReflected},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ds, as := side("a@h", 1), side("b@h", 2)
			if tc.dial != nil {
				tc.dial(&ds)
			}
			if tc.accept != nil {
				tc.accept(&as)
			}
			want := "b@h"
			if tc.want != "" {
				want = tc.want
			}
			d, a := NewDialler(ds, want), NewAcceptor(as)
			dErr, aErr, events := run(d, a, tc.decide, tc.answer)
			if tc.name == "acceptor too old" {
				aErr = tc.acceptEr // the dialler closes; the acceptor only sees the end
			}
			if !errors.Is(dErr, tc.dialErr) || !errors.Is(aErr, tc.acceptEr) {
				t.Fatalf("dialler: %v, acceptor: %v", dErr, aErr)
			}
			if len(events) != len(tc.events) {
				t.Fatalf("events %v, want %v", events, tc.events)
			}
			for i := range events {
				if events[i] != tc.events[i] {
					t.Fatalf("events %v, want %v", events, tc.events)
				}
			}
			if len(events) == 2 && (d.Peer() != Peer{"b@h", 77, Hidden} || a.Peer() != Peer{"a@h", 77, Hidden}) {
				t.Fatalf("peers %+v %+v", d.Peer(), a.Peer())
			}
		})
	}
}

// An unknown peer must not be able to make the acceptor show a digest.
func TestAcceptorProvesItselfLast(t *testing.T) {
	a := NewAcceptor(side("b@h", 2))
	if _, _, err := a.Receive(NewDialler(side("a@h", 1), "b@h").Start()); err != nil {
		t.Fatal(err)
	}
	a.Decide(StatusOK)
	bad := append([]byte{'r', 0, 0, 0, 9}, make([]byte, 16)...)
	if _, _, err := a.Receive(bad); !errors.Is(err, ErrCookie) {
		t.Fatal(err)
	}
	if a.Ack() != nil {
		t.Fatal("acknowledged a peer that proved nothing")
	}
	if _, _, err := a.Receive(bad); !errors.Is(err, ErrProtocol) {
		t.Fatal("took a message after the end")
	}
}

// The mandatory flags of each OTP are enough, and each single one is needed.
func TestMandatoryFlags(t *testing.T) {
	for name, f := range map[string]Flags{"25 visible": 0xD07DF7FBD, "25 hidden": 0xD07DF7FBC, "28": 0x2D07DF7FBD} {
		if miss := f.Expand().missing(Mandatory26); miss != nil {
			t.Errorf("OTP %s lacks %v", name, miss)
		}
	}
	if Mandatory25 != 0x01070F94 || Mandatory26 != 0x403070F94 || Hidden != 0xD07DF7FBC {
		t.Errorf("%x %x %x", uint64(Mandatory25), uint64(Mandatory26), uint64(Hidden))
	}
	short := Mandatory25Digest | UnlinkID | V4NC
	if miss := short.Expand().missing(Mandatory26); miss != nil {
		t.Errorf("the digest bit stands for the set, but %v lacks", miss)
	}
	for bit := Flags(1); bit != 0; bit <<= 1 {
		miss := (Mandatory26 &^ bit).missing(Mandatory26)
		if (len(miss) == 1) != (Mandatory26&bit != 0) {
			t.Errorf("without %x: %v", uint64(bit), miss)
		}
	}
}

func TestNames(t *testing.T) {
	for _, bad := range []string{"", "a", "@h", "a@", "a@b@c", "a b@h", "\u4e16@h", string(bytes.Repeat([]byte("x"), 254)) + "@h"} {
		if CheckName(bad) == nil {
			t.Errorf("%q taken", bad)
		}
	}
	if err := CheckName("n\u00fcrnberg@h"); err != nil {
		t.Error(err)
	}
	if got := fromLatin1(toLatin1("n\u00fc@h")); got != "n\u00fc@h" {
		t.Errorf("%q", got)
	}
}

func FuzzAcceptor(f *testing.F) {
	f.Add(NewDialler(side("a@h", 1), "b@h").Start(), []byte("strue"), []byte("r12341234123412341234"))
	f.Add([]byte("n\x00\x05abcdname@host"), []byte{}, []byte{'N'})
	f.Fuzz(func(t *testing.T, one, two, three []byte) {
		for _, st := range []Status{StatusOK, StatusAlive, StatusNOK} {
			a := NewAcceptor(side("b@h", 2))
			for _, m := range [][]byte{one, two, three} {
				_, ev, err := a.Receive(m)
				if ev == Named {
					a.Decide(st)
				}
				if ev == Proven && err == nil && !(len(m) == 21 && proves(m[5:], "monster", 2)) {
					t.Fatal("proven without the cookie")
				}
			}
		}
	})
}

func FuzzDialler(f *testing.F) {
	challenge := appendChallenge(nil, &Side{Name: "b@h", Flags: Hidden}, []byte("b@h"))
	sum := digest("monster", 1)
	f.Add([]byte("sok"), challenge, append([]byte{'a'}, sum[:]...))
	f.Add([]byte("salive"), challenge, []byte{'a'})
	f.Add([]byte("snamed:\x00\x01x"), []byte{}, binary.BigEndian.AppendUint64(nil, 1))
	f.Fuzz(func(t *testing.T, one, two, three []byte) {
		d := NewDialler(side("a@h", 1), "b@h")
		d.Start()
		for _, m := range [][]byte{one, two, three} {
			_, ev, err := d.Receive(m)
			if ev == Alive {
				d.Answer(true)
			}
			if ev == Done && err == nil && !(len(m) == 17 && proves(m[1:], "monster", 1)) {
				t.Fatal("done without the cookie")
			}
			d.Closed()
		}
	})
}
