// SPDX-License-Identifier: Apache-2.0

package banyan_test

import (
	"context"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/banyan-go/banyan"
)

// logged runs f on a node and gives what it logged.
func logged(t *testing.T, f func(t *testing.T, n *banyan.Node)) []map[string]string {
	t.Helper()
	var r records
	synctest.Test(t, func(t *testing.T) {
		n := startNode(t, banyan.WithLogger(slog.New(&r)))
		f(t, n)
		synctest.Wait()
	})
	return r.all()
}

func TestCrashIsOneRecord(t *testing.T) {
	killed := func(n *banyan.Node) func(*banyan.Self) error {
		return func(self *banyan.Self) error { // it dies because of what happened to another: that is its own crash
			_, victim := spawnLab(t, n)
			_, err := banyan.Call(self, victim, ask{func(s *banyan.Self) (int, error) {
				_ = banyan.SendExit(outside(n), s.PID(), banyan.ErrKill)
				return 0, nil
			}})
			return err
		}
	}
	for name, c := range map[string]struct {
		f     func(n *banyan.Node) func(self *banyan.Self) error
		text  string
		stack string // a function in it, "" for none
	}{
		"panic": {func(*banyan.Node) func(*banyan.Self) error { return func(*banyan.Self) error { panic(errBoom) } }, "boom", "TestCrashIsOneRecord"},
		"Goexit": {func(*banyan.Node) func(*banyan.Self) error {
			return func(*banyan.Self) error { runtime.Goexit(); return nil }
		}, "Goexit", "TestCrashIsOneRecord"},
		"error": {func(*banyan.Node) func(*banyan.Self) error { return func(*banyan.Self) error { return errBoom } }, "boom", ""},
		"Stop": {func(*banyan.Node) func(*banyan.Self) error {
			return func(s *banyan.Self) error { s.Stop(errBoom); return nil }
		}, "boom", ""},
		"callee was killed": {killed, "killed", ""},
	} {
		for _, place := range []string{"first", "in a batch"} {
			t.Run(name+", "+place, func(t *testing.T) {
				var pid string
				got := logged(t, func(t *testing.T, n *banyan.Node) {
					_, a := spawnLab(t, n, banyan.Name("crasher"))
					pid = a.PID().String()
					if place != "first" {
						hold := make(chan struct{})
						later(t, n, a, func(*banyan.Self) error { <-hold; return nil })
						for range 3 {
							_ = banyan.Cast(outside(n), a, bump{1})
						}
						defer gone(t, n, a.PID())
						defer close(hold)
					}
					later(t, n, a, c.f(n))
					_ = banyan.Cast(outside(n), a, bump{1})
					synctest.Wait()
				})
				if len(got) != 1 {
					t.Fatalf("%d records: %v", len(got), got)
				}
				r := got[0]
				if r["msg"] != "process crashed" || r["level"] != "ERROR" || r["pid"] != pid || r["name"] != "crasher" ||
					r["kind"] != "*banyan_test.lab" || !strings.Contains(r["reason"], c.text) || r["outcome"] == "" {
					t.Errorf("got %v", r)
				}
				if r["last_message"] != "banyan_test.do" {
					t.Errorf("last_message is %q", r["last_message"])
				}
				if (c.stack == "") != (r["stack"] == "") || !strings.Contains(r["stack"], c.stack) {
					t.Errorf("stack is %q", r["stack"])
				}
			})
		}
	}
}

func TestOrderlyEndIsNoRecord(t *testing.T) {
	got := logged(t, func(t *testing.T, n *banyan.Node) {
		for _, why := range []error{nil, banyan.ErrNormal, banyan.ErrShutdown, banyan.Shutdown(errBoom)} {
			_, a := spawnLab(t, n)
			fail(t, n, a, why)
		}
		_, a := spawnLab(t, n)
		_ = banyan.SendExit(outside(n), a.PID(), banyan.ErrKill)
		_, b := spawnLab(t, n)
		_ = banyan.SendExit(outside(n), b.PID(), banyan.ErrShutdown)
		synctest.Wait()
		plain(t, n, func(*banyan.Self) error { return nil })
	})
	if len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

func TestPlainCrashIsOneRecord(t *testing.T) {
	got := logged(t, func(t *testing.T, n *banyan.Node) {
		plain(t, n, func(*banyan.Self) error { panic(errBoom) })
	})
	if len(got) != 1 || !strings.Contains(got[0]["stack"], "TestPlainCrash") || got[0]["kind"] != "process" {
		t.Errorf("got %v", got)
	}
}

func TestFailedStartIsOneRecord(t *testing.T) {
	for name, c := range map[string]struct {
		f    func(ctx context.Context, self *banyan.Self) (*lab, error)
		text string
	}{
		"error":            {func(context.Context, *banyan.Self) (*lab, error) { return nil, errBoom }, "boom"},
		"panic":            {func(context.Context, *banyan.Self) (*lab, error) { panic(errBoom) }, "boom"},
		"Goexit":           {func(context.Context, *banyan.Self) (*lab, error) { runtime.Goexit(); return nil, nil }, "Goexit"},
		"Stop":             {func(_ context.Context, s *banyan.Self) (*lab, error) { s.Stop(errBoom); return newLab(), nil }, "boom"},
		"timeout":          {func(ctx context.Context, _ *banyan.Self) (*lab, error) { <-time.After(time.Minute); return nil, errOut }, "timeout"},
		"obedient timeout": {func(ctx context.Context, _ *banyan.Self) (*lab, error) { <-ctx.Done(); return nil, ctx.Err() }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := logged(t, func(t *testing.T, n *banyan.Node) {
				_, err := banyan.Spawn(n, c.f, banyan.Name("x"), banyan.StartTimeout(time.Second))
				if err == nil || !strings.Contains(err.Error(), c.text) {
					t.Errorf("Spawn: %v", err)
				}
				<-time.After(2 * time.Minute)
			})
			if len(got) != 1 || got[0]["msg"] != "process failed to start" || got[0]["name"] != "x" || !strings.Contains(got[0]["reason"], c.text) {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestOnCrashReplacesTheRecord(t *testing.T) {
	var reports []banyan.CrashReport
	got := logged(t, func(t *testing.T, n *banyan.Node) {
		_, a := spawnLab(t, n, banyan.Name("a"), banyan.OnCrash(func(r banyan.CrashReport) { reports = append(reports, r) }))
		later(t, n, a, func(*banyan.Self) error { panic(errBoom) })
		gone(t, n, a.PID())
	})
	if len(got) != 0 || len(reports) != 1 {
		t.Fatalf("records %v, reports %v", got, reports)
	}
	r := reports[0]
	if r.Name != "a" || r.LastMessage != "banyan_test.do" || r.Stack == "" || r.Start || r.Kind != "*banyan_test.lab" {
		t.Errorf("got %+v", r)
	}
	errorIs(t, r.Reason, errBoom)
}

func TestOverflowIsAnAlarmNotALoad(t *testing.T) {
	got := logged(t, func(t *testing.T, n *banyan.Node) {
		_, a, release := held(t, n, banyan.Mailbox(banyan.Limits{Messages: 1}))
		for range 1000 {
			_ = banyan.Send(outside(n), a.PID(), 1)
		}
		release()
	})
	if len(got) != 1 || got[0]["level"] != "WARN" || !strings.Contains(got[0]["msg"], "mailbox full") {
		t.Errorf("got %v", got)
	}
}
