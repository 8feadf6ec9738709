// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/dist"
	"github.com/banyan-go/banyan/etf"
)

// echo answers whoever shows an address.
type echo struct{}

func (echo) Info(self *banyan.Self, m any) error {
	t, ok := m.(etf.Tuple)
	if !ok || len(t) != 2 {
		return nil
	}
	answer := etf.Tuple{etf.Atom("echo"), self.PID(), t[1]}
	// Who has gone meanwhile gets no answer, and that is no trouble of ours.
	switch to := t[0].(type) {
	case banyan.PID:
		_ = banyan.Send(self, to, answer)
	case banyan.Reference:
		_ = banyan.SendAlias(self, to, answer)
	}
	return nil
}

func newEcho(_ context.Context, self *banyan.Self) (echo, error) { return echo{}, join(self) }

// counter counts.
type counter struct{ total int }

func newCounter(context.Context, *banyan.Self) (*counter, error) { return &counter{}, nil }

type add struct{ N int }

func (m add) Call(c *counter, _ *banyan.Self) (int, error) {
	c.total += m.N
	return c.total, nil
}

type addCast struct{ N int }

func (m addCast) Cast(c *counter, _ *banyan.Self) error {
	c.total += m.N
	return nil
}

type get struct{}

func (get) Call(c *counter, _ *banyan.Self) (int, error) { return c.total, nil }

type sleep struct{ Ms int }

// Call holds the server up, as timer:sleep in a gen_server does.
func (m sleep) Call(_ *counter, self *banyan.Self) (etf.Atom, error) {
	t := time.NewTimer(time.Duration(m.Ms) * time.Millisecond)
	defer t.Stop()
	select {
	case <-t.C:
		return "ok", nil
	case <-self.Context().Done():
		return "", self.Context().Err()
	}
}

func register() {
	banyan.RegisterCall[add]("add")
	banyan.RegisterCast[addCast]("add")
	banyan.RegisterCall[get]("get")
	banyan.RegisterCall[sleep]("sleep")
}

// exiter ends when it is told to.
type exiter struct{}

func (exiter) Info(self *banyan.Self, m any) error {
	if t, ok := m.(etf.Tuple); ok && len(t) == 2 && t[0] == etf.Atom("exit") {
		self.Stop(dist.TermReason(t[1]))
	}
	return nil
}

func newExiter(_ context.Context, self *banyan.Self) (exiter, error) { return exiter{}, join(self) }
