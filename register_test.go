// SPDX-License-Identifier: Apache-2.0

package banyan_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/banyan-go/banyan"
)

type (
	wireServer struct{}
	wireGet    struct{ Key string }
	wireGet2   struct{ Key string } // as many fields, for the same server
	wireDrop   struct{ Key string }
	wireInt    int
)

func (wireGet) Call(*wireServer, *banyan.Self) (int, error)  { return 0, nil }
func (wireGet2) Call(*wireServer, *banyan.Self) (int, error) { return 0, nil }
func (wireDrop) Cast(*wireServer, *banyan.Self) error        { return nil }
func (wireInt) Cast(*wireServer, *banyan.Self) error         { return nil }

// panics gives what f panics with, "" if it does not.
func panics(f func()) (text string) {
	defer func() {
		if v := recover(); v != nil {
			text = fmt.Sprint(v)
		}
	}()
	f()
	return ""
}

func TestRegistration(t *testing.T) {
	for name, c := range map[string]struct {
		f    func()
		text string // of the panic
	}{
		"not a struct":     {func() { banyan.RegisterCast[wireInt]("wireInt") }, "must be a struct"},
		"cannot be sent":   {func() { banyan.RegisterCall[withChan]("withChan") }, "chan int"},
		"two names":        {func() { banyan.RegisterType[leaf]("a", "b") }, "one name at most"},
		"wrong error code": {func() { banyan.RegisterError("test.out", errOut); banyan.RegisterError("test.out", errBoom) }, "test.out"},
		"same tag twice": {func() {
			banyan.RegisterCall[wireGet]("get")
			banyan.RegisterCall[wireGet]("get")  // the same again is fine
			banyan.RegisterCast[wireDrop]("get") // so is a cast
			banyan.RegisterCall[wireGet2]("get")
		}, "wireGet"},
		"same constructor twice": {func() {
			f := func(context.Context, *banyan.Self) (*wireServer, error) { return nil, nil }
			banyan.RegisterSpawn("wireServer", f)
			banyan.RegisterSpawn("wireServer", f)
		}, "wireServer"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := panics(c.f); got == "" || !contains(errors.New(got), c.text) {
				t.Errorf("panic %q does not name %s", got, c.text)
			}
		})
	}
}

var (
	errMine      = errors.New("mine")
	registerOnce sync.Once // the registry is the program's, tests may run twice
)

func TestErrorCodes(t *testing.T) {
	mine := errMine
	banyan.RegisterError("test.mine", mine)
	banyan.RegisterError("test.mine", mine) // again is fine
	for err, want := range map[error]string{
		mine: "test.mine", banyan.ErrNoProcess: "noproc", banyan.ErrMailboxFull: "banyan.mailbox_full",
		banyan.ErrKilled: "killed", banyan.ErrTimeout: "timeout",
	} {
		if code, exact, ok := banyan.ErrorCode(err); code != want || !exact || !ok {
			t.Errorf("%v has code %q, %v, %v", err, code, exact, ok)
		}
		if got, ok := banyan.ErrorByCode(want); got != err || !ok {
			t.Errorf("code %s is %v, %v", want, got, ok)
		}
		if code, exact, ok := banyan.ErrorCode(fmt.Errorf("more: %w", err)); code != want || exact || !ok {
			t.Errorf("wrapped %v has code %q, %v, %v", err, code, exact, ok)
		}
	}
	if code, _, ok := banyan.ErrorCode(errors.New("nobody's")); ok {
		t.Errorf("got %q", code)
	}
	if _, ok := banyan.ErrorByCode("test.unknown"); ok {
		t.Error("an unknown code is known")
	}
}

func TestSpawnAtOnThisNode(t *testing.T) {
	registerOnce.Do(func() {
		banyan.RegisterSpawn("test.lab", func(context.Context, *banyan.Self) (*lab, error) { return newLab(), nil })
		banyan.RegisterSpawn("test.bad", func(context.Context, *banyan.Self) (*lab, error) { return nil, errBoom })
	})
	bubble(t, func(t *testing.T, n *banyan.Node) {
		ctx := outside(n)
		ref, err := banyan.SpawnAt[*lab](ctx, n.Name(), "test.lab", banyan.Name("x"))
		if err != nil {
			t.Fatal(err)
		}
		in(t, n, ref, func(self *banyan.Self) {
			var m banyan.Reference
			child, err := banyan.SpawnAt[*lab](self, "", "test.lab", banyan.Linked(), banyan.Monitored(&m))
			if err != nil {
				t.Fatal(err)
			}
			if i, _ := n.Info(child.PID()); i.Parent != ref.PID() || len(i.Links) != 1 || i.Watched != 1 {
				t.Errorf("child: %+v", i)
			}
		})
		_, err = banyan.SpawnAt[*lab](ctx, "", "test.bad")
		errorIs(t, err, errBoom)
		_, err = banyan.SpawnAt[*lab](ctx, "", "test.nothing")
		for _, s := range []string{"test.nothing", string(n.Name()), "RegisterSpawn"} {
			if !contains(err, s) {
				t.Errorf("%v does not name %s", err, s)
			}
		}
		_, err = banyan.SpawnAt[*stock](ctx, "", "test.lab")
		errorIs(t, err, banyan.ErrNotUnderstood)
		_, err = banyan.SpawnAt[*lab](ctx, "other@host", "test.lab")
		errorIs(t, err, banyan.ErrNoConnection)
		errorIs(t, n.Connect(ctx, "other@host"), banyan.ErrNoConnection)
		if err := n.Connect(ctx, n.Name()); err != nil {
			t.Error(err)
		}
		if n.Disconnect("other@host") || len(n.Nodes()) != 0 {
			t.Error("there is a link to nobody")
		}
	})
}

// Without a transport everything to another node fails at once, and fires at once.
func TestNodeAlone(t *testing.T) {
	bubble(t, func(t *testing.T, n *banyan.Node) {
		far := banyan.PID{Node: "other@host", ID: 7, Serial: 1, Creation: 9}
		l, a := spawnLab(t, n, banyan.TrapExits())
		in(t, n, a, func(self *banyan.Self) {
			errorIs(t, banyan.Send(self, far, 1), banyan.ErrNoConnection, banyan.ErrNotDelivered)
			errorIs(t, banyan.SendExit(self, far, errBoom), banyan.ErrNoConnection)
			_, err := banyan.Call(self, banyan.At[*lab]("x", "other@host"), sleepFor(0))
			errorIs(t, err, banyan.ErrNotDelivered)
			_ = self.Link(far)
			self.Monitor(far)
			self.MonitorName("x", "other@host")
		})
		for range 3 {
			switch m := next(t, l.infos).(type) {
			case banyan.Exit:
				if m.From != far || m.Reason != banyan.ErrNoConnection {
					t.Errorf("got %+v", m)
				}
			case banyan.Down:
				if m.Node != "other@host" || m.Reason != banyan.ErrNoConnection {
					t.Errorf("got %+v", m)
				}
			}
		}
		none(t, l.infos)
	})
}
