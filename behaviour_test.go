// SPDX-License-Identifier: Apache-2.0

package banyan_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
)

// holder is a server with a behaviour: it keeps each message that its handlers ask it to, and runs what it has kept, and a
// message of its own, when it is told to by a "go".
type holder struct {
	seen  []string
	kept  []banyan.Message
	now   banyan.Message
	wrong error
}

func (k *holder) Behaviour() banyan.Behaviour { return (*holding)(k) }

type holding holder

func (b *holding) Begin(_ *banyan.Self, state any) error {
	k := state.(*holder)
	k.seen = append(k.seen, "begin")
	return nil
}

func (b *holding) Handle(self *banyan.Self, m banyan.Message) error {
	if v, ok := m.Plain(); ok && v == "go" {
		own, err := banyan.NewMessage[*holder](hear{"own"})
		if err != nil {
			return err
		}
		kept := append(b.kept, own)
		b.kept = nil
		for _, m := range kept {
			b.now = m
			if m.Run(self); self.Ending() {
				return nil
			}
		}
		return b.wrong
	}
	b.now = m
	m.Run(self)
	return b.wrong
}

func (k *holder) keep(self *banyan.Self) error {
	m, err := k.now.Keep(self)
	if err == nil {
		k.kept = append(k.kept, m)
	}
	return err
}

func (k *holder) Info(self *banyan.Self, v any) error {
	k.seen = append(k.seen, v.(string))
	if v == "tick" && len(k.seen) < 4 {
		return k.keep(self)
	}
	return nil
}

type hear struct{ S string }

func (m hear) Cast(k *holder, self *banyan.Self) error {
	k.seen = append(k.seen, m.S)
	return nil
}

// secondTime answers at its second time.
type secondTime struct{ N int }

func (m secondTime) Call(k *holder, self *banyan.Self) (int, error) {
	k.seen = append(k.seen, "call")
	if k.now.IsCall() && len(k.seen) < 3 {
		return 0, k.keep(self)
	}
	return m.N, nil
}

type whatSeen struct{}

func (whatSeen) Call(k *holder, _ *banyan.Self) ([]string, error) { return k.seen, nil }

type uncopiable struct{ c chan int }

func (uncopiable) Cast(*holder, *banyan.Self) error { return nil }

func TestBehaviour(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		ctx := outside(n)
		for name, spawn := range map[string]func() (banyan.Ref[*holder], error){
			"state": func() (banyan.Ref[*holder], error) { return banyan.SpawnState(n, &holder{}) },
			"constructor": func() (banyan.Ref[*holder], error) {
				return banyan.Spawn(n, func(context.Context, *banyan.Self) (*holder, error) { return &holder{}, nil })
			},
		} {
			ref, err := spawn()
			if err != nil {
				t.Fatal(err)
			}
			replies := make(chan int, 1)
			go func() {
				v, err := banyan.Call(ctx, ref, secondTime{7})
				if err != nil {
					t.Error(name, err)
				}
				replies <- v
			}()
			synctest.Wait()
			sendAll(t, n, ref.PID(), "go")
			if v := next(t, replies); v != 7 {
				t.Error(name, v)
			}
			got, err := banyan.Call(ctx, ref, whatSeen{})
			if want := "[begin call call own]"; err != nil || !sameText(got, want) {
				t.Error(name, got, err)
			}
		}
	})
}

// The tick of an interval timer may be kept, and the next one still comes.
func TestKeptTick(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		ref, err := banyan.Spawn(n, func(_ context.Context, self *banyan.Self) (*holder, error) {
			self.Every(time.Second, "tick")
			return &holder{}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(2500 * time.Millisecond)
		sendAll(t, n, ref.PID(), "go")
		got, err := banyan.Call(outside(n), ref, whatSeen{})
		if want := "[begin tick tick tick tick own]"; err != nil || !sameText(got, want) {
			t.Error(got, err)
		}
	})
}

func TestNewMessageRefuses(t *testing.T) {
	if _, err := banyan.NewMessage[*holder](uncopiable{make(chan int)}); err == nil {
		t.Error("a channel was taken")
	}
	var none banyan.Note[*holder]
	if _, err := banyan.NewMessage[*holder](none); err == nil {
		t.Error("nil was taken")
	}
}

// What a behaviour returns as an error ends the server.
func TestBehaviourFails(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		ref, err := banyan.SpawnState(n, &holder{wrong: errBoom})
		if err != nil {
			t.Fatal(err)
		}
		_, err = banyan.Call(outside(n), ref, whatSeen{})
		if err != nil { // it was answered before
			t.Error(err)
		}
		synctest.Wait()
		if _, err := banyan.Call(outside(n), ref, whatSeen{}); !errors.Is(err, banyan.ErrNoProcess) {
			t.Error(err)
		}
	})
}

func sameText(got []string, want string) bool {
	s := "["
	for i, g := range got {
		if i > 0 {
			s += " "
		}
		s += g
	}
	return s+"]" == want
}
