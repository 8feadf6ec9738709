// SPDX-License-Identifier: Apache-2.0

package dist

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/banyan-go/banyan"
	"github.com/banyan-go/banyan/etf"
)

// stall is what constructors with arguments make.
type stall struct {
	stallArgs
	owner banyan.PID
	ended chan error // may be nil
}

type stallArgs struct {
	Name   string
	Count  int8
	Prices map[banyan.Atom]float64
	Boss   banyan.PID
}

var registerStalls = sync.OnceFunc(func() {
	banyan.RegisterSpawnArgs("stall", func(_ context.Context, self *banyan.Self, a stallArgs) (*stall, error) {
		if a.Count < 0 {
			return nil, fmt.Errorf("%d pieces: %w", a.Count, errOut)
		}
		return &stall{stallArgs: a, owner: self.PID()}, nil
	})
	banyan.RegisterSpawnArgs("stall_of_one", func(_ context.Context, _ *banyan.Self, n int8) (*stall, error) {
		return &stall{stallArgs: stallArgs{Count: n}}, nil
	})
	banyan.RegisterSpawn("stall_of_none", func(_ context.Context, self *banyan.Self) (*stall, error) { return &stall{owner: self.PID()}, nil })
	banyan.RegisterSpawnArgs("slow_stall", func(_ context.Context, _ *banyan.Self, fail bool) (*stall, error) {
		slow := slowStalls.Load()
		<-slow.hold
		if fail {
			return nil, errOut
		}
		return &stall{ended: slow.ended}, nil
	})
})

// slow is what the constructors of slow_stall wait for, and where their processes say why they end. Constructors are registered
// once for the program; each test has its own.
type slow struct {
	hold    chan struct{}
	ended   chan error
	release func()
}

var slowStalls atomic.Pointer[slow]

func holdSlowStalls(t *testing.T) *slow {
	s := &slow{hold: make(chan struct{}), ended: make(chan error, 10)}
	s.release = sync.OnceFunc(func() { close(s.hold) })
	slowStalls.Store(s)
	t.Cleanup(s.release)
	return s
}

func (s *stall) Terminate(_ *banyan.Self, reason error) {
	if s.ended != nil {
		s.ended <- reason
	}
}

func (s *stall) Inspect() any { return []any{s.Name, int(s.Count), s.Prices["tea"]} }

func TestSpawnArgs(t *testing.T) {
	registerStalls()
	m := newMemory()
	na, _ := startNode(t, "na@h", Config{Cookie: "c", Network: m, Names: m})
	nb, _ := startNode(t, "nb@h", Config{Cookie: "c", Network: m, Names: m})
	ctx := na.Context(t.Context())
	if err := na.Connect(ctx, "nb@h"); err != nil {
		t.Fatal(err)
	}
	for _, node := range []banyan.Atom{"na@h", "", "nb@h"} {
		prices := map[banyan.Atom]float64{"tea": 2.5}
		ref, err := banyan.SpawnAtArgs[*stall](ctx, node, "stall", stallArgs{"t", 3, prices, banyan.PID{}})
		if err != nil {
			t.Fatal(node, err)
		}
		delete(prices, "tea") // the process has its own
		if v, err := banyan.Inspect(ctx, ref.PID()); err != nil || fmt.Sprint(v) != "[t 3 2.5]" && fmt.Sprint(v) != "[[116] 3 2.5]" {
			t.Error(node, v, err)
		}
		if ref, err = banyan.SpawnAtArgs[*stall](ctx, node, "stall_of_one", int8(7)); err != nil {
			t.Error(node, err)
		}
		// The constructor's own error.
		if _, err = banyan.SpawnAtArgs[*stall](ctx, node, "stall", stallArgs{Count: -1}); !errors.Is(err, errOut) || !strings.Contains(err.Error(), "-1 pieces") {
			t.Error(node, err)
		}
		// Another type, or number.
		if _, err = banyan.SpawnAtArgs[*stall](ctx, node, "stall_of_one", int64(1000)); !errors.Is(err, banyan.ErrBadArgument) {
			t.Error(node, err)
		}
		if _, err = banyan.SpawnAtArgs[*stall](ctx, node, "stall_of_none", 1); !errors.Is(err, banyan.ErrBadArgument) || !strings.Contains(err.Error(), "takes none") {
			t.Error(node, err)
		}
		if _, err = banyan.SpawnAt[*stall](ctx, node, "stall"); !errors.Is(err, banyan.ErrBadArgument) || !strings.Contains(err.Error(), "4 arguments, the fields of dist.stallArgs") {
			t.Error(node, err)
		}
		if _, err = banyan.SpawnAt[*stall](ctx, node, "stall_of_one"); !errors.Is(err, banyan.ErrBadArgument) || !strings.Contains(err.Error(), "one argument, a int8") {
			t.Error(node, err)
		}
		if _, err = banyan.SpawnAtArgs[*stall](ctx, node, "no_stall", 1); err == nil || !strings.Contains(err.Error(), "RegisterSpawn") {
			t.Error(node, err)
		}
	}
	_, err := banyan.SpawnAtArgs[*stall](ctx, "nb@h", "stall", struct {
		A string
		B string
		C map[string]int
		D int
	}{B: "many"})
	if !errors.Is(err, banyan.ErrBadArgument) || !strings.Contains(err.Error(), "argument 2 of stall, Count") {
		t.Error(err)
	}
	if _, err := banyan.SpawnAtArgs[*stall](ctx, "nb@h", "stall", make(chan int)); err == nil {
		t.Error("a channel was sent")
	}
	process(t, na, func(self *banyan.Self) error {
		var mon banyan.Reference
		ref, err := banyan.SpawnAtArgs[*stall](self, "nb@h", "stall_of_one", int8(1), banyan.Linked(), banyan.Monitored(&mon))
		if err != nil {
			return err
		}
		if err := banyan.SendExit(self, ref.PID(), errOut); err != nil {
			return err
		}
		if x, err := receive[banyan.Exit](self); err != nil || x.Reason != errOut {
			return fmt.Errorf("%v %w", x, err)
		}
		d, err := receive[banyan.Down](self)
		if err == nil && d.Monitor != mon {
			err = errors.New("another monitor")
		}
		return err
	})
	_ = nb
}

