// SPDX-License-Identifier: Apache-2.0

package banyan_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
)

func TestStartTimeout(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		start := time.Now()
		_, err := banyan.Spawn(n, func(ctx context.Context, _ *banyan.Self) (*lab, error) {
			<-ctx.Done()
			<-time.After(time.Second) // it does not even obey
			return newLab(), nil
		}, banyan.StartTimeout(time.Second), banyan.Name("slow"))
		errorIs(t, err, banyan.ErrTimeout)
		if time.Since(start) != time.Second {
			t.Errorf("took %v", time.Since(start))
		}
		if _, ok := n.Whereis("slow"); ok {
			t.Error("the name is still taken")
		}
		if len(n.Stuck()) != 1 {
			t.Errorf("stuck: %v", n.Stuck())
		}
		<-time.After(2 * time.Second)
		if len(n.Stuck()) != 0 || n.Stats().Processes != 0 {
			t.Errorf("stuck: %v", n.Stuck())
		}
	})
}

func TestStartInAHandlerLeavesTheWorkerFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := quietNode(t, banyan.WithWorkers(1))
		_, a := spawnLab(t, n)
		_, b := spawnLab(t, n)
		in(t, n, a, func(self *banyan.Self) {
			_, err := banyan.Spawn(self, func(ctx context.Context, s *banyan.Self) (*lab, error) {
				_, err := banyan.Call(s, b, sleepFor(time.Second))
				return newLab(), err
			})
			if err != nil {
				t.Error(err)
			}
		})
	})
}
