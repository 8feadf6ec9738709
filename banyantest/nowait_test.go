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
		// Full once is not full for good: the link's writer may still hand what is queued to the network. It is full when it
		// is so again after all have come to rest.
		piece := make([]byte, 32<<10)
		for still := false; !still; still = errors.Is(banyan.Send(ctx, p.PID(), piece), banyan.ErrLinkFull) {
			var err error
			for i := 0; i < 1000 && err == nil; i++ {
				err = banyan.Send(ctx, p.PID(), piece)
			}
			if !errors.Is(err, banyan.ErrLinkFull) {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		sent := make(chan error, 1)
		go func() { sent <- banyan.Send(again, p.PID(), make([]byte, 32<<10)) }()
		synctest.Wait()
		select {
		case err := <-sent:
			t.Fatal("NoConnect does not wait for room:", err)
		default:
		}
		c.HealAll()
		if err := <-sent; err != nil {
			t.Error(err)
		}
	})
}