// A parent that gave up does not get a child afterwards: that ends when its parent's node hears of it. Nor does one that has ended.
func TestSpawnGivenUp(t *testing.T) {
	registerStalls()
	slow := holdSlowStalls(t)
	m := newMemory()
	na, _ := startNode(t, "na@h", Config{Cookie: "c", Network: m, Names: m})
	startNode(t, "nb@h", Config{Cookie: "c", Network: m, Names: m})
	end := make(chan struct{})
	defer close(end)
	for _, lives := range []bool{true, false} {
		given := make(chan error)
		if _, err := banyan.Go(na, func(self *banyan.Self) error {
			_, err := banyan.SpawnAtArgs[*stall](banyan.Within(self, 50*time.Millisecond), "nb@h", "slow_stall", false, banyan.Linked())
			given <- err
			if lives {
				<-end
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if err := <-given; !errors.Is(err, banyan.ErrTimeout) {
			t.Fatal(err)
		}
	}
	slow.release()
	for range 2 {
		reason := <-slow.ended
		if term := (*banyan.TermError)(nil); !errors.As(reason, &term) || term.Term != etf.Atom("abandoned") {
			t.Errorf("a child that nobody waits for ended with %v", reason)
		}
	}
}

func TestRegisterSpawnArgsRefuses(t *testing.T) {
	registerStalls()
	type hidden struct{ a int }
	for name, f := range map[string]func(){
		"field a of dist.hidden is not exported": func() {
			banyan.RegisterSpawnArgs("hidden", func(context.Context, *banyan.Self, hidden) (*stall, error) { return nil, nil })
		},
		"chan": func() {
			banyan.RegisterSpawnArgs("chan", func(context.Context, *banyan.Self, chan int) (*stall, error) { return nil, nil })
		},
		"registered already": func() {
			banyan.RegisterSpawnArgs("stall", func(context.Context, *banyan.Self, int) (*stall, error) { return nil, nil })
		},
	} {
		func() {
			defer func() {
				if v := recover(); !strings.Contains(fmt.Sprint(v), name) {
					t.Errorf("%s: %v", name, v)
				}
			}()
			f()
		}()
	}
}

// All ways that Erlang has to spawn a registered constructor.
func TestErlangSpawns(t *testing.T) {
	registerStalls()
	port := freePort(t)
	n, _ := startNode(t, "goa@127.0.0.1", Config{Cookie: "monster", Names: &EPMD{Port: port, Retry: 50 * time.Millisecond}})
	e := startErlang(t, "era", port, "monster")
	slow := holdSlowStalls(t)
	const node, args = "'goa@127.0.0.1'", "[<<\"tea\">>, 3, #{tea => 2.5}, self()]"
	for _, step := range []struct{ expr, want string }{
		{"put(args, " + args + "), P = spawn(" + node + ", banyan, stall, get(args)), put(p, P), sys:get_state(P)", `[<<"tea">>,3,2.5]`},
		{"exit(get(p), kill), ok", "ok"},
		{"P = spawn_link(" + node + ", banyan, stall, get(args)), process_flag(trap_exit, true), exit(P, bye), receive {'EXIT', P, R} -> R end", "bye"},
		{"{P, M} = spawn_monitor(" + node + ", banyan, stall, get(args)), exit(P, bye), receive {'DOWN', M, process, P, R} -> R end", "bye"},
		{"{P, M} = spawn_opt(" + node + ", banyan, stall, get(args), [link, monitor, {priority, high}]), gen_server:stop(P, {shutdown, enough}, 5000), {receive {'DOWN', M, process, P, R} -> R end, receive {'EXIT', P, R2} -> R2 end}",
			"{{shutdown,enough},{shutdown,enough}}"},
		{"R = spawn_request(" + node + ", banyan, stall, get(args), []), receive {spawn_reply, R, ok, P} -> is_process_alive(self()) andalso node(P) end", node},
		{"R = spawn_request(" + node + ", banyan, stall, get(args), [{reply_tag, my_tag}, monitor]), receive {my_tag, R, ok, P} -> exit(P, kill), receive {'DOWN', R, _, P, W} -> W end end", "killed"},
		{"R = spawn_request(" + node + ", banyan, stall, get(args), [{reply, no}, link]), receive {spawn_reply, R, _, _} -> reply after 100 -> nothing end", "nothing"},
		{"R = spawn_request(" + node + ", banyan, stall, get(args), [{reply, error_only}]), receive {spawn_reply, R, _, _} -> reply after 100 -> nothing end", "nothing"},
		{"R = spawn_request(" + node + ", banyan, stall, get(args), [{reply, error_only}, {no_such, option}]), receive {spawn_reply, R, error, W} -> W after 5000 -> nothing end", "badopt"},
		{"R = spawn_request(" + node + ", banyan, stall, get(args), [{reply, success_only}]), spawn_request_abandon(R)", "true"},
		{"P = spawn(" + node + ", banyan, stall_of_one, [7]), sys:get_state(P)", "[<<>>,7,0.0]"},
		{"P = spawn(" + node + ", banyan, stall_of_none, []), sys:get_state(P)", "[<<>>,0,0.0]"},
		// What does not fit starts and dies.
		{"{P, M} = spawn_monitor(" + node + ", banyan, stall, [<<>>, many, #{}, self()]), receive {'DOWN', M, process, P, R} -> R end",
			`{badarg,<<"bad argument: argument 2 of stall, Count: etf: int8: want integer, got atom many">>}`},
		{"{P, M} = spawn_monitor(" + node + ", banyan, stall_of_one, [200]), receive {'DOWN', M, process, P, {badarg, R}} -> R end",
			`<<"bad argument: argument 1 of stall_of_one, int8: etf: int8: 200 is out of range for int8">>`},
		{"P = spawn_link(" + node + ", banyan, stall, [<<>>, many, #{}, self()]), receive {'EXIT', P, {R, _}} -> R end", "badarg"},
		{"{P, M} = spawn_monitor(" + node + ", banyan, stall, []), receive {'DOWN', M, process, P, R} -> R end", "{undef,[{banyan,stall,[],[]}]}"},
		{"{P, M} = spawn_monitor(" + node + ", banyan, no_stall, [1]), receive {'DOWN', M, process, P, R} -> R end", "{undef,[{banyan,no_stall,[1],[]}]}"},
		{"{P, M} = spawn_monitor(" + node + ", fun() -> ok end), receive {'DOWN', M, process, P, {R, _}} -> R end", "undef"},
		// A constructor that fails, or takes its time, does not hold up who spawns.
		{"{P, M} = spawn_monitor(" + node + ", banyan, stall, [<<>>, -1, #{}, self()]), receive {'DOWN', M, process, P, R} -> R end", `{'out of stock',<<"-1 pieces: out of stock">>}`},
		{"put(slow, [spawn_monitor(" + node + ", banyan, slow_stall, [B]) || B <- [true, false]]), length(get(slow))", "2"},
		{"receive M -> M after 50 -> waiting end", "waiting"},
	} {
		if got := e.eval(t, step.expr); got != step.want && !(strings.Contains(step.want, "out of stock") && strings.Contains(got, "out of stock")) {
			t.Errorf("%s\n got %s\nwant %s", step.expr, got, step.want)
		}
	}
	slow.release()
	if got := e.eval(t, "[{P1, M1}, {P2, _}] = get(slow), receive {'DOWN', M1, process, P1, R} -> {is_atom(R) orelse is_tuple(R), sys:get_state(P2)} end"); got != "{true,[<<>>,0,0.0]}" {
		t.Error(got)
	}
	// From here to there.
	ctx := n.Context(t.Context())
	pid, err := banyan.SpawnFunc(ctx, e.name, "timer", "sleep", []any{etf.Atom("infinity")})
	if err != nil || pid.Node != e.name {
		t.Error(pid, err)
	}
}
