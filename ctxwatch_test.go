// SPDX-License-Identifier: Apache-2.0

package banyan_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"

	"github.com/banyan-go/banyan"
)

// hush is a call whose handler waits until the test lets it go on.
type hushed struct{ entered, hold chan struct{} }

type hush struct{ Wait bool }

func (m hush) Call(s *hushed, _ *banyan.Self) (int, error) {
	if m.Wait {
		s.entered <- struct{}{}
		<-s.hold
	}
	return 1, nil
}

// Whoever makes many calls under one context is told of its end in each of them, also once the call watches it.
func TestSharedContextEndsTheCallItIsUsedFor(t *testing.T) {
	n := quietNode(t)
	s := &hushed{make(chan struct{}), make(chan struct{})}
	to, err := banyan.SpawnState(n, s)
	if err != nil {
		t.Fatal(err)
	}
	for _, before := range []int{0, 1, 3, 4, 12} {
		ctx, cancel := context.WithCancel(n.Context(context.Background()))
		for range before {
			if _, err := banyan.Call(ctx, to, hush{}); err != nil {
				t.Fatal(err)
			}
		}
		done := make(chan error)
		go func() {
			for range before { // another goroutine with the same context, and so perhaps another call
				if _, err := banyan.Call(ctx, to, hush{}); err != nil {
					done <- err
					return
				}
			}
			_, err := banyan.Call(ctx, to, hush{true})
			done <- err
		}()
		<-s.entered
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("after %d calls: %v", before, err)
		}
		s.hold <- struct{}{}
		if _, err := banyan.Call(ctx, to, hush{}); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("after the end: %v", err)
		}
	}
	if _, err := banyan.Call(n.Context(context.Background()), to, hush{}); err != nil {
		t.Error("another context:", err)
	}
}

// Contexts that end while calls start and end: each call returns, with a reply or the context's error, and no other
// context's end ends it.
func TestContextsThatEndBetweenCalls(t *testing.T) {
	n := quietNode(t)
	to, err := banyan.SpawnState(n, &hushed{})
	if err != nil {
		t.Fatal(err)
	}
	root := n.Context(context.Background())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 200 {
				ctx, cancel := context.WithCancel(root)
				over := make(chan struct{})
				go func() {
					for range 20 {
						runtime.Gosched()
					}
					cancel()
					close(over)
				}()
				for {
					_, err := banyan.Call(ctx, to, hush{})
					if err == nil {
						continue
					}
					if !errors.Is(err, context.Canceled) || ctx.Err() == nil {
						t.Errorf("%v, and the context: %v", err, ctx.Err())
					}
					break
				}
				<-over
				if _, err := banyan.Call(root, to, hush{}); err != nil {
					t.Errorf("a context that goes on: %v", err)
				}
			}
		})
	}
	wg.Wait()
}
