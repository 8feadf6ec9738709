// SPDX-License-Identifier: Apache-2.0

package ets

import (
	"errors"
	"testing"

	"github.com/banyan-go/banyan"
)

// TestSetHeir: the last one that was named gets the table, of any kind; only the owner may name one.
func TestSetHeir(t *testing.T) {
	n := startNode(t)
	inProcess(t, n, func(heir *banyan.Self) error {
		var b *DuplicateBag[string, int]
		made := make(chan struct{})
		owner, err := banyan.Go(heir, func(self *banyan.Self) (err error) {
			if b, err = NewDuplicateBag[string, int](self, "", Heir(self.PID(), nil)); err != nil {
				return err
			}
			if err = b.SetHeir(self, heir.PID(), "data"); err != nil {
				return err
			}
			_ = b.Insert("a", 1)
			close(made)
			_, err = banyan.ReceiveOf[string](self, self)
			return err
		})
		if err != nil {
			return err
		}
		<-made
		if err := b.SetHeir(heir, banyan.PID{}, nil); !errors.Is(err, ErrAccess) {
			t.Error("somebody else names the heir:", err)
		}
		if err := banyan.Send(heir, owner, "end"); err != nil {
			return err
		}
		got, err := banyan.ReceiveOf[Transfer[*DuplicateBag[string, int]]](heir, heir)
		if err != nil || got.From != owner || got.Data != "data" || len(got.Table.Lookup("a")) != 1 || got.Table.Owner() != heir.PID() {
			t.Error(got, err)
		}
		return got.Table.Drop()
	})
}

// TestGiftThatDoesNotFit: the new owner lives and has no room for the message, so the table stays where it is.
func TestGiftThatDoesNotFit(t *testing.T) {
	n := startNode(t)
	inProcess(t, n, func(self *banyan.Self) error {
		full, end := make(chan struct{}), make(chan struct{})
		to, err := banyan.Go(self, func(*banyan.Self) error { close(full); <-end; return nil }, banyan.Mailbox(banyan.Limits{Messages: 1}))
		if err != nil {
			return err
		}
		defer close(end)
		<-full
		for banyan.Send(banyan.NoWait(self), to, "x") == nil {
		}
		s, err := NewSet[string, int](self, "", With(Private))
		if err != nil {
			return err
		}
		if err := s.GiveAway(self, to, nil); !errors.Is(err, banyan.ErrMailboxFull) {
			t.Error(err)
		}
		if err := s.Insert("a", 1); err != nil || s.Owner() != self.PID() || !s.Has("a") {
			t.Error("the old owner lost it:", err, s.Owner())
		}
		return nil
	})
}
