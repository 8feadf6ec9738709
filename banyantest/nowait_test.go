// SPDX-License-Identifier: Apache-2.0

package banyantest_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/banyantest"
)

// What is sent with NoWait neither makes a link nor waits for one that is full.
func TestNoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := banyantest.Cluster(t, banyantest.Nodes("a@sim", "b@sim"))
		p := banyantest.NewProbe(t, c.Node("b@sim"))
		ctx := banyan.NoWait(c.Node("a@sim").Context(t.Context()))
		if err := banyan.Send(ctx, p.PID(), banyan.Atom("early")); !errors.Is(err, banyan.ErrNoConnection) || len(c.Node("a@sim").Nodes()) != 0 {
			t.Error(err, c.Node("a@sim").Nodes())
		}
		again := banyan.NoConnect(c.Node("a@sim").Context(t.Context()))
		if err := banyan.Send(again, p.PID(), banyan.Atom("early")); !errors.Is(err, banyan.ErrNoConnection) || len(c.Node("a@sim").Nodes()) != 0 {
			t.Error(err, c.Node("a@sim").Nodes())
		}
		c.Connect()
		if err := banyan.Send(ctx, p.PID(), banyan.Atom("hello")); err != nil {
			t.Error(err)
		}
		banyantest.Expect(p, time.Second, func(a banyan.Atom) bool { return a == "hello" })
		c.Partition("a@sim", "b@sim")
		var err error
		for range 1000 {
			if err = banyan.Send(ctx, p.PID(), make([]byte, 32<<10)); err != nil {
				break
			}
		}
		if !errors.Is(err, banyan.ErrLinkFull) {
			t.Error(err)
		}
		sent := make(chan error, 1)
		go func() { sent <- banyan.Send(again, p.PID(), make([]byte, 32<<10)) }()
		synctest.Wait()
		select {
		case err := <-sent:
			t.Error("NoConnect does not wait for room:", err)
		default:
		}
		c.HealAll()
		if err := <-sent; err != nil {
			t.Error(err)
		}
	})
}
