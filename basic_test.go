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

type stock struct{ left map[string]int }

var errOut = errors.New("out of stock")

func newStock(context.Context, *banyan.Self) (*stock, error) {
	return &stock{left: map[string]int{"tea": 10}}, nil
}

type take struct {
	SKU string
	N   int
}

func (m take) Call(s *stock, _ *banyan.Self) (int, error) {
	if s.left[m.SKU] < m.N {
		return 0, errOut
	}
	s.left[m.SKU] -= m.N
	return s.left[m.SKU], nil
}

type refill struct {
	SKU string
	N   int
}

func (m refill) Cast(s *stock, _ *banyan.Self) error {
	s.left[m.SKU] += m.N
	return nil
}

type crash struct{}

func (crash) Call(*stock, *banyan.Self) (int, error) { panic("boom") }

func startNode(t testing.TB, opts ...banyan.Option) *banyan.Node {
	t.Helper()
	n, err := banyan.Start("test@127.0.0.1", opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return n
}

func TestCallCast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := startNode(t)
		ctx := n.Context(context.Background())
		ref, err := banyan.Spawn(n, newStock, banyan.Name("stock"))
		if err != nil {
			t.Fatal(err)
		}
		if left, err := banyan.Call(ctx, ref, take{"tea", 2}); err != nil || left != 8 {
			t.Fatalf("take: %d, %v", left, err)
		}
		if err := banyan.Cast(ctx, ref, refill{"tea", 5}); err != nil {
			t.Fatal(err)
		}
		if left, err := banyan.Call(ctx, banyan.At[*stock]("stock", ""), take{"tea", 1}); err != nil || left != 12 {
			t.Fatalf("take: %d, %v", left, err)
		}
		if _, err := banyan.Call(ctx, ref, take{"tea", 100}); err != errOut {
			t.Fatalf("got %v", err)
		}
		_, err = banyan.Call(ctx, ref, crash{})
		var pe *banyan.ProcessError
		if !errors.As(err, &pe) || !pe.Delivered {
			t.Fatalf("got %v", err)
		}
		if _, err = banyan.Call(ctx, ref, take{"tea", 1}); !errors.Is(err, banyan.ErrNoProcess) || !errors.Is(err, banyan.ErrNotDelivered) {
			t.Fatalf("got %v", err)
		}
	})
}

type sleepy struct{}

type nap struct{ D time.Duration }

func (m nap) Call(_ *sleepy, self *banyan.Self) (bool, error) {
	<-time.After(m.D)
	return true, nil
}

func TestCallTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := startNode(t)
		ctx := n.Context(context.Background())
		ref, _ := banyan.SpawnState(n, &sleepy{})
		start := time.Now()
		_, err := banyan.Call(ctx, ref, nap{10 * time.Second})
		if !errors.Is(err, banyan.ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v", err)
		}
		if d := time.Since(start); d < 5*time.Second || d > 5*time.Second+20*time.Millisecond {
			t.Fatalf("took %v", d)
		}
	})
}
